import { type ConceptIndex, type Reading, readFacets, readText, strengthOf } from '../concepts/index.ts';
import type { Brief } from '../generation-types.ts';
import { leaveOutAsking } from './asking-words.ts';
import type { Candidate, ReadSource } from './candidates.ts';
import { coverageBy, coverageOf, highestOf, listParagraphs, meanOf, type WeighedFacet, weighFacets } from './weighed-facets.ts';

/** What the whole article is about, and how much of that a sentence, its paragraph and its page are about. */
export type Topic = {
  readonly facets: readonly WeighedFacet[];
  /** The sentence alone, 0 to 1 for the best paragraph. */
  shareOf(candidate: Candidate): number;
  /** The text is a name of the topic, or of most of it, and of nothing else. */
  isNamedBy(text: string): boolean;
  /** The first words name most of the topic. */
  isAtStartOf(text: string): boolean;
  /** Paragraph and page together, 0 to 1. */
  scoreOf(candidate: Candidate): number;
  /** 1 for the page that is most about it. */
  scoreOfPage(source: number): number;
  /** Stands on a page that is about the topic from end to end. */
  isOnTopicalPage(candidate: Candidate): boolean;
  /** What these sentences, under their heading, say of it; 1 is as much as the best paragraph. */
  shareOfRun(run: readonly Candidate[]): number;
  /** The same of all that the brief asks for: what belongs to the field though it does not name the topic. */
  shareOfField(run: readonly Candidate[]): number;
};

// The topic asks as much of the page as of the paragraph: a page on the subject strays less.
const pageShare = 0.5;
const minPage = 0.6;
const minParagraphsOfPage = 3;
const minCoverageOfName = 0.85;
const wordsOfStart = 5;
// Where there is one page, nothing stands out.
const minContrast = 0.05;

/** Without what stands behind a colon: "A short list", "Causes and cures". */
export const subjectOfTitle = ({ title, language }: Brief): string => leaveOutAsking(title.split(/[:–—]\s/)[0] ?? title, language);

/**
 * A topic is what some page speaks of throughout and others do not: an aquarium, which is met everywhere, makes none, nor does a word that
 * stands once in all the sources.
 */
function weighTopic(text: string, brief: Brief, sources: readonly ReadSource[], concepts: ConceptIndex): WeighedFacet[] {
  const pages = sources
    .map(({ candidates }) => listParagraphs(candidates).map(({ context }) => context))
    .filter((paragraphs) => paragraphs.length >= minParagraphsOfPage);
  return weighFacets(readFacets(text, brief.language, concepts), pages.flat())
    .filter(({ isKnown }) => isKnown)
    .map((weighed) => {
      const densities = pages.map((paragraphs) => meanOf(paragraphs.map((paragraph) => strengthOf(weighed.facet, paragraph))));
      return { ...weighed, weight: weighed.weight * Math.max(minContrast, highestOf(densities) - meanOf(densities)) };
    });
}

/** `background`: all that was gathered, against which a topic stands out; `sources`: what may be quoted of it. */
export function createTopic(
  brief: Brief,
  sources: readonly ReadSource[],
  background: readonly ReadSource[],
  concepts: ConceptIndex,
): Topic {
  const facets = weighTopic(subjectOfTitle(brief), brief, background, concepts);
  const field = weighTopic(`${subjectOfTitle(brief)} ${brief.query}`, brief, background, concepts);
  const byParagraph = sources.map(({ candidates }) => candidates.map(({ context }) => coverageBy(facets, context)));
  const best = Math.max(highestOf(byParagraph.flat()), Number.EPSILON);
  const bestOfField = Math.max(
    highestOf(sources.flatMap(({ candidates }) => candidates.map(({ context }) => coverageBy(field, context)))),
    Number.EPSILON,
  );
  const ownShare = createRunCoverage(facets);
  const fieldShare = createRunCoverage(field);
  const rawPages = sources.map(({ title }, index) => coverageBy(facets, title) + meanOf(byParagraph[index] ?? []));
  const bestPage = Math.max(highestOf(rawPages), Number.EPSILON);
  const byPage = rawPages.map((score) => score / bestPage);
  const scores = new Map<Candidate, number>();
  const shares = new Map<Candidate, number>();
  for (const [source, { candidates }] of sources.entries()) {
    for (const [index, candidate] of candidates.entries()) {
      const ofParagraph = (byParagraph[source]?.[index] ?? 0) / best;
      scores.set(candidate, (1 - pageShare) * ofParagraph + pageShare * (byPage[source] ?? 0));
      shares.set(candidate, coverageBy(facets, candidate.reading) / best);
    }
  }
  const scoreOfPage = (source: number) => byPage[source] ?? 0;
  const isOnTopicalPage = ({ source }: Candidate) => scoreOfPage(source) >= minPage;
  return {
    facets,
    shareOf: (candidate) => shares.get(candidate) ?? 0,
    isAtStartOf: (text) => startsWith(facets, text.split(/\s+/, wordsOfStart).join(' '), brief.language, concepts),
    isNamedBy: (text) => isNameOf(facets, text, brief.language, concepts),
    scoreOf: (candidate) => scores.get(candidate) ?? 0,
    scoreOfPage,
    isOnTopicalPage,
    shareOfRun: (run) => ownShare(run) / best,
    shareOfField: (run) => fieldShare(run) / bestOfField,
  };
}

/** Which of the text's terms are words or names of the topic. */
function markTopic(facets: readonly WeighedFacet[], terms: readonly string[], language: string, concepts: ConceptIndex): boolean[] {
  const words = new Set(facets.flatMap(({ facet }) => facet.words));
  const tokens = new Set(facets.flatMap(({ facet }) => [...facet.tokens.keys()]));
  const named = concepts.findMentions(terms, language).filter(({ concept }) => tokens.has(concept.id));
  return terms.map((term, index) => words.has(term) || named.some(({ from, to }) => from <= index && index < to));
}

function isNameOf(facets: readonly WeighedFacet[], text: string, language: string, concepts: ConceptIndex): boolean {
  const reading = readText(text, language, concepts);
  return markTopic(facets, reading.terms, language, concepts).every(Boolean) && coverageBy(facets, reading) >= minCoverageOfName;
}

function startsWith(facets: readonly WeighedFacet[], start: string, language: string, concepts: ConceptIndex): boolean {
  const reading = readText(start, language, concepts);
  return markTopic(facets, reading.terms, language, concepts)[0] === true && coverageBy(facets, reading) >= minCoverageOfName;
}

/** What a run of sentences and the heading above it cover together. Each sentence is read once: there are many runs. */
function createRunCoverage(facets: readonly WeighedFacet[]): (run: readonly Candidate[]) => number {
  const known = new Map<Reading, readonly number[]>();
  const strengthsOf = (reading: Reading) => {
    const strengths = known.get(reading) ?? facets.map(({ facet }) => strengthOf(facet, reading));
    known.set(reading, strengths);
    return strengths;
  };
  return (run) => {
    const lists = [...run.slice(0, 1).map(({ part }) => part), ...run.map(({ reading }) => reading)].map(strengthsOf);
    return coverageOf(facets, (_, index) => highestOf(lists.map((list) => list[index] ?? 0)));
  };
}
