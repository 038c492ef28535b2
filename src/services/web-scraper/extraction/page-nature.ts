import type { DomDocument } from './dom.ts';

/** In a discussion the answers are text of the page; elsewhere comments are not, nor are the reviews of a product. */
export type PageNature = 'article' | 'forum' | 'product';

const forumSoftware = /phpbb|vbulletin|xenforo|discourse|mybb|simple machines|invision|flarum|nodebb|vanilla forums|fluxbb|punbb|smf\b/i;
const forumAddress =
  /[/.-](?:forums?|boards?|bbs|discussions?)[/.].*[\d-]|^https?:\/\/(?:www\.)?community\.[^/]+\/.*-|\/threads?[/-]|\/topics?\/\d|viewtopic|showthread|showtopic|\/t\/(?:[^/]+\/)?\d+|\/questions\/\d+|\/r\/[^/]+\/comments\/|[?&]topic=/i;
const discussionTypes = /"@type"\s*:\s*\[?\s*"(?:DiscussionForumPosting|QAPage|Question)"/;

export function judgeNature(document: DomDocument, url: string): PageNature {
  const generator = document.querySelector('meta[name=generator]')?.getAttribute('content') ?? '';
  if (forumSoftware.test(generator) || forumAddress.test(url)) return 'forum';
  const rootNames = `${document.documentElement.getAttribute('id') ?? ''} ${document.body.getAttribute('id') ?? ''} ${document.body.getAttribute('class') ?? ''}`;
  if (/\b(?:xenforo|phpbb|forum|viewtopic|showthread)\b/i.test(rootNames)) return 'forum';
  const ogType = document.querySelector('meta[property="og:type"]')?.getAttribute('content') ?? '';
  if (/\bproduct\b/i.test(ogType) || document.querySelector('[itemtype$="schema.org/Product"]') !== null) return 'product';
  for (const script of document.querySelectorAll('script[type="application/ld+json"]')) {
    // A question that a shop or a guide answers on its page is no discussion.
    const text = script.textContent ?? '';
    if (
      /"@type"\s*:\s*\[?\s*"(?:Product|ProductGroup|IndividualProduct)"/.test(text) &&
      !/"(?:Article|BlogPosting|NewsArticle|ItemList|CollectionPage)"/.test(text)
    )
      return 'product';
    if (discussionTypes.test(text) && !/"(?:FAQPage|Product|Recipe)"/.test(text)) return 'forum';
  }
  return 'article';
}
