import type { Candidate } from './candidates.ts';
import type { Relevance } from './relevance.ts';

const shortSummary = 110;
const longestSummary = 320;
const minShareOfBestOpening = 0.85;

/**
 * From the opening of a page that is on the topic: one sentence, or two where the first is short. It stands above the article, so the
 * article does not say it again.
 */
export function chooseSummary(
  candidates: readonly Candidate[],
  relevance: Relevance,
  isTrue: (candidate: Candidate) => boolean,
): Candidate[] {
  const independent = candidates.filter(({ isDependent }) => !isDependent);
  const openings = independent.filter(({ isLead }) => isLead);
  const bestTopic = Math.max(...openings.map(relevance.topicOf), 0);
  const onTopic = openings.filter((candidate) => relevance.topicOf(candidate) >= minShareOfBestOpening * bestTopic);
  const pool = onTopic.length > 0 ? onTopic : independent;
  const bestTitle = Math.max(...pool.map(relevance.titleOf), Number.EPSILON);
  // Of equals, what the page says first introduces best.
  const scoreOf = (candidate: Candidate) =>
    relevance.topicOf(candidate) + relevance.titleOf(candidate) / bestTitle + (candidate.position === 0 ? 0.25 : 0);
  const first = pool.toSorted((a, b) => scoreOf(b) - scoreOf(a)).find(isTrue);
  if (first === undefined) return [];
  const second = candidates.find(({ group, position }) => group === first.group && position === first.position + 1);
  const isRoomForTwo = first.text.length < shortSummary && first.text.length + (second?.text.length ?? 0) < longestSummary;
  return second !== undefined && isRoomForTwo && isTrue(second) ? [first, second] : [first];
}
