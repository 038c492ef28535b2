import type { TextBlock } from '../text/index.ts';
import { languageRulesOf } from './language-rules.ts';
import { isTale } from './sentence-fitness.ts';

/** `listing`: teasers of other pages. `offer`: something is for sale. `story`: what the writer did. `forum`: answers to one person. */
export type PageKind = 'article' | 'story' | 'forum' | 'listing' | 'offer';

const offerSigns = [
  /[€$£]\s?\d|\d\s?(?:€|euros?\b)/i,
  /\bin stock\b/i,
  /\b(?:add to cart|buy now|customer reviews)\b/i,
  /\b(?:vat|plus shipping|free delivery)\b/i,
  /\bwarranty\b/i,
];
const minOfferSigns = 3;
const storyShare = 0.2;
const listingShare = 0.5;
const minLinesOfListing = 6;

export function kindOfPage(
  page: { readonly url: string; readonly text: string; readonly language: string },
  blocks: readonly TextBlock[],
): PageKind {
  if (offerSigns.filter((sign) => sign.test(page.text)).length >= minOfferSigns) return 'offer';
  if (/\/(?:forum|forums|thread|threads|topic|viewtopic)\b/.test(page.url) || /\bwrote:/.test(page.text)) return 'forum';
  const sentences = blocks.flatMap((block) => block.sentences);
  const inParagraphs = blocks.filter((block) => block.sentences.length > 1).flatMap((block) => block.sentences);
  const lines = page.text.split(/\n+/).length;
  if (lines >= minLinesOfListing && lines > 1.5 * blocks.length && inParagraphs.length < listingShare * sentences.length) return 'listing';
  const rules = languageRulesOf(page.language);
  const personal = sentences.filter(({ text }) => rules.firstPerson.test(text) || isTale(text, rules)).length;
  return personal > storyShare * sentences.length ? 'story' : 'article';
}
