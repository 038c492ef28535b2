import { splitSentences, type TextSpan } from '../../text/index.ts';

/** The sentences of prose of one or more lines: a line break always ends one. */
export function splitProse(text: string, language: string): TextSpan[] {
  return [...text.matchAll(/[^\n\r]+/g)].flatMap(({ 0: line, index }) => splitSentences(text, language, index, index + line.length));
}
