import { type ConceptIndex, readFacets, readText, strengthOf } from '../concepts/index.ts';
import type { Brief, BriefHeading } from '../generation-types.ts';
import { learnTermWeights, type TermWeights } from '../ranking/index.ts';
import { leaveOutAsking } from './asking-words.ts';
import type { Candidate } from './candidates.ts';
import { definedBy } from './definition.ts';
import type { Topic } from './topic.ts';
import { coverageBy, coverageOf, highestOf, listParagraphs, meanOf, type WeighedFacet, weighFacets } from './weighed-facets.ts';

/** How well sentences answer one heading, about 0 to 1, and comparable between the headings of an article. */
export type AskedHeading = {
  /** What the sentences say by themselves. */
  ofRun(run: readonly Candidate[]): number;
  ofSentence(candidate: Candidate): number;
  /** What the whole paragraph says in which a sentence stands. */
  ofParagraph(candidate: Candidate): number;
  /** Whether the part of the page goes by the same name. */
  ofPart(candidate: Candidate): number;
  /** The sentence says what something is that the heading asks for. */
  isDefined(candidate: Candidate): boolean;
};

type HeadingFacet = WeighedFacet & { readonly isNamed: boolean };

const queryShare = 0.6;
// What the title asks too does not tell one part of the article from another.
const shareOfTopicFacet = 0.45;
// Nothing can answer it; a heading of such words is one that the sources do not carry.
const shareOfUnknown = 0.3;
// A run of sentences of which one answers the heading is not about it.
const shareOfMeanSentence = 0.4;
const meanBesideBest = 1.5;
// What is weak for each heading must not look strong for the one that has nothing better.
const minScale = 0.7;
// So that the name of a part says much, it must have words that tell.
const weightOfNothing = 1.5;
const minStrengthOfDefined = 0.7;

function readHeading(
  brief: Brief,
  heading: BriefHeading,
  topic: Topic,
  concepts: ConceptIndex,
  paragraphs: readonly Candidate[],
): HeadingFacet[] {
  const ofTopic = new Set(topic.facets.map(({ facet }) => facet.text));
  const named = readFacets(leaveOutAsking(heading.heading, brief.language), brief.language, concepts);
  const isNamed = new Set(named.map(({ text }) => text));
  const more = readFacets(heading.query, brief.language, concepts).filter(({ text }) => !isNamed.has(text));
  const readings = paragraphs.map(({ context }) => context);
  const facets = weighFacets([...named, ...more], readings);
  // "How much water to change" in an article on water changes says nothing but the topic, so that is what it asks.
  const hasMore = facets.some(({ facet, isKnown }) => isKnown && isNamed.has(facet.text) && !ofTopic.has(facet.text));
  return facets.map(({ facet, weight, isKnown }) => {
    const ofOwn = hasMore && ofTopic.has(facet.text) ? shareOfTopicFacet : 1;
    const share = (isNamed.has(facet.text) ? 1 : queryShare) * ofOwn * (isKnown ? 1 : shareOfUnknown);
    return { facet, weight: weight * share, isKnown, isNamed: isNamed.has(facet.text) };
  });
}

/** A part of a page is about a heading that contains its name: "Depth" is about "Grain size and depth". */
function comparePart(
  { heading }: BriefHeading,
  facets: readonly HeadingFacet[],
  topic: Topic,
  weights: TermWeights,
): (candidate: Candidate) => number {
  const named = new Set(facets.flatMap(({ facet, isNamed }) => (isNamed ? facet.words : [])));
  const asked = new Set(facets.flatMap(({ facet }) => facet.words));
  const ofTopic = new Set(topic.facets.flatMap(({ facet }) => facet.words));
  return ({ heading: name, part: { words } }) => {
    if (name.toLowerCase() === heading.toLowerCase()) return 1;
    let total = weightOfNothing;
    let shared = 0;
    for (const word of words) {
      const weight = weights.idfOf(word) * (ofTopic.has(word) ? shareOfTopicFacet : 1);
      total += weight;
      if (asked.has(word)) shared += weight * (named.has(word) ? 1 : queryShare);
    }
    return shared / total;
  };
}

function answersAny(facets: readonly HeadingFacet[], text: string | undefined, { language }: Brief, concepts: ConceptIndex): boolean {
  if (text === undefined) return false;
  const reading = readText(text, language, concepts);
  return facets.some(({ facet }) => strengthOf(facet, reading) >= minStrengthOfDefined);
}

export function readAskedHeadings(
  brief: Brief,
  headings: readonly BriefHeading[],
  candidates: readonly Candidate[],
  topic: Topic,
  concepts: ConceptIndex,
): Map<BriefHeading, AskedHeading> {
  const paragraphs = listParagraphs(candidates);
  const weights = learnTermWeights(paragraphs.map(({ context }) => context.terms));
  const raw = headings.map((heading) => {
    const facets = readHeading(brief, heading, topic, concepts, paragraphs);
    const strengths = new Map(
      candidates.map(({ reading }, index) => [candidates[index], facets.map(({ facet }) => strengthOf(facet, reading))]),
    );
    const bySentence = new Map([...strengths].map(([candidate, list]) => [candidate, coverageOf(facets, (_, index) => list[index] ?? 0)]));
    const byGroup = new Map(paragraphs.map(({ group, context }) => [group, coverageBy(facets, context)]));
    const bestSentence = highestOf([...bySentence.values()]);
    return { heading, facets, strengths, bySentence, byGroup, bestSentence, bestParagraph: highestOf([...byGroup.values()]) };
  });
  const scaleOf = (best: number, all: readonly number[]) => Math.max(best, minScale * meanOf(all), Number.EPSILON);
  return new Map(
    raw.map(({ heading, facets, strengths, bySentence, byGroup, ...best }) => {
      const scaleOfParagraphs = scaleOf(
        best.bestParagraph,
        raw.map(({ bestParagraph }) => bestParagraph),
      );
      const scaleOfSentences = scaleOf(
        best.bestSentence,
        raw.map(({ bestSentence }) => bestSentence),
      );
      const ofSentence = (candidate: Candidate) => (bySentence.get(candidate) ?? 0) / scaleOfSentences;
      const compare = comparePart(heading, facets, topic, weights);
      const definitions = new Map<Candidate, boolean>();
      function isDefined(candidate: Candidate): boolean {
        const known = definitions.get(candidate) ?? answersAny(facets, definedBy(candidate.text, brief.language), brief, concepts);
        definitions.set(candidate, known);
        return known;
      }
      const asked: AskedHeading = {
        ofSentence,
        ofRun(run) {
          const lists = run.map((candidate) => strengths.get(candidate) ?? []);
          const together = coverageOf(facets, (_, index) => highestOf(lists.map((list) => list[index] ?? 0))) / scaleOfParagraphs;
          const mean = meanBesideBest * meanOf(run.map(ofSentence));
          return (1 - shareOfMeanSentence) * Math.min(1, together) + shareOfMeanSentence * Math.min(1, mean);
        },
        ofParagraph: ({ group }) => Math.min(1, (byGroup.get(group) ?? 0) / scaleOfParagraphs),
        ofPart: compare,
        isDefined,
      };
      return [heading, asked] as const;
    }),
  );
}
