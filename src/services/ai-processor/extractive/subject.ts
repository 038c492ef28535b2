import { type ConceptIndex, type Facet, joinReadings, type Reading, readFacets, strengthOf } from '../concepts/index.ts';
import type { Brief } from '../generation-types.ts';
import { readTerms } from '../text/index.ts';
import { leaveOutAsking } from './asking-words.ts';
import type { Candidate, ReadSource } from './candidates.ts';
import { createForeignness } from './foreignness.ts';
import { coverageOf, listParagraphs, type WeighedFacet, weighFacets } from './weighed-facets.ts';

// Of the things asked for, by weight: how many the sources must know at all, and how many one paragraph must have.
const minKnownShare = 0.5;
const minCoverageOfBest = 0.2;
const minCoverageOfEach = 0.6;
// A page whose title names the subject need not name it in every paragraph; a run of sentences must name it or stand on such a page.
const titleShare = 0.9;
const minCoverageOfPassage = 0.5;
const minCoverageOfSentence = 0.4;
const maxForeign = 0.3;
const minParagraphs = 3;
// What nearly every paragraph has is no subject.
const broadShare = 0.45;
const shareOfPagesOfBroad = 0.4;
const densityOfTopic = 0.5;
const shareOfTitle = 1 / 3;
const minPagesForBroad = 4;

export type SubjectOutcome =
  | {
      readonly kind: 'covered';
      readonly sources: readonly ReadSource[];
      /** Does a paragraph made of these sentences speak of the subject? */
      readonly isOnSubject: (candidates: readonly Candidate[]) => boolean;
    }
  /** `unknown`: what the sources never mention, as it was asked. */
  | { readonly kind: 'foreign'; readonly unknown: readonly string[] }
  | { readonly kind: 'thin'; readonly paragraphs: number }
  /** Nearly all that was gathered is about it. */
  | { readonly kind: 'broad' }
  | { readonly kind: 'nothing_asked' };

/** "aquasoil or gravel": either is the subject. */
const alternatives: Readonly<Record<string, RegExp>> = { en: /\s(?:or|vs\.?|versus)\s/iu, bg: /\s(?:или|срещу)\s/iu };

/**
 * Are the sources about what is asked? A brief with headings was made by someone who knows the field and says much, so title and query
 * count together and one good paragraph is enough. In free words only the title is sure, and nothing else keeps the article on its subject:
 * only paragraphs that have most of it are used, since "discus breeding" must not become an article on the breeding of shrimp.
 */
export function keepToSubject(brief: Brief, sources: readonly ReadSource[], concepts: ConceptIndex): SubjectOutcome {
  const { language } = brief;
  const isFree = brief.headings.length === 0;
  const paragraphs = listParagraphs(sources.flatMap(({ candidates }) => candidates));
  const readings = [...paragraphs.map(({ context }) => context), ...sources.map(({ title }) => title)];
  const weigh = (text: string) => weighFacets(readFacets(text, language, concepts), readings);

  if (!isFree) {
    const facets = weigh(`${brief.title} ${brief.query}`);
    const best = Math.max(0, ...paragraphs.map(({ context }) => coverageOf(facets, (facet) => strengthOf(facet, context))));
    return best < minCoverageOfBest ? foreign(facets, brief) : { kind: 'covered', sources, isOnSubject: () => true };
  }

  const asked = leaveOutAsking(brief.title, language);
  const choices = asked
    .split(alternatives[language] ?? /(?!)/u)
    .map(weigh)
    .filter((facets) => facets.length > 0);
  const all = choices.flat();
  const known = all.filter(({ isKnown }) => isKnown).reduce((sum, { weight }) => sum + weight, 0);
  if (all.length === 0) return { kind: 'nothing_asked' };
  if (known < minKnownShare * all.reduce((sum, { weight }) => sum + weight, 0)) return foreign(all, brief);

  const bestOf = (strength: (facet: Facet) => number) => Math.max(...choices.map((facets) => coverageOf(facets, strength)));
  const withTitle = (facet: Facet, reading: Reading, source: number) => {
    const title = sources[source]?.title;
    return Math.max(strengthOf(facet, reading), title === undefined ? 0 : titleShare * strengthOf(facet, title));
  };
  const coverageOfParagraph = ({ context, source }: Candidate) => bestOf((facet) => withTitle(facet, context, source));
  const covering = paragraphs.filter((paragraph) => coverageOfParagraph(paragraph) >= minCoverageOfEach);
  if (covering.length === 0) return foreign(all, brief);
  if (covering.length < minParagraphs) return { kind: 'thin', paragraphs: covering.length };
  const naming = paragraphs.filter(({ context }) => bestOf((facet) => strengthOf(facet, context)) >= minCoverageOfEach);
  if (isBroad(naming, paragraphs, sources, new Set(all.flatMap(({ facet }) => facet.words)))) return { kind: 'broad' };

  const foreignness = createForeignness(brief, concepts);
  const isOnSubject = (run: readonly Candidate[]) => {
    const [first] = run;
    if (first === undefined || foreignness.shareOf(run, null) > maxForeign) return false;
    if (foreignness.isForeignPart(first, null)) return false;
    const readings = run.map(({ reading }) => reading);
    const covers = (reading: Reading) => bestOf((facet) => withTitle(facet, reading, first.source));
    if (covers(joinReadings([first.part, ...readings])) < minCoverageOfPassage) return false;
    return (
      covers(first.part) >= minCoverageOfPassage ||
      readings.filter((reading) => covers(reading) >= minCoverageOfSentence).length * 2 >= run.length
    );
  };
  const isKept = new Set(covering.map(({ group }) => group));
  const kept = sources.map((source) => ({ ...source, candidates: source.candidates.filter(({ group }) => isKept.has(group)) }));
  return { kind: 'covered', sources: kept, isOnSubject };
}

/** Nearly every other paragraph names it, or every other page does in passing and none is about it. */
function isBroad(
  naming: readonly Candidate[],
  paragraphs: readonly Candidate[],
  sources: readonly ReadSource[],
  words: ReadonlySet<string>,
): boolean {
  if (sources.length < minPagesForBroad) return false;
  const bySource = (list: readonly Candidate[]) => Map.groupBy(list, ({ source }) => source);
  const all = bySource(paragraphs);
  const densities = [...bySource(naming)].map(([source, list]) => list.length / Math.max(1, all.get(source)?.length ?? 0));
  const isTitled = sources.some(({ title }) => {
    const named = title.terms.filter((term) => words.has(term)).length;
    return named >= shareOfTitle * title.terms.length && named > 0;
  });
  const isEverywhere = densities.length >= shareOfPagesOfBroad * all.size && Math.max(...densities) < densityOfTopic && !isTitled;
  return isEverywhere || naming.length > broadShare * paragraphs.length;
}

function foreign(facets: readonly WeighedFacet[], { title, language }: Brief): SubjectOutcome {
  const unknown = new Set(facets.filter(({ isKnown }) => !isKnown).flatMap(({ facet }) => facet.words));
  const words = title.match(/[\p{L}\p{N}]+/gu) ?? [];
  return { kind: 'foreign', unknown: words.filter((word) => readTerms(word, language).some((term) => unknown.has(term))) };
}
