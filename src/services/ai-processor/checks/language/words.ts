/** A word at characters [start, end) of its text; `fold` is its lower-case form without accents and without a possessive 's. */
export type Word = { readonly text: string; readonly fold: string; readonly start: number; readonly end: number };

const word = /[\p{L}\p{N}]+(?:[’'][\p{L}]+)*/gu;
const plainAscii = /^[\x20-\x7e]*$/;

/** Lower case, without accents, without a possessive: "Süßwassertang" and "fern’s" compare as a reader would compare them. */
export function foldWord(text: string): string {
  const lower = text
    .toLowerCase()
    .replace(/[’']s?$/u, '')
    .replace(/[’']s\b/gu, '')
    .replace(/[’']/gu, '');
  return plainAscii.test(lower)
    ? lower
    : lower
        .normalize('NFKD')
        .replace(/\p{M}+/gu, '')
        .replace(/ß/g, 'ss');
}

/** Words as a name index compares them: hyphens and other signs part words. */
export function splitWords(text: string): Word[] {
  const words: Word[] = [];
  word.lastIndex = 0;
  for (let match = word.exec(text); match; match = word.exec(text)) {
    words.push({ text: match[0], fold: foldWord(match[0]), start: match.index, end: match.index + match[0].length });
  }
  return words;
}

/** Words as a reader counts them: hyphenated words and numbers with a decimal point are one. */
export function readWords(text: string): string[] {
  return text.match(/[\p{L}\p{N}]+(?:[’'.,-][\p{L}\p{N}]+)*/gu) ?? [];
}
