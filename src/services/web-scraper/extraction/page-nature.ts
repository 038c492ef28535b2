import { walk } from './document-walk.ts';
import type { DomDocument, DomElement } from './dom.ts';
import { isSilent, wordsOf } from './element-signals.ts';
import { measureText } from './text-measure.ts';

/** In a discussion the answers are text of the page; elsewhere comments are not, nor are the reviews of a product. */
export type PageNature = 'article' | 'forum' | 'product';

const forumSoftware = /phpbb|vbulletin|xenforo|discourse|mybb|simple machines|invision|flarum|nodebb|vanilla forums|fluxbb|punbb|smf\b/i;
const forumAddress =
  /[/.-](?:forums?|boards?|bbs|discussions?)[/.].*[\d-]|^https?:\/\/(?:www\.)?community\.[^/]+\/.*-|\/threads?[/-]|\/topics?\/\d|viewtopic|showthread|showtopic|\/t\/(?:[^/]+\/)?\d+|\/questions\/\d+|\/r\/[^/]+\/comments\/|[?&]topic=/i;
const forumNames = /\b(?:xenforo|phpbb|forum|viewtopic|showthread)\b/i;

const discussionTypes = /"@type"\s*:\s*\[?\s*"(?:DiscussionForumPosting|QAPage|Question)"/;
const productTypes = /"@type"\s*:\s*\[?\s*"(?:Product|ProductGroup|IndividualProduct)"/;
const articleOrListTypes = /"(?:Article|BlogPosting|NewsArticle|ItemList|CollectionPage)"/;
// A question that a shop or a guide answers on its own page is no discussion.
const answeredHereTypes = /"(?:FAQPage|Product|Recipe)"/;

const answerWords = new Set(['comment', 'message', 'reply', 'answer']);
const minAnswers = 8;
const minAnswersShare = 0.75;
const maxAnswerShare = 0.5;

const contentOf = (document: DomDocument, selector: string): string => document.querySelector(selector)?.getAttribute('content') ?? '';

export function judgeNature(document: DomDocument, url: string): PageNature {
  const { documentElement: html, body } = document;
  const names = [html.getAttribute('id'), body.getAttribute('id'), body.getAttribute('class')].join(' ');
  if (forumSoftware.test(contentOf(document, 'meta[name=generator]')) || forumAddress.test(url) || forumNames.test(names)) return 'forum';
  const isMarkedAsProduct = document.querySelector('[itemtype$="schema.org/Product"]') !== null;
  if (isMarkedAsProduct || /\bproduct\b/i.test(contentOf(document, 'meta[property="og:type"]'))) return 'product';
  for (const script of document.querySelectorAll('script[type="application/ld+json"]')) {
    const data = script.textContent ?? '';
    if (productTypes.test(data) && !articleOrListTypes.test(data)) return 'product';
    if (discussionTypes.test(data) && !answeredHereTypes.test(data)) return 'forum';
  }
  return isMostlyAnswers(body) ? 'forum' : 'article';
}

/** Whether nearly all running text stands in a good number of comments, none of which is the text itself under a wrong name. */
function isMostlyAnswers(body: DomElement): boolean {
  const measures = measureText(body, isSilent);
  const { proseLength: whole } = measures.of(body);
  let count = 0;
  let inAnswers = 0;
  walk(body, {
    enter(element) {
      if (isSilent(element)) return false;
      const { proseLength } = measures.of(element);
      if (proseLength === 0 || proseLength > whole * maxAnswerShare) return true;
      if (!wordsOf(element).some((word) => answerWords.has(word))) return true;
      count += 1;
      inAnswers += proseLength;
      return false;
    },
    text: () => undefined,
    leave: () => undefined,
  });
  return count >= minAnswers && inAnswers > whole * minAnswersShare;
}
