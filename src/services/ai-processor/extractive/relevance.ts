import type { ConceptIndex } from '../concepts/index.ts';
import type { Brief, BriefHeading } from '../generation-types.ts';
import { learnTermWeights, scoreLexRank, type TermVector, vectorOf } from '../ranking/index.ts';
import { readAskedHeadings } from './asked-headings.ts';
import type { Candidate, ReadSource } from './candidates.ts';
import { createForeignness } from './foreignness.ts';
import type { PageKind } from './page-kind.ts';
import type { Topic } from './topic.ts';
import { meanOf } from './weighed-facets.ts';

/** How well sentences serve the article and each part of it. Scores are about 0 to 1, and comparable between headings. */
export type Relevance = {
  readonly topic: Topic;
  vectorOf(candidate: Candidate): TermVector;
  /** Of sentences that would stand as one paragraph under the heading; 0 where they do not belong there. */
  scoreFor(run: readonly Candidate[], heading: BriefHeading): number;
};

// Shares of what makes a paragraph good for a heading; they sum to 1.
const shares = { own: 0.37, paragraph: 0.13, part: 0.22, topic: 0.23, centrality: 0.05 };
// How much a paragraph must have of the topic, and of its heading, to be asked at all. On a page about the topic the heading is enough.
const min = { topic: 0.42, onTopicalPage: 0.1, elsewhere: 0.25, part: 0.5, topicAlone: 0.7 };
// Elsewhere it need not name the topic where it answers the heading well, under a heading of its own that says so: a carpet in an iwagumi.
const inField = { own: 0.5, field: 0.25, part: 0.15, fieldOfPart: 0.1, namedPart: 0.4 };
const trustIn: Readonly<Record<PageKind, number>> = { article: 1, story: 0.85, forum: 0.8, listing: 0.5, offer: 0 };
const lengthFactors: Readonly<Record<number, number>> = { 2: 0.95, 3: 1, 4: 1.02 };
// A paragraph opens with what it is about; one that begins in its middle lacks that.
const startsInside = 0.92;
const startsWithDefinition = 1.1;
// A sentence is to the point when it says this much of what the best sentence says.
const toThePoint = { heading: 0.25, topic: 0.4 };
const costOfStraying = { onTopicalPage: 0.4, elsewhere: 0.7 };
const costOfForeign = 0.6;
// LexRank compares each with each: enough for the sentences that matter.
const maxCompared = 400;

export function createRelevance(
  brief: Brief,
  headings: readonly BriefHeading[],
  sources: readonly ReadSource[],
  topic: Topic,
  concepts: ConceptIndex,
): Relevance {
  const candidates = sources.flatMap((source) => source.candidates);
  const asked = readAskedHeadings(brief, headings, candidates, topic, concepts);
  const foreignness = createForeignness(brief, concepts);
  const weights = learnTermWeights(candidates.map(({ reading }) => reading.terms));
  const vectors = new Map(candidates.map((candidate) => [candidate, vectorOf(candidate.reading.terms, weights)]));
  const centrality = rankCentral(vectors, topic);

  return {
    topic,
    vectorOf: (candidate) => vectors.get(candidate) ?? new Map(),
    scoreFor(run, heading) {
      const [first] = run;
      const part = asked.get(heading);
      if (first === undefined || part === undefined) return 0;
      const place = topic.isOnTopicalPage(first) ? 'onTopicalPage' : 'elsewhere';
      const own = part.ofRun(run);
      const byPart = part.ofPart(first);
      const ofTopic = topic.shareOfRun(run);
      const ofField = topic.shareOfField(run);
      const isInField =
        own >= inField.own &&
        ((ofField >= inField.field && byPart >= inField.part) || (ofField >= inField.fieldOfPart && byPart >= inField.namedPart));
      const isOnTopic = place === 'onTopicalPage' || ofTopic >= min.topic || isInField;
      if (!isOnTopic || (own < min[place] && byPart < min.part && ofTopic < min.topicAlone)) return 0;
      const fit =
        shares.own * own +
        shares.paragraph * part.ofParagraph(first) +
        shares.part * byPart +
        shares.topic * meanOf(run.map(topic.scoreOf)) +
        shares.centrality * meanOf(run.map((candidate) => centrality.get(candidate) ?? 0));
      const focus = meanOf(
        run.map((candidate) =>
          Math.min(1, Math.max(part.ofSentence(candidate) / toThePoint.heading, topic.shareOf(candidate) / toThePoint.topic)),
        ),
      );
      const foreign = foreignness.isForeignPart(first, heading) ? 1 : foreignness.shareOf(run, heading);
      const trust = trustIn[sources[first.source]?.kind ?? 'offer'];
      const form =
        (lengthFactors[run.length] ?? 1) * (first.position === 0 ? 1 : startsInside) * (part.isDefined(first) ? startsWithDefinition : 1);
      return fit * trust * form * (1 - costOfStraying[place] * (1 - focus)) * (1 - costOfForeign * foreign);
    },
  };
}

function rankCentral(vectors: ReadonlyMap<Candidate, TermVector>, topic: Topic): Map<Candidate, number> {
  const compared = [...vectors]
    .filter(([candidate]) => topic.scoreOf(candidate) > 0)
    .toSorted(([a], [b]) => topic.scoreOf(b) - topic.scoreOf(a))
    .slice(0, maxCompared);
  const ranks = scoreLexRank(compared.map(([, vector]) => vector));
  return new Map(compared.map(([candidate], index) => [candidate, ranks[index] ?? 0]));
}
