import { spanOf, splitSentences, type TextSpan } from './sentences.ts';

/** A paragraph or list item with its sentences; `heading` is the line above that names its part of the page, '' before the first. */
export type TextBlock = { readonly heading: string; readonly headingNumber: number; readonly sentences: readonly TextSpan[] };

const maxHeadingLength = 80;
const closing = /[.!?…][\p{Pf}"')\]]*$/u;

function isHeading(line: TextSpan): boolean {
  if (line.text.length > maxHeadingLength || /^[•·*–—-]\s/u.test(line.text)) return false;
  if (/\?$/.test(line.text)) return !/[.!?]\s/.test(line.text);
  return !closing.test(line.text);
}

/** A row of a table or a line of figures stands under a heading but is none. */
function namesAPart(line: TextSpan): boolean {
  return (line.text.match(/\d/g)?.length ?? 0) < 3 && /\p{L}{3}/u.test(line.text);
}

/** Every line break ends a block: extracted text has one line a paragraph, heading or list item. */
export function readBlocks(text: string, language: string): TextBlock[] {
  const blocks: TextBlock[] = [];
  let heading = '';
  let headingNumber = 0;
  for (const match of text.matchAll(/[^\n\r]+/g)) {
    const line = spanOf(text, match.index, match.index + match[0].length);
    if (line.text === '') continue;
    if (isHeading(line)) {
      headingNumber += 1;
      if (namesAPart(line)) heading = line.text;
    } else {
      blocks.push({ heading, headingNumber, sentences: splitSentences(text, language, line.start, line.end) });
    }
  }
  return blocks;
}
