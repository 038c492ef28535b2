/** Characters [start, end) of the text that it was read from, in UTF-16 code units; `text` is exactly that slice. */
export type TextSpan = { readonly text: string; readonly start: number; readonly end: number };

// After these a sentence goes on, whatever follows.
const neverLast =
  /(?:^|[\s("'“‘«„])(?:e\.g|i\.e|cf|var|subsp|ssp|cv|syn|vs|approx|ca|Dr|Mr|Mrs|Ms|Prof|St|Fig|No|incl|напр|т\.е|вж|д-р|проф|ул)\.$/u;
// After these it goes on when what follows does not look like a beginning.
const seldomLast =
  /(?:^|[\s("'“‘«„\d])(?:sp|spp|etc|max|min|cm|mm|ml|mg|kg|al|est|temp|resp|vol|ed|г|гр|см|мм|мл|мг|кг|бр|др|ч|мин|сек|ст|лв)\.$/u;
const initial = /(?:^|[\s(])\p{Lu}\.$/u;
const ordinal = /(?:^|\s)\d{1,2}\.$/;
const beginning = /^["'“‘«„([]*\p{Lu}/u;
const bullet = /^(?:[•·▪◦*–—-]|\d{1,2}[.)])\s+/u;

const segmenters = new Map<string, Intl.Segmenter>();

function segmenterOf(language: string): Intl.Segmenter {
  const known = segmenters.get(language);
  if (known !== undefined) return known;
  const segmenter = new Intl.Segmenter(language, { granularity: 'sentence' });
  segmenters.set(language, segmenter);
  return segmenter;
}

function goesOn(before: string, after: string): boolean {
  if (neverLast.test(before)) return true;
  if (!/[.!?…]["'”’»)\]]*$/u.test(before)) return true;
  if (seldomLast.test(before) || ordinal.test(before)) return !beginning.test(after);
  if (initial.test(before)) return beginning.test(after);
  return /^\p{Ll}/u.test(after);
}

/** The slice without white space at its ends. */
export function spanOf(text: string, start: number, end: number): TextSpan {
  const slice = text.slice(start, end);
  const from = start + (slice.length - slice.trimStart().length);
  const to = Math.max(from, end - (slice.length - slice.trimEnd().length));
  return { text: text.slice(from, to), start: from, end: to };
}

/**
 * The sentences of a paragraph [start, end) of `text`. The platform's own rules (UAX 29), corrected where a full stop belongs to an
 * abbreviation, a unit, an initial or a list's number. A bullet before the first sentence is left out.
 */
export function splitSentences(text: string, language: string, start = 0, end = text.length): TextSpan[] {
  const paragraph = text.slice(start, end);
  const lead = bullet.exec(paragraph.trimStart())?.[0].length ?? 0;
  const offset = lead === 0 ? 0 : paragraph.length - paragraph.trimStart().length + lead;
  const spans: TextSpan[] = [];
  for (const { segment, index } of segmenterOf(language).segment(paragraph.slice(offset))) {
    const span = spanOf(text, start + offset + index, start + offset + index + segment.length);
    if (span.text === '') continue;
    const last = spans.at(-1);
    if (last !== undefined && goesOn(last.text, span.text)) spans[spans.length - 1] = spanOf(text, last.start, span.end);
    else spans.push(span);
  }
  return spans;
}
