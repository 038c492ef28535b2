import type { DomElement } from './dom.ts';
import { wordsOf } from './element-signals.ts';
import type { PageNature } from './page-nature.ts';

const words = (text: string) => new Set(text.split(/\s+/));

/** An element with one of these words in its class or id is furniture of the site. */
const furnitureWords = words(
  `nav navbar navigation subnav topnav submenu megamenu breadcrumb breadcrumbs crumb crumbs footer sidebar cookie cookies consent gdpr
   newsletter share shares sharing sharebar sharedaddy addthis social socials related recommended recommendations recommendation
   sponsor sponsored ad ads adv advert adverts advertisement adsense adslot pagination pager paging signin signup disqus outbrain taboola
   screenreader offcanvas masthead paywall jumplinks tagcloud blogroll backtotop minicart`,
);
/** Furniture as well, unless it holds paragraphs of text: these words are also given to what a page is about. */
const doubtfulFurnitureWords = words(
  `menu subscribe subscription optin similar promo promotion promoted popup modal overlay lightbox toolbar login register skip hidden tooltip
   dropdown toc widget widgets usp announcement banner print noprint hide cart basket wishlist search tags meta`,
);
/** Parts of a post that are about its writer, or tools of the forum. */
const forumFurnitureWords = words('signature sig userbox userinfo userdetails postprofile poster avatar rank');
const doubtfulForumWords = words('profile stats tools buttons reactions reaction online lastedited');
/** Parts that a reader opens: their text is hidden at first, yet text of the page. */
const openableWords = words('accordion collapse collapsible expandable toggle panel tab tabs faq answer details');
const reviewWords = words('review reviews testimonial testimonials ratings qna crosssell upsell recently');
const commentWords = words('comment comments commentlist respond commentform replies responses');

function isHidden(element: DomElement): boolean {
  if (element.hasAttribute('hidden') || element.getAttribute('aria-hidden') === 'true') return true;
  const style = element.getAttribute('style');
  return style !== null && /display\s*:\s*none|visibility\s*:\s*hidden/i.test(style);
}

export type FurnitureVerdict = 'furniture' | 'doubtful' | 'hidden' | 'content';

/**
 * What its name says of it: furniture of the site, or part of what the page is about. The caller sees to it that nothing is
 * taken for furniture that holds most of the text, nor what is doubtful and holds paragraphs.
 */
export function judgeByName(element: DomElement, nature: PageNature): FurnitureVerdict {
  const tag = element.localName;
  if (tag === 'aside' || tag === 'footer') return 'furniture';
  const names = wordsOf(element);
  if (isHidden(element)) {
    if (names.some((name) => furnitureWords.has(name))) return 'furniture';
    return names.some((name) => openableWords.has(name)) || element.getAttribute('role') === 'tabpanel' ? 'doubtful' : 'hidden';
  }
  const isForum = nature === 'forum';
  if (names.some((name) => furnitureWords.has(name) || (isForum ? forumFurnitureWords : commentWords).has(name))) return 'furniture';
  if (nature === 'product' && names.some((name) => reviewWords.has(name))) return 'furniture';
  return names.some((name) => doubtfulFurnitureWords.has(name) || (isForum && doubtfulForumWords.has(name))) ? 'doubtful' : 'content';
}
