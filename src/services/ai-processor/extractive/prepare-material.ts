import type { ConceptIndex } from '../concepts/index.ts';
import type { Brief, BriefHeading, Declined, RawContent } from '../generation-types.ts';
import { type Candidate, type ReadSource, readCandidates } from './candidates.ts';
import { describeSilence, describeSubject } from './decline-reasons.ts';
import { findHeadings } from './find-headings.ts';
import { listPassages, type Passage } from './passages.ts';
import { createRelevance, type Relevance } from './relevance.ts';
import { keepToSubject } from './subject.ts';
import { createTopic } from './topic.ts';

export type MaterialInput = {
  readonly brief: Brief;
  readonly pages: readonly RawContent[];
  readonly concepts: ConceptIndex;
  /** Does this sentence contradict what the publication knows? */
  readonly isContradicted: (sentence: string) => boolean;
};

export type Material = {
  readonly kind: 'prepared';
  readonly sources: readonly ReadSource[];
  readonly passages: readonly Passage[];
  readonly headings: readonly BriefHeading[];
  readonly relevance: Relevance;
  /** False for a sentence that the knowledge contradicts. Asked only of what would be chosen: reading facts is slow. */
  readonly isTrue: (candidate: Candidate) => boolean;
};

/**
 * What both writers work from: quotable sentences on the subject, in runs that can stand as a paragraph. `mayGap`: in a page that explains,
 * a run may leave out one unfit sentence; a story goes on from sentence to sentence.
 */
export function prepareMaterial(
  { brief, pages, concepts, isContradicted }: MaterialInput,
  { mayGap }: { readonly mayGap: boolean },
): Material | Declined {
  const read = readCandidates(pages, brief.language, concepts);
  if (read.every(({ candidates }) => candidates.length === 0)) return { kind: 'declined', reason: describeSilence(brief) };
  const subject = keepToSubject(brief, read, concepts);
  if (subject.kind !== 'covered') {
    const isUnclear = subject.kind === 'broad' || subject.kind === 'nothing_asked';
    return { kind: 'declined', reason: describeSubject(brief, subject), ...(isUnclear && { isUnclear }) };
  }
  const { sources, isOnSubject } = subject;
  const passages = sources
    .flatMap(({ kind, candidates }) => listPassages({ candidates, mayGap: mayGap && kind === 'article' }))
    .filter((passage) => isOnSubject(passage.candidates));
  const topic = createTopic(brief, sources, read, concepts);
  const headings = brief.headings.length > 0 ? brief.headings : findHeadings(brief, sources, passages, topic);
  const verdicts = new Map<Candidate, boolean>();
  const isTrue = (candidate: Candidate): boolean => {
    const known = verdicts.get(candidate) ?? !isContradicted(candidate.text);
    verdicts.set(candidate, known);
    return known;
  };
  return { kind: 'prepared', sources, passages, headings, relevance: createRelevance(brief, headings, sources, topic, concepts), isTrue };
}
