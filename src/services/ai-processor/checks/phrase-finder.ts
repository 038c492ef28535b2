import { escapeRegExp } from '#shared/text';

export type Phrase = {
  readonly phrase: string;
  readonly isCaseSensitive?: boolean;
  /** Also its forms: "delves", "delving". */
  readonly inflects?: boolean;
};

export type PhraseHit<P> = { readonly entry: P; readonly start: number; readonly end: number };

function patternOf({ phrase, inflects }: Phrase): string {
  const escaped = escapeRegExp(phrase)
    .replace(/['’]/g, "['’]")
    .replace(/[\s-]+/g, '[\\s-]+');
  if (!inflects || !/^\p{L}+$/u.test(phrase) || /(?:ing|ly)$/.test(phrase)) return escaped;
  return /e$/.test(phrase) ? `${escaped.slice(0, -1)}(?:e[sd]?|ing)` : `${escaped}(?:s|es|ed|ing)?`;
}

function createMatcher<P extends Phrase>(phrases: readonly P[], flags: string): (text: string) => PhraseHit<P>[] {
  if (phrases.length === 0) return () => [];
  const ordered = phrases.toSorted((a, b) => b.phrase.length - a.phrase.length);
  const bounded = (pattern: string) => `(?<![\\p{L}\\p{N}])(?:${pattern})(?![\\p{L}\\p{N}])`;
  const any = new RegExp(bounded(ordered.map(patternOf).join('|')), `g${flags}`);
  const each = ordered.map((entry) => ({ entry, pattern: new RegExp(`^(?:${patternOf(entry)})$`, flags) }));
  return (text) =>
    [...text.matchAll(any)].flatMap((match) => {
      const found = each.find(({ pattern }) => pattern.test(match[0]));
      return found ? [{ entry: found.entry, start: match.index, end: match.index + match[0].length }] : [];
    });
}

/**
 * A finder of whole phrases: blanks match any white space or hyphen, apostrophes either form, the longest phrase wins.
 * One pass of the text for the phrases that heed case and one for those that do not.
 */
export function createPhraseFinder<P extends Phrase>(phrases: readonly P[]): (text: string) => PhraseHit<P>[] {
  const exact = createMatcher(
    phrases.filter(({ isCaseSensitive }) => isCaseSensitive),
    'u',
  );
  const loose = createMatcher(
    phrases.filter(({ isCaseSensitive }) => !isCaseSensitive),
    'iu',
  );
  return (text) => [...exact(text), ...loose(text)].sort((a, b) => a.start - b.start);
}
