import { countWords } from '#shared/text';
import type { BriefHeading } from '../generation-types.ts';
import { chooseByMmr, cosine, type TermVector } from '../ranking/index.ts';
import type { Candidate } from './candidates.ts';
import type { Passage } from './passages.ts';
import type { Relevance } from './relevance.ts';

export type ChosenSection = { readonly heading: BriefHeading; readonly passages: readonly Passage[] };

export type Limits = {
  /** Of one heading; with fewer it is left out. */
  readonly minParagraphs: number;
  readonly maxParagraphs: number;
  /** Of the whole: enough, and never more. */
  readonly aimedWords: number;
  readonly maxWords: number;
};

const lambda = 0.8;
const maxSimilarity = 0.5;
const lengthFactors: Readonly<Record<number, number>> = { 2: 0.96, 3: 1, 4: 0.98 };
const weakestShare = 0.35;
const repeatedSourceFactor = 0.94;
const minScore = 0.25;
const minTopic = 0.25;
// A paragraph of the source may be right and the sentences taken from it speak of something else.
const minOwnCoverage = { onTopicalPage: 0.03, elsewhere: 0.12 };

/**
 * Rounds of choosing. A paragraph goes to the heading that it serves best (`shareOfBestHeading` 1); later rounds may give it to one that it
 * serves nearly as well. `shareOfBestParagraph`: how good beside the best that there is for the heading.
 */
const rounds = [
  { shareOfBestHeading: 1, shareOfBestParagraph: 0.5, upTo: 'minimum' },
  { shareOfBestHeading: 0.85, shareOfBestParagraph: 0.5, upTo: 'minimum' },
  // A heading that has one good paragraph is not given up for want of a second.
  { shareOfBestHeading: 0.6, shareOfBestParagraph: 0.4, upTo: 'second' },
  { shareOfBestHeading: 1, shareOfBestParagraph: 0.65, upTo: 'aim' },
  { shareOfBestHeading: 0.85, shareOfBestParagraph: 0.65, upTo: 'aim' },
] as const;
type Round = (typeof rounds)[number];

type Ranked = {
  readonly passage: Passage;
  readonly scores: ReadonlyMap<BriefHeading, number>;
  readonly best: number;
  readonly words: number;
  readonly vectors: readonly TermVector[];
};

/** The mean of its sentences, drawn towards the weakest: one that strays spoils the paragraph. */
function scorePassage(scores: readonly number[]): number {
  const mean = scores.reduce((sum, score) => sum + score, 0) / scores.length;
  return ((1 - weakestShare) * mean + weakestShare * Math.min(...scores)) * (lengthFactors[scores.length] ?? 1);
}

function rankPassages(
  passages: readonly Passage[],
  headings: readonly BriefHeading[],
  relevance: Relevance,
  isTrue: (candidate: Candidate) => boolean,
): Ranked[] {
  return passages.flatMap((passage) => {
    const { candidates } = passage;
    const [opener] = candidates;
    if (opener === undefined || !relevance.isOnTopic(opener)) return [];
    if (scorePassage(candidates.map(relevance.topicOf)) < minTopic) return [];
    const minCoverage = relevance.isOnTopicalPage(opener) ? minOwnCoverage.onTopicalPage : minOwnCoverage.elsewhere;
    const scores = new Map(
      headings.map((heading) => {
        const speaksOfIt = relevance.coverageFor(candidates, heading) >= minCoverage;
        return [heading, speaksOfIt ? scorePassage(candidates.map((candidate) => relevance.scoreFor(candidate, heading))) : 0] as const;
      }),
    );
    const best = Math.max(...scores.values());
    if (best < minScore || !candidates.every(isTrue)) return [];
    const words = countWords(candidates.map(({ text }) => text).join(' '));
    return [{ passage, scores, best, words, vectors: candidates.map(relevance.vectorOf) }];
  });
}

/** What was said already, and how much a passage resembles it. Within one paragraph of a source, likeness is no repetition. */
function createMemory(alreadySaid: readonly Candidate[], relevance: Relevance) {
  const said = alreadySaid.map((candidate) => ({ group: candidate.group, vector: relevance.vectorOf(candidate) }));
  const known = new Map<Ranked, { seen: number; highest: number }>();
  return {
    add({ passage, vectors }: Ranked): void {
      for (const [index, { group }] of passage.candidates.entries()) said.push({ group, vector: vectors[index] ?? new Map() });
    },
    likenessOf(ranked: Ranked): number {
      const state = known.get(ranked) ?? { seen: 0, highest: 0 };
      const ownGroup = ranked.passage.candidates[0]?.group;
      // Only what was said since the last look has to be compared.
      for (const { group, vector } of said.slice(state.seen)) {
        if (group === ownGroup) continue;
        for (const own of ranked.vectors) state.highest = Math.max(state.highest, cosine(own, vector));
      }
      state.seen = said.length;
      known.set(ranked, state);
      return state.highest;
    },
  };
}

/**
 * Fills the headings in turn, a paragraph each, so that an early one does not take what a later one needs. Nothing is said twice in the
 * whole article; a source that was quoted often gives way to others. Headings that find fewer than two paragraphs are left out.
 */
export function choosePassages(
  passages: readonly Passage[],
  headings: readonly BriefHeading[],
  relevance: Relevance,
  options: {
    readonly alreadySaid: readonly Candidate[];
    readonly limits: Limits;
    readonly isTrue: (candidate: Candidate) => boolean;
  },
): ChosenSection[] {
  const { alreadySaid } = options;
  const { minParagraphs, maxParagraphs, aimedWords, maxWords } = options.limits;
  const ranked = rankPassages(passages, headings, relevance, options.isTrue);
  const memory = createMemory(alreadySaid, relevance);
  const used = new Set<Candidate>(alreadySaid);
  const timesQuoted = new Map<number, number>();
  const chosen = new Map<BriefHeading, Ranked[]>(headings.map((heading) => [heading, []]));
  const bestFor = new Map(headings.map((heading) => [heading, Math.max(0, ...ranked.map(({ scores }) => scores.get(heading) ?? 0))]));
  const takenFor = (heading: BriefHeading): Ranked[] => chosen.get(heading) ?? [];
  const wordsOf = (list: readonly Ranked[]): number => list.reduce((sum, { words }) => sum + words, 0);

  function isFull(heading: BriefHeading, { upTo }: Round): boolean {
    const taken = takenFor(heading);
    if (upTo === 'minimum') return taken.length >= minParagraphs;
    if (upTo === 'second') return taken.length !== 1;
    return taken.length < minParagraphs || taken.length >= maxParagraphs || wordsOf(taken) >= aimedWords / headings.length;
  }

  function chooseFor(heading: BriefHeading, round: Round): boolean {
    if (isFull(heading, round)) return false;
    const scoreOf = ({ scores }: Ranked) => scores.get(heading) ?? 0;
    const threshold = Math.max(minScore, round.shareOfBestParagraph * (bestFor.get(heading) ?? 0));
    const wordsLeft = maxWords - wordsOf([...chosen.values()].flat());
    const open = ranked.filter(
      (passage) =>
        scoreOf(passage) >= Math.max(threshold, round.shareOfBestHeading * passage.best) &&
        passage.words <= wordsLeft &&
        !passage.passage.candidates.some((candidate) => used.has(candidate)),
    );
    const next = chooseByMmr(open, {
      lambda,
      maxSimilarity,
      relevanceOf: (passage) =>
        scoreOf(passage) * repeatedSourceFactor ** (timesQuoted.get(passage.passage.candidates[0]?.source ?? -1) ?? 0),
      similarityOf: memory.likenessOf,
    });
    if (next === undefined) return false;
    takenFor(heading).push(next);
    memory.add(next);
    for (const candidate of next.passage.candidates) used.add(candidate);
    const source = next.passage.candidates[0]?.source ?? -1;
    timesQuoted.set(source, (timesQuoted.get(source) ?? 0) + 1);
    return true;
  }

  function releaseIncomplete(): void {
    for (const heading of headings) {
      const taken = takenFor(heading);
      if (taken.length >= minParagraphs) continue;
      for (const candidate of taken.flatMap(({ passage }) => passage.candidates)) used.delete(candidate);
      chosen.set(heading, []);
    }
  }

  // Whoever has least to choose from chooses first.
  const plenty = new Map(headings.map((heading) => [heading, ranked.filter(({ scores, best }) => scores.get(heading) === best).length]));
  const inTurn = headings.toSorted((a, b) => (plenty.get(a) ?? 0) - (plenty.get(b) ?? 0));
  for (const round of rounds) {
    if (round.upTo === 'aim') releaseIncomplete();
    let isOpen = true;
    while (isOpen) isOpen = inTurn.map((heading) => chooseFor(heading, round)).includes(true);
  }
  return headings.flatMap((heading) => {
    const taken = takenFor(heading);
    return taken.length < minParagraphs ? [] : [{ heading, passages: orderForReading(taken.map(({ passage }) => passage)) }];
  });
}

/** The source of the best passage first; within a source, its own order. */
function orderForReading(passages: readonly Passage[]): Passage[] {
  const order = [...new Set(passages.map(({ candidates }) => candidates[0]?.source))];
  const placeOf = ({ candidates: [first] }: Passage) => ({ source: order.indexOf(first?.source), start: first?.start ?? 0 });
  return passages.toSorted((a, b) => placeOf(a).source - placeOf(b).source || placeOf(a).start - placeOf(b).start);
}
