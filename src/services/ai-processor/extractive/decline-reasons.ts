import type { Brief } from '../generation-types.ts';
import type { SubjectOutcome } from './subject.ts';

const listFormat = new Intl.ListFormat('en', { type: 'conjunction' });
const listWords = (words: readonly string[]): string => listFormat.format([...new Set(words)].map((word) => `"${word}"`));

/** Nothing was found, or nothing of it can be quoted. */
export function describeSilence({ title, language }: Brief): string {
  const silence = `None of the gathered sources in the language "${language}" is about "${title}".`;
  const isOfOtherLetters = language === 'en' && /\p{L}/u.test(title) && !/\p{Script=Latin}/u.test(title);
  return isOfOtherLetters ? `${silence} Its words are not in that language; ask in the language that they are in.` : silence;
}

export function describeSubject({ title, language }: Brief, subject: Exclude<SubjectOutcome, { kind: 'covered' }>): string {
  switch (subject.kind) {
    case 'nothing_asked':
      return `"${title}" has no word that could be looked for.`;
    case 'broad':
      return `"${title}" is too broad: the gathered sources speak of it everywhere.`;
    case 'thin':
      return `The gathered sources speak of "${title}" in too few paragraphs for an article: ${subject.paragraphs}.`;
    case 'foreign': {
      const none = `None of the gathered sources is about "${title}"`;
      const isOfOtherLetters = language === 'en' && !/\p{Script=Latin}/u.test(title);
      if (isOfOtherLetters) return `${none} in the language "${language}", in which it was asked for.`;
      return subject.unknown.length === 0
        ? `${none}.`
        : `${none}: ${listWords(subject.unknown)} ${subject.unknown.length === 1 ? 'is' : 'are'} in none of them.`;
    }
  }
}

export const describeParts = ({ title }: Brief, parts: number, wanted: number): string =>
  `The gathered sources carry only ${parts} of the ${wanted} parts that an article on "${title}" needs.`;

export const describeWords = ({ title }: Brief, words: number, wanted: number): string =>
  `The gathered sources give ${words} words on "${title}"; an article has at least ${wanted}.`;
