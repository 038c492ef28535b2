import type { Brief } from '../generation-types.ts';
import type { SubjectOutcome } from './subject.ts';

const listFormat = new Intl.ListFormat('en', { type: 'conjunction' });
const listWords = (words: readonly string[]): string => listFormat.format([...new Set(words)].map((word) => `"${word}"`));

/** Nothing in the language can be quoted. */
export function describeSilence({ title, language }: Brief): string {
  const silence = `No gathered source in the language "${language}" says anything on "${title}".`;
  const isOfOtherLetters = language === 'en' && /\p{L}/u.test(title) && !/\p{Script=Latin}/u.test(title);
  return isOfOtherLetters ? `${silence} Its words are not in that language; ask in the language that they are in.` : silence;
}

export function describeSubject({ title, language }: Brief, subject: Exclude<SubjectOutcome, { kind: 'covered' }>): string {
  switch (subject.kind) {
    case 'nothing_asked':
      return `"${title}" has no word that could be looked for.`;
    case 'broad':
      return `"${title}" is too broad: nearly every gathered source speaks of it. Ask for one thing about it.`;
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
