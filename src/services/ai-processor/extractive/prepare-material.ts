import type { Brief, BriefHeading, RawContent } from '../generation-types.ts';
import { type Candidate, type ReadSource, readCandidates } from './candidates.ts';
import { findHeadings } from './find-headings.ts';
import { createRelevance, type Relevance } from './relevance.ts';
import { keepToSubject } from './subject.ts';

export type MaterialInput = {
  readonly brief: Brief;
  readonly pages: readonly RawContent[];
  /** Does this sentence contradict what the publication knows? */
  readonly isContradicted: (sentence: string) => boolean;
};

export type Material = {
  readonly kind: 'prepared';
  readonly sources: readonly ReadSource[];
  readonly headings: readonly BriefHeading[];
  readonly relevance: Relevance;
  /** False for a sentence that the knowledge contradicts. Asked only of what would be chosen: reading facts is slow. */
  readonly isTrue: (candidate: Candidate) => boolean;
  readonly isOnSubject: (candidates: readonly Candidate[]) => boolean;
};

/** What both writers work from: quotable sentences on the subject. */
export function prepareMaterial({ brief, pages, isContradicted }: MaterialInput): Material | { kind: 'declined'; reason: string } {
  const declined = (reason: string) => ({ kind: 'declined', reason }) as const;
  const read = readCandidates(pages, brief.language);
  if (read.every(({ candidates }) => candidates.length === 0)) {
    return declined(`No gathered source in the language "${brief.language}" says anything on "${brief.title}".`);
  }
  const subject = keepToSubject(brief, read);
  if (subject.kind === 'foreign') return declined(`None of the gathered sources is about "${brief.title}".`);
  if (subject.kind === 'thin') return declined(`The gathered sources touch "${brief.title}" in too few paragraphs for an article.`);
  const { sources, isOnSubject } = subject;
  const headings = brief.headings.length > 0 ? brief.headings : findHeadings(brief, sources);
  const verdicts = new Map<Candidate, boolean>();
  const isTrue = (candidate: Candidate): boolean => {
    const known = verdicts.get(candidate) ?? !isContradicted(candidate.text);
    verdicts.set(candidate, known);
    return known;
  };
  return { kind: 'prepared', sources, headings, relevance: createRelevance(brief, headings, sources), isTrue, isOnSubject };
}
