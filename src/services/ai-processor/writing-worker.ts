import type { Knowledge, Pack, Voice } from '#platform/pack';
import { type Checker, type CheckInput, createChecker, type Quality } from './checks/index.ts';
import { type ConceptIndex, createConceptIndex } from './concepts/index.ts';
import { composeArticle, type PassageSelection, selectPassages } from './extractive/index.ts';
import type { Brief, RawContent, WritingOutcome, WrittenArticle } from './generation-types.ts';
import { type GroundInput, groundArticle, type NameGroup } from './grounding/index.ts';

/** What the publication knows and how it speaks. `key` names this very copy: threads keep what they built from it. */
export type Reference = {
  readonly key: string;
  readonly knowledge: Knowledge;
  readonly voice: Voice;
  readonly tags: Pack['tags'];
};

export type WritingTask = { readonly reference: Reference } & (
  | { readonly kind: 'compose' | 'select'; readonly brief: Brief; readonly pages: readonly RawContent[] }
  | { readonly kind: 'ground'; readonly draft: Omit<GroundInput, 'names' | 'isContradicted'> }
  | { readonly kind: 'check'; readonly input: CheckInput }
);

export type CheckedOutcome =
  | { readonly kind: 'written'; readonly article: WrittenArticle; readonly quality: Quality }
  | { readonly kind: 'declined'; readonly reason: string };

export type WritingResult =
  | { readonly kind: 'outcome'; readonly outcome: CheckedOutcome }
  | { readonly kind: 'selection'; readonly selection: PassageSelection }
  | { readonly kind: 'quality'; readonly quality: Quality };

let built:
  | { readonly key: string; readonly checker: Checker; readonly names: readonly NameGroup[]; readonly concepts: ConceptIndex }
  | undefined;

function buildFrom({ key, knowledge, voice, tags }: Reference) {
  if (built?.key === key) return built;
  const names = [...knowledge.plants, ...knowledge.animals].map((entry) => [
    entry.scientific_name,
    ...entry.synonyms,
    ...entry.common_names,
  ]);
  built = { key, checker: createChecker({ knowledge, voice }), names, concepts: createConceptIndex({ knowledge, tags }) };
  return built;
}

function checkOutcome(brief: Brief, outcome: WritingOutcome, checker: Checker): WritingResult {
  if (outcome.kind === 'declined') return { kind: 'outcome', outcome: { kind: 'declined', reason: outcome.reason } };
  const { article } = outcome;
  const { title, language, contentType, tags } = brief;
  const quality = checker.check({
    title,
    metaDescription: article.metaDescription,
    language,
    contentType,
    sections: article.sections,
    tags,
  });
  return { kind: 'outcome', outcome: { kind: 'written', article, quality } };
}

/** Runs in a thread: reading, ranking and checking take tens of milliseconds of pure CPU time. */
export function run(task: WritingTask): WritingResult {
  const { checker, names, concepts } = buildFrom(task.reference);
  const isContradicted = (sentence: string) => checker.findContradictions(sentence).length > 0;
  switch (task.kind) {
    case 'compose':
      return checkOutcome(task.brief, composeArticle({ brief: task.brief, pages: task.pages, concepts, isContradicted }), checker);
    case 'select':
      return { kind: 'selection', selection: selectPassages({ brief: task.brief, pages: task.pages, concepts, isContradicted }) };
    case 'ground':
      return checkOutcome(task.draft.brief, groundArticle({ ...task.draft, names, isContradicted }), checker);
    case 'check':
      return { kind: 'quality', quality: checker.check(task.input) };
  }
}
