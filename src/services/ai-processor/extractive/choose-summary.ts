import type { Candidate, ReadSource } from './candidates.ts';
import { definedBy, definesTopic } from './definition.ts';
import { languageRulesOf } from './language-rules.ts';
import type { PageKind } from './page-kind.ts';
import type { Relevance } from './relevance.ts';

const shortSummary = 110;
const longestSummary = 320;
const minPageOfBest = 0.85;
const shareOfSentence = 0.6;
const bonus = { definition: 0.5, openingDefinition: 0.3, firstOfParagraph: 0.5, opening: 0.6, openingOnTopic: 0.5, start: 1.1 };

/**
 * What the article is about, in a sentence that stands by itself: what defines the subject or begins with it, or what the page that is most
 * on the topic opens with; two where the first is short. It stands above the article, so the article does not say it again.
 */
export function chooseSummary(
  sources: readonly ReadSource[],
  { topic }: Relevance,
  language: string,
  isTrue: (candidate: Candidate) => boolean,
): Candidate[] {
  const { imperative } = languageRulesOf(language);
  const candidates = sources.flatMap((source) => source.candidates);
  const onPages = (kind: PageKind) =>
    candidates.filter(
      (candidate) =>
        sources[candidate.source]?.kind === kind &&
        !candidate.isDependent &&
        imperative?.test(candidate.text) !== true &&
        topic.isOnTopicalPage(candidate),
    );
  const explained = onPages('article');
  const onPage = explained.length > 0 ? explained : onPages('story');
  const bestPage = Math.max(0, ...onPage.map(({ source }) => topic.scoreOfPage(source)));
  const isOpening = ({ isLead, source }: Candidate) => isLead && topic.scoreOfPage(source) >= minPageOfBest * bestPage;
  const scoreOf = (candidate: Candidate) =>
    topic.scoreOf(candidate) +
    shareOfSentence * topic.shareOf(candidate) +
    (definesTopic(candidate, topic, language) ? bonus.definition : 0) +
    (candidate.position === 0 ? bonus.firstOfParagraph : 0) +
    (isOpening(candidate) ? bonus.opening + bonus.openingOnTopic * topic.shareOf(candidate) : 0) +
    (isOpening(candidate) && definedBy(candidate.text, language) !== undefined ? bonus.openingDefinition : 0) +
    (topic.isAtStartOf(candidate.text) ? bonus.start : 0);
  const introduces = (candidate: Candidate) =>
    isOpening(candidate) || topic.isAtStartOf(candidate.text) || definesTopic(candidate, topic, language);
  const scores = new Map(onPage.map((candidate) => [candidate, scoreOf(candidate)]));
  const inOrder = onPage.toSorted((a, b) => (scores.get(b) ?? 0) - (scores.get(a) ?? 0));
  const first = inOrder.filter(introduces).find(isTrue) ?? inOrder.find(isTrue);
  if (first === undefined) return [];
  const second = candidates.find(({ group, position }) => group === first.group && position === first.position + 1);
  const isRoomForTwo = first.text.length < shortSummary && first.text.length + (second?.text.length ?? 0) < longestSummary;
  return second !== undefined && isRoomForTwo && isTrue(second) ? [first, second] : [first];
}
