import type { Brief, BriefHeading } from '../generation-types.ts';
import { coverageOf, learnTermWeights, scoreBm25, scoreLexRank, type TermVector, type TermWeights, vectorOf } from '../ranking/index.ts';
import { readTerms } from '../text/index.ts';
import type { Candidate, ReadSource } from './candidates.ts';
import type { PageKind } from './page-kind.ts';

/** How well a sentence serves the article and each part of it. Scores are about 0 to 1, and comparable between headings. */
export type Relevance = {
  readonly weights: TermWeights;
  vectorOf(candidate: Candidate): TermVector;
  /** Of the whole brief: the sentence's paragraph and its page. */
  topicOf(candidate: Candidate): number;
  /** Stands on a page that is about the topic from end to end. */
  isOnTopicalPage(candidate: Candidate): boolean;
  /** Speaks of the topic itself, or stands on such a page. */
  isOnTopic(candidate: Candidate): boolean;
  /** Of the brief's title: the sentence alone. */
  titleOf(candidate: Candidate): number;
  scoreFor(candidate: Candidate, heading: BriefHeading): number;
  /** The share of what the heading asks, by weight, that these sentences say by themselves. */
  coverageFor(candidates: readonly Candidate[], heading: BriefHeading): number;
};

// Shares of what makes a sentence good for a heading; they sum to 1.
const shares = { sentence: 0.25, paragraph: 0.4, topic: 0.3, centrality: 0.05 };
// The topic asks as much for the page as for the paragraph: a page on the subject strays less.
const pageShareOfTopic = 0.5;
const titleRepeats = 5;
const minPageOnTopic = 0.6;
const minSentenceOnTopic = 0.15;
const trustIn: Readonly<Record<PageKind, number>> = { article: 1, story: 0.8, forum: 0.75, listing: 0.5, offer: 0 };
// LexRank compares each with each: enough for the sentences that matter.
const maxCompared = 400;

const highestOf = (scores: readonly number[]): number => scores.reduce((best, score) => Math.max(best, score), 0);

function scale(scores: readonly number[], by: number): number[] {
  return by === 0 ? [...scores] : scores.map((score) => score / by);
}

export function createRelevance(brief: Brief, headings: readonly BriefHeading[], sources: readonly ReadSource[]): Relevance {
  const { language } = brief;
  const candidates = sources.flatMap((source) => source.candidates);
  const sentences = candidates.map(({ terms }) => terms);
  const paragraphs = candidates.map(({ contextTerms }) => contextTerms);
  const weights = learnTermWeights(sentences);
  const { topic, byPage } = scoreTopic(brief, sources, weights);
  const ownTopic = scoreBm25(sentences, readTerms(`${brief.title} ${brief.query}`, language), weights);
  const bestOwnTopic = highestOf(ownTopic);
  const indexOf = new Map(candidates.map((candidate, index) => [candidate, index]));
  const vectors = sentences.map((terms) => vectorOf(terms, weights));
  const centrality = rankCentral(vectors, topic);
  const title = scoreBm25(sentences, readTerms(brief.title, language), weights);

  const queries = new Map(headings.map((heading) => [heading, readTerms(`${heading.heading} ${heading.query}`, language)]));
  const raw = headings.map((heading) => {
    const query = queries.get(heading) ?? [];
    return {
      heading,
      bySentence: scoreBm25(sentences, query, weights),
      byParagraph: scoreBm25(paragraphs, query, weights).map(
        (score, index) => score * Math.sqrt(coverageOf(paragraphs[index] ?? [], query, weights)),
      ),
    };
  });
  // One scale for all headings: what is weak for each of them must not look strong for the one that has nothing better.
  const meanBest = (pick: 'bySentence' | 'byParagraph') =>
    raw.reduce((sum, scores) => sum + highestOf(scores[pick]), 0) / Math.max(1, raw.length);
  const scaleOfSentences = meanBest('bySentence');
  const scaleOfParagraphs = meanBest('byParagraph');
  const byHeading = new Map(
    raw.map(({ heading, bySentence, byParagraph }) => {
      const parts = { sentence: scale(bySentence, scaleOfSentences), paragraph: scale(byParagraph, scaleOfParagraphs), topic, centrality };
      const scores = candidates.map(({ source }, index) => {
        const mixed = Object.entries(shares).reduce(
          (sum, [part, share]) => sum + share * (parts[part as keyof typeof parts][index] ?? 0),
          0,
        );
        return mixed * (trustIn[sources[source]?.kind ?? 'offer'] ?? 0);
      });
      return [heading, scores] as const;
    }),
  );

  const isOnTopicalPage = ({ source }: Candidate) => (byPage[source] ?? 0) >= minPageOnTopic;
  const at = (values: readonly number[] | undefined, candidate: Candidate) => values?.[indexOf.get(candidate) ?? -1] ?? 0;
  return {
    weights,
    vectorOf: (candidate) => vectors[indexOf.get(candidate) ?? -1] ?? new Map(),
    topicOf: (candidate) => at(topic, candidate),
    isOnTopicalPage,
    isOnTopic: (candidate) => isOnTopicalPage(candidate) || at(ownTopic, candidate) >= minSentenceOnTopic * bestOwnTopic,
    titleOf: (candidate) => at(title, candidate),
    scoreFor: (candidate, heading) => at(byHeading.get(heading), candidate),
    coverageFor: (run, heading) =>
      coverageOf(
        run.flatMap(({ terms }) => terms),
        queries.get(heading) ?? [],
        weights,
      ),
  };
}

function scoreTopic(brief: Brief, sources: readonly ReadSource[], weights: TermWeights): { topic: number[]; byPage: number[] } {
  const query = readTerms(`${brief.title} ${brief.query}`, brief.language);
  const titles = sources.map(({ page }) => readTerms(page.title, brief.language));
  const pages = sources.map(({ candidates }, index) => [
    ...Array.from({ length: titleRepeats }, () => titles[index] ?? []).flat(),
    ...candidates.flatMap(({ terms }) => terms),
  ]);
  const contexts = sources.flatMap(({ candidates }, index) =>
    candidates.map(({ contextTerms }) => ({ source: index, terms: [...contextTerms, ...(titles[index] ?? [])] })),
  );
  const byParagraph = scoreBm25(
    contexts.map(({ terms }) => terms),
    query,
    weights,
  );
  const rawPages = scoreBm25(pages, query, weights);
  const byPage = scale(rawPages, highestOf(rawPages));
  const topic = scale(byParagraph, highestOf(byParagraph)).map(
    (score, index) => (1 - pageShareOfTopic) * score + pageShareOfTopic * (byPage[contexts[index]?.source ?? -1] ?? 0),
  );
  return { topic, byPage };
}

function rankCentral(vectors: readonly TermVector[], topic: readonly number[]): number[] {
  const compared = topic
    .map((score, index) => ({ score, index }))
    .filter(({ score }) => score > 0)
    .toSorted((a, b) => b.score - a.score)
    .slice(0, maxCompared);
  const ranks = scoreLexRank(compared.map(({ index }) => vectors[index] ?? new Map()));
  const centrality = new Array<number>(vectors.length).fill(0);
  for (const [position, { index }] of compared.entries()) centrality[index] = ranks[position] ?? 0;
  return centrality;
}
