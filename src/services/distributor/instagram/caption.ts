import { type FieldFault, invalid } from '#shared/errors';
import { truncate } from '#shared/text';
import type { InstagramArticle } from './instagram-types.ts';

/** What Instagram allows of a post (Instagram platform documentation, "IG User Media"). */
export const captionLimits = { maxLength: 2200, maxHashtags: 30, maxMentions: 20 } as const;

const hashtag = /(?<![\p{L}\p{N}_&])#[\p{L}\p{N}_]+/gu;
const mention = /(?<![\p{L}\p{N}_.])@[\w.]+/gu;
const defaultHashtags = 10;

/** `planted tanks` becomes `#plantedtanks`; undefined when nothing of it can stand in a hashtag. */
function toHashtag(text: string): string | undefined {
  const word = text.toLowerCase().replace(/[^\p{L}\p{N}_]+/gu, '');
  // A hashtag of digits alone is none.
  return /\p{L}/u.test(word) ? `#${word}` : undefined;
}

export function hashtagsOf(words: readonly string[]): string[] {
  return [...new Set(words.flatMap((word) => toHashtag(word) ?? []))];
}

/** What an article says of itself, with its address and its tags; cut at a word where it would be too long. */
export function captionOf(article: InstagramArticle, hashtags: readonly string[] | undefined): string {
  const tags =
    hashtags === undefined ? hashtagsOf([article.category ?? '', ...(article.tags ?? [])]).slice(0, defaultHashtags) : hashtagsOf(hashtags);
  const end = [article.url, tags.join(' ')].filter((part) => part !== '').join('\n\n');
  const room = captionLimits.maxLength - end.length - 2;
  return `${truncate(`${article.title}\n\n${article.summary}`, room)}\n\n${end}`;
}

/** @throws AppError `invalid_request` with what Instagram would refuse */
export function checkCaption(caption: string): string {
  const text = caption.replace(/\r\n?/g, '\n').trim();
  const faults: FieldFault[] = [];
  const fault = (message: string) => faults.push({ path: '/caption', message });
  const { maxLength, maxHashtags, maxMentions } = captionLimits;
  if ([...text].length > maxLength) fault(`has ${[...text].length} characters; at most ${maxLength} are accepted`);
  const hashtags = text.match(hashtag)?.length ?? 0;
  if (hashtags > maxHashtags) fault(`has ${hashtags} hashtags; at most ${maxHashtags} are accepted`);
  const mentions = text.match(mention)?.length ?? 0;
  if (mentions > maxMentions) fault(`names ${mentions} accounts; at most ${maxMentions} are accepted`);
  if (/[^\P{Cc}\n\t]/u.test(text)) fault('must not hold control characters');
  if (faults.length > 0) throw invalid('Instagram would refuse the caption.', faults);
  return text;
}
