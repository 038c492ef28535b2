import { findDate } from './date-reading.ts';
import { walk } from './document-walk.ts';
import type { DomElement } from './dom.ts';

const maxShingles = 200_000;
const maxPieceLength = 50_000;
const shingleWords = 4;
const quoteName = /(?:^|[\s_-])(?:block|bb)?quote(?:box|d|title|header)?(?:$|[\s_-])/i;

function isQuote(element: DomElement): boolean {
  return element.localName === 'blockquote' || quoteName.test(element.getAttribute('class') ?? '');
}

const plainWords = (text: string): string[] => text.toLowerCase().match(/[\p{L}\p{N}]+/gu) ?? [];

function shinglesOf(words: readonly string[]): string[] {
  const shingles: string[] = [];
  for (let start = 0; start + shingleWords <= words.length; start += 1) shingles.push(words.slice(start, start + shingleWords).join(' '));
  return shingles;
}

/** Quotations of what stands further up on the page already: an answer's own text follows them. */
export function findRepeatedQuotes(root: DomElement, isLeftOut: (element: DomElement) => boolean): DomElement[] {
  const repeated: DomElement[] = [];
  const seen = new Set<string>();
  let recent: string[] = [];
  const remember = (text: string) => {
    if (seen.size > maxShingles) return;
    const words = [...recent, ...plainWords(text.slice(0, maxPieceLength))];
    for (const shingle of shinglesOf(words)) seen.add(shingle);
    recent = words.slice(1 - shingleWords);
  };
  walk(root, {
    enter(element) {
      if (isLeftOut(element)) return false;
      if (!isQuote(element)) return true;
      const shingles = shinglesOf(plainWords((element.textContent ?? '').slice(0, maxPieceLength)));
      const known = shingles.filter((shingle) => seen.has(shingle)).length;
      if (shingles.length === 0 || known < shingles.length * 0.6) return true;
      repeated.push(element);
      return false;
    },
    text: remember,
    leave: () => undefined,
  });
  return repeated;
}

/** What lines of one kind have in common: "Posted 3 June 2026, 18:12 #4" and "Posted 12 July 2026, 7:15 #5" are one. */
function maskOf(line: string): string {
  const date = line.length < maxDatedLineLength ? findDate(line) : undefined;
  const isDateLast = date !== undefined && afterDate.test(line.slice(date.index + date.length));
  return (isDateLast ? line.slice(0, date.index) : line).toLowerCase().replace(/\d+/g, '#').trim();
}

const minRepeatedLength = 60;
const labelRepeats = 3;
const maxLabelWords = 4;
const maxDatedLineLength = 60;
const afterDate = /^[^\p{L}]*(?:at\b)?[^\p{L}]*(?:[ap]\.?m\b)?[^\p{L}]*$/iu;

/**
 * Leaves out paragraphs that stand on the page a second time (a copy for small screens, say) and, in discussions, the labels
 * that recur beside every post ("Joined", "Reaction score 12").
 */
export function dropRepetition(text: string, hasRecurringLabels: boolean): string {
  const counts = new Map<string, number>();
  if (hasRecurringLabels) for (const line of text.split('\n')) counts.set(maskOf(line), (counts.get(maskOf(line)) ?? 0) + 1);
  const isLabel = (line: string): boolean => {
    if (!hasRecurringLabels) return false;
    const mask = maskOf(line);
    return (counts.get(mask) ?? 0) >= labelRepeats && mask.split(' ').length <= maxLabelWords;
  };
  const seen = new Set<string>();
  const kept: string[] = [];
  for (const paragraph of text.split('\n\n')) {
    const lines = paragraph.split('\n').filter((line) => line !== '' && !isLabel(line));
    const joined = lines.join('\n');
    if (joined === '' || (joined.length >= minRepeatedLength && seen.has(joined))) continue;
    seen.add(joined);
    kept.push(joined);
  }
  return kept.join('\n\n');
}
