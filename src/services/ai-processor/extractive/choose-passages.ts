import { countWords } from '#shared/text';
import type { BriefHeading } from '../generation-types.ts';
import { chooseByMmr, cosine, type TermVector } from '../ranking/index.ts';
import type { Candidate } from './candidates.ts';
import { definedBy } from './definition.ts';
import type { Passage } from './passages.ts';
import type { Relevance } from './relevance.ts';

export type ChosenSection = { readonly heading: BriefHeading; readonly passages: readonly Passage[] };

export type Limits = {
  readonly maxParagraphs: number;
  /** Of one heading; with fewer it is left out. */
  readonly minWordsOfSection: number;
  /** Of the whole: enough, and never more. */
  readonly aimedWords: number;
  readonly maxWords: number;
};

const lambda = 0.8;
const maxSimilarity = 0.5;
const repeatedSourceFactor = 0.95;
// Two voices under one heading say more than one that goes on.
const sameSourceInSectionFactor = 0.93;
const minScore = 0.2;

type Round = {
  readonly shareOfBestHeading: number;
  readonly shareOfBestParagraph: number;
  readonly upTo: number | 'aim';
  /** Only from pages that were hardly quoted so far. */
  readonly isFresh?: boolean;
  /** Only while the article rests on fewer pages. */
  readonly ifFewerSourcesThan?: number;
};
const freshShare = 0.2;

/**
 * Rounds of choosing. A paragraph goes to the heading that it serves best (`shareOfBestHeading` 1); later rounds may give it to one that it
 * serves nearly as well. `shareOfBestParagraph`: how good beside the best that there is for the heading.
 */
const rounds: readonly Round[] = [
  { shareOfBestHeading: 1, shareOfBestParagraph: 0.7, upTo: 1 },
  { shareOfBestHeading: 0.85, shareOfBestParagraph: 0.6, upTo: 1 },
  // A heading is not given up because its paragraphs would serve another a little better.
  { shareOfBestHeading: 0.65, shareOfBestParagraph: 0.5, upTo: 1 },
  // Nor does an article rest on one page where another has something to say.
  { shareOfBestHeading: 0.85, shareOfBestParagraph: 0.56, upTo: 2, isFresh: true },
  { shareOfBestHeading: 1, shareOfBestParagraph: 0.6, upTo: 2 },
  { shareOfBestHeading: 0.85, shareOfBestParagraph: 0.6, upTo: 2 },
  { shareOfBestHeading: 0.7, shareOfBestParagraph: 0.35, upTo: 3, isFresh: true, ifFewerSourcesThan: 2 },
  { shareOfBestHeading: 1, shareOfBestParagraph: 0.6, upTo: 'aim' },
  { shareOfBestHeading: 0.85, shareOfBestParagraph: 0.6, upTo: 'aim' },
];

type Ranked = {
  readonly passage: Passage;
  readonly scores: ReadonlyMap<BriefHeading, number>;
  readonly best: number;
  readonly words: number;
  readonly vectors: readonly TermVector[];
};

function rankPassages(
  passages: readonly Passage[],
  headings: readonly BriefHeading[],
  relevance: Relevance,
  isTrue: (candidate: Candidate) => boolean,
): Ranked[] {
  return passages.flatMap((passage) => {
    const { candidates } = passage;
    const scores = new Map(headings.map((heading) => [heading, relevance.scoreFor(candidates, heading)] as const));
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
 * whole article; a source that was quoted often gives way to others. Headings that find too little are left out.
 */
export function choosePassages(
  passages: readonly Passage[],
  headings: readonly BriefHeading[],
  relevance: Relevance,
  options: {
    readonly alreadySaid: readonly Candidate[];
    readonly limits: Limits;
    readonly language: string;
    readonly isTrue: (candidate: Candidate) => boolean;
  },
): ChosenSection[] {
  const { alreadySaid } = options;
  const { maxParagraphs, minWordsOfSection, aimedWords, maxWords } = options.limits;
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
    if (upTo !== 'aim') return taken.length >= upTo;
    return taken.length >= maxParagraphs || wordsOf(taken) >= aimedWords / headings.length;
  }

  function freshnessOf(source: number, heading: BriefHeading): number {
    const isInSection = takenFor(heading).some(({ passage }) => passage.candidates[0]?.source === source);
    return repeatedSourceFactor ** (timesQuoted.get(source) ?? 0) * (isInSection ? sameSourceInSectionFactor : 1);
  }

  const isFresh = ({ passage }: Ranked): boolean => {
    const total = [...timesQuoted.values()].reduce((sum, times) => sum + times, 0);
    return (timesQuoted.get(passage.candidates[0]?.source ?? -1) ?? 0) <= freshShare * total;
  };

  function chooseFor(heading: BriefHeading, round: Round): boolean {
    if (isFull(heading, round) || timesQuoted.size >= (round.ifFewerSourcesThan ?? Number.POSITIVE_INFINITY)) return false;
    const scoreOf = ({ scores }: Ranked) => scores.get(heading) ?? 0;
    const threshold = Math.max(minScore, round.shareOfBestParagraph * (bestFor.get(heading) ?? 0));
    const wordsLeft = maxWords - wordsOf([...chosen.values()].flat());
    const open = ranked.filter(
      (passage) =>
        scoreOf(passage) >= Math.max(threshold, round.shareOfBestHeading * passage.best) &&
        passage.words <= wordsLeft &&
        (round.isFresh !== true || isFresh(passage)) &&
        !passage.passage.candidates.some((candidate) => used.has(candidate)),
    );
    const next = chooseByMmr(open, {
      lambda,
      maxSimilarity,
      relevanceOf: (passage) => scoreOf(passage) * freshnessOf(passage.passage.candidates[0]?.source ?? -1, heading),
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

  // Whoever has least to choose from chooses first.
  const plenty = new Map(headings.map((heading) => [heading, ranked.filter(({ scores, best }) => scores.get(heading) === best).length]));
  const inTurn = headings.toSorted((a, b) => (plenty.get(a) ?? 0) - (plenty.get(b) ?? 0));
  for (const round of rounds) {
    let isOpen = true;
    while (isOpen) isOpen = inTurn.map((heading) => chooseFor(heading, round)).includes(true);
  }
  return headings.flatMap((heading) => {
    const taken = takenFor(heading);
    return wordsOf(taken) < minWordsOfSection ? [] : [{ heading, passages: orderForReading(taken, heading, relevance, options.language) }];
  });
}

const bonus = { definition: 0.3, topicalPage: 0.2 };

/** What defines comes first, then what is most about the article and its heading; what one page says stands together, in its own order. */
function orderForReading(taken: readonly Ranked[], heading: BriefHeading, { topic }: Relevance, language: string): Passage[] {
  const priorityOf = ({
    passage: {
      candidates: [first],
    },
    scores,
  }: Ranked) =>
    first === undefined
      ? 0
      : (scores.get(heading) ?? 0) +
        (definedBy(first.text, language) === undefined ? 0 : bonus.definition) +
        bonus.topicalPage * topic.scoreOfPage(first.source);
  const bySource = new Map<number, number>();
  for (const ranked of taken) {
    const source = ranked.passage.candidates[0]?.source ?? -1;
    bySource.set(source, Math.max(bySource.get(source) ?? 0, priorityOf(ranked)));
  }
  const placeOf = ({ candidates: [first] }: Passage) => ({
    priority: bySource.get(first?.source ?? -1) ?? 0,
    source: first?.source ?? -1,
    start: first?.start ?? 0,
  });
  return taken
    .map(({ passage }) => passage)
    .toSorted(
      (a, b) => placeOf(b).priority - placeOf(a).priority || placeOf(a).source - placeOf(b).source || placeOf(a).start - placeOf(b).start,
    );
}
