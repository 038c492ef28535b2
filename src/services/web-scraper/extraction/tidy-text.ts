import { countWords } from '#shared/text';
import { findDate } from './date-reading.ts';

/** Short paragraphs of these kinds stand on pages of every site and say nothing about the subject. */
const stockPhrases = [
  /\b(?:we|this (?:site|website)|our (?:site|website)) uses? cookies\b/i,
  /\bcookies? (?:policy|settings|preferences|help us)\b/i,
  /\b(?:log ?in|sign in|sign up|register)\b.{0,40}\b(?:to (?:reply|answer|comment|post|vote|continue)|or (?:register|sign up|log in))\b/i,
  /^(?:advertisement|sponsored|anzeige|werbung|publicité|реклама)(?!\p{L})/iu,
  /^(?:copyright\b|\(c\) \d{4})|(?:©|&copy;)\s*\d{4}|^©|\ball rights reserved\b/i,
  /^(?:subscribe|sign up) (?:to|for) (?:our|the) (?:\w+ )?newsletter/i,
  /^(?:share (?:this|on)|click to (?:expand|share)|skip to (?:main )?content|back to top|read more|load more|show more|see all)\b/i,
  /^(?:related|similar|more|popular|recommended) (?:articles?|posts?|stories|topics|products)\b/i,
];
const maxStockWords = 30;
const headParagraphs = 4;
const maxBylineWords = 14;
const longestWord = 60;

export type KnownAbout = { readonly title: string; readonly author: string | undefined; readonly publishedAt: Date | undefined };

const isEncoded = (line: string): boolean => {
  const long = line.split(' ').filter((word) => word.length > longestWord);
  return long.join(' ').length > line.length / 2;
};

function isByline(paragraph: string, known: KnownAbout): boolean {
  if (countWords(paragraph) > maxBylineWords) return false;
  if (known.author !== undefined && paragraph.includes(known.author)) return true;
  return known.publishedAt !== undefined && findDate(paragraph) !== undefined && !/[.!?]$/.test(paragraph);
}

/** Takes out what is no text of the page though it stands among it: stock phrases, encoded data, and the title and byline at the top. */
export function tidyText(text: string, known: KnownAbout): string {
  const paragraphs: string[] = [];
  for (const paragraph of text.split('\n\n')) {
    const lines = paragraph.split('\n').filter((line) => !isEncoded(line) && !isStockPhrase(line));
    const kept = lines.join('\n');
    if (kept === '' || !/[\p{L}\p{N}]/u.test(kept)) continue;
    const isAtTop = paragraphs.length < headParagraphs;
    if (isAtTop && paragraphs.length === 0 && kept.toLowerCase() === known.title.toLowerCase()) continue;
    if (isAtTop && isByline(kept, known)) continue;
    paragraphs.push(kept);
  }
  return paragraphs.join('\n\n');
}

function isStockPhrase(line: string): boolean {
  return stockPhrases.some((phrase) => phrase.test(line)) && countWords(line) <= maxStockWords;
}
