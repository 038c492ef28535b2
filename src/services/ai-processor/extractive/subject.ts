import type { Brief } from '../generation-types.ts';
import { coverageOf, learnTermWeights } from '../ranking/index.ts';
import { readTerms } from '../text/index.ts';
import type { Candidate, ReadSource } from './candidates.ts';

// Of the words asked for, by weight: how many the sources must know at all, and how many one paragraph (with its page's title) must have.
const minKnownShare = 0.5;
const minCoverageOfBest = 0.2;
const minCoverageOfEach = 0.6;
// What is quoted of such a paragraph must still name the subject by itself.
const minCoverageOfPassage = 0.5;
const minParagraphs = 4;

export type SubjectOutcome =
  | {
      readonly kind: 'covered';
      readonly sources: readonly ReadSource[];
      /** Does a paragraph made of these sentences speak of the subject? */
      readonly isOnSubject: (candidates: readonly Candidate[]) => boolean;
    }
  | { readonly kind: 'foreign' }
  | { readonly kind: 'thin' };

/**
 * Are the sources about what is asked? A brief with headings was made by someone who knows the field and says much, so title and query
 * count together and one good paragraph is enough. In free words only the title is sure, and nothing else keeps the article on its subject:
 * only paragraphs that have most of it are used, since "discus breeding" must not become an article on the breeding of shrimp.
 */
export function keepToSubject(brief: Brief, sources: readonly ReadSource[]): SubjectOutcome {
  const { language } = brief;
  const candidates = sources.flatMap((source) => source.candidates);
  const weights = learnTermWeights(candidates.map(({ terms }) => terms));
  const isFree = brief.headings.length === 0;
  const title = readTerms(brief.title, language);
  const subject = isFree && title.length > 0 ? title : [...title, ...readTerms(brief.query, language)];
  const known = new Set([...candidates.flatMap(({ terms }) => terms), ...sources.flatMap(({ page }) => readTerms(page.title, language))]);
  if (subject.length === 0 || coverageOf([...known], subject, weights) < minKnownShare) return { kind: 'foreign' };

  const titles = sources.map(({ page }) => readTerms(page.title, language));
  const coverageBy = (source: number, terms: readonly string[]) => coverageOf([...terms, ...(titles[source] ?? [])], subject, weights);
  const paragraphs = new Map(candidates.map((candidate) => [candidate.group, candidate]));
  const coverages = [...paragraphs.values()].map(({ source, contextTerms }) => coverageBy(source, contextTerms));
  if (!isFree) {
    return Math.max(0, ...coverages) < minCoverageOfBest ? { kind: 'foreign' } : { kind: 'covered', sources, isOnSubject: () => true };
  }
  const covering = coverages.filter((coverage) => coverage >= minCoverageOfEach).length;
  if (covering < minParagraphs) return { kind: covering === 0 ? 'foreign' : 'thin' };
  const isOnSubject = (run: readonly Candidate[]) =>
    coverageBy(run[0]?.source ?? -1, [...run.flatMap(({ terms }) => terms), ...readTerms(run[0]?.heading ?? '', language)]) >=
    minCoverageOfPassage;
  const kept = sources.map((source) => ({
    ...source,
    candidates: source.candidates.filter((candidate) => coverageBy(candidate.source, candidate.contextTerms) >= minCoverageOfEach),
  }));
  return { kind: 'covered', sources: kept, isOnSubject };
}
