import type { Knowledge, Pack, Voice } from '#platform/pack';
import { adviseAfterDecline } from './advice.ts';
import { type Checker, type CheckInput, createChecker, type Quality } from './checks/index.ts';
import { type ConceptIndex, createConceptIndex } from './concepts/index.ts';
import { composeArticle, type PassageSelection, selectPassages } from './extractive/index.ts';
import type { Brief, RawContent, WritingOutcome, WrittenArticle } from './generation-types.ts';
import { type GroundInput, groundArticle, type NameGroup } from './grounding/index.ts';
import { presentTitle, readTitleForms, type TitleForms } from './title.ts';

/** What the publication knows and how it speaks. `key` names this very copy: threads keep what they built from it. */
export type Reference = {
  readonly key: string;
  readonly knowledge: Knowledge;
  readonly voice: Voice;
  readonly tags: Pack['tags'];
  readonly topics: Pack['topics'];
};

export type WritingTask = { readonly reference: Reference } & (
  | { readonly kind: 'compose' | 'select'; readonly brief: Brief; readonly pages: readonly RawContent[] }
  | { readonly kind: 'ground'; readonly draft: Omit<GroundInput, 'names' | 'isContradicted'> }
  | { readonly kind: 'check'; readonly input: CheckInput }
);

export type CheckedOutcome =
  | { readonly kind: 'written'; readonly title: string; readonly article: WrittenArticle; readonly quality: Quality }
  | { readonly kind: 'declined'; readonly reason: string };

export type WritingResult =
  | { readonly kind: 'outcome'; readonly outcome: CheckedOutcome }
  | { readonly kind: 'selection'; readonly selection: PassageSelection }
  | { readonly kind: 'quality'; readonly quality: Quality };

type Desk = {
  readonly key: string;
  readonly checker: Checker;
  readonly names: readonly NameGroup[];
  readonly concepts: ConceptIndex;
  readonly titleForms: TitleForms;
};
let built: Desk | undefined;

function buildFrom({ key, knowledge, voice, tags }: Reference): Desk {
  if (built?.key === key) return built;
  const names = [...knowledge.plants, ...knowledge.animals].map((entry) => [
    entry.scientific_name,
    ...entry.synonyms,
    ...entry.common_names,
  ]);
  const checker = createChecker({ knowledge, voice });
  built = { key, checker, names, concepts: createConceptIndex({ knowledge, tags }), titleForms: readTitleForms(knowledge) };
  return built;
}

function checkOutcome(
  brief: Brief,
  outcome: WritingOutcome,
  { topics }: Reference,
  { checker, concepts, titleForms }: Desk,
): WritingResult {
  if (outcome.kind === 'declined') {
    const reason = `${outcome.reason} ${adviseAfterDecline(brief, outcome, topics, concepts)}`;
    return { kind: 'outcome', outcome: { kind: 'declined', reason } };
  }
  const { article } = outcome;
  const { language, contentType, tags } = brief;
  const { metaDescription, sections } = article;
  const title = presentTitle(brief, titleForms);
  const quality = checker.check({ title, metaDescription, language, contentType, sections, tags });
  return { kind: 'outcome', outcome: { kind: 'written', title, article, quality } };
}

function select(brief: Brief, selection: PassageSelection, { topics }: Reference, { concepts }: Desk): WritingResult {
  if (selection.kind === 'selected') return { kind: 'selection', selection };
  return {
    kind: 'selection',
    selection: { ...selection, reason: `${selection.reason} ${adviseAfterDecline(brief, selection, topics, concepts)}` },
  };
}

/** Runs in a thread: reading, ranking and checking take tens of milliseconds of pure CPU time. */
export function run(task: WritingTask): WritingResult {
  const { reference } = task;
  const desk = buildFrom(reference);
  const { checker, names, concepts } = desk;
  const isContradicted = (sentence: string) => checker.findContradictions(sentence).length > 0;
  switch (task.kind) {
    case 'compose':
      return checkOutcome(task.brief, composeArticle({ brief: task.brief, pages: task.pages, concepts, isContradicted }), reference, desk);
    case 'select':
      return select(task.brief, selectPassages({ brief: task.brief, pages: task.pages, concepts, isContradicted }), reference, desk);
    case 'ground':
      return checkOutcome(task.draft.brief, groundArticle({ ...task.draft, names, isContradicted }), reference, desk);
    case 'check':
      return { kind: 'quality', quality: checker.check(task.input) };
  }
}
