import { collapseWhitespace } from '#shared/text';
import { walk } from './document-walk.ts';
import type { DomElement } from './dom.ts';

export type TextMeasure = {
  /** Characters of text, white space collapsed. */
  textLength: number;
  /** Those that stand in links. */
  linkLength: number;
  linkCount: number;
  /** Characters in paragraphs: <p>, <pre>, or text that stands beside block elements. */
  proseLength: number;
};

/** White space collapsed; of a text that is longer than any paragraph, about. */
function visibleLength(text: string): number {
  return text.length > maxParagraphLength ? text.length : collapseWhitespace(text).length;
}

const maxParagraphLength = 50_000;

const none: TextMeasure = { textLength: 0, linkLength: 0, linkCount: 0, proseLength: 0 };

export type Measures = {
  of(element: DomElement): TextMeasure;
  /** Characters over all elements, each with its descendants': what it costs to ask every element for its text. */
  readonly costOfAllTexts: number;
  readonly maxDepth: number;
};

const proseTags = new Set(['p', 'pre', 'blockquote', 'dd']);

/** Measures every element under `root` at once, without what is left out. */
export function measureText(root: DomElement, isLeftOut: (element: DomElement) => boolean): Measures {
  const measures = new Map<DomElement, TextMeasure>();
  let linkDepth = 0;
  let proseDepth = 0;
  const stack: TextMeasure[] = [];
  let maxDepth = 0;
  walk(root, {
    enter(element) {
      if (isLeftOut(element)) return false;
      if (element.localName === 'a') linkDepth += 1;
      if (proseTags.has(element.localName)) proseDepth += 1;
      const measure = { textLength: 0, linkLength: 0, linkCount: element.localName === 'a' ? 1 : 0, proseLength: 0 };
      measures.set(element, measure);
      stack.push(measure);
      maxDepth = Math.max(maxDepth, stack.length);
      return true;
    },
    text(text) {
      const length = visibleLength(text);
      const measure = stack.at(-1);
      if (length === 0 || measure === undefined) return;
      measure.textLength += length;
      if (linkDepth > 0) measure.linkLength += length;
      else if (proseDepth > 0 || length >= 80) measure.proseLength += length;
    },
    leave(element) {
      if (element.localName === 'a') linkDepth -= 1;
      if (proseTags.has(element.localName)) proseDepth -= 1;
      const measure = stack.pop() ?? none;
      const parent = stack.at(-1);
      if (parent === undefined) return;
      parent.textLength += measure.textLength;
      parent.linkLength += measure.linkLength;
      parent.linkCount += measure.linkCount;
      parent.proseLength += measure.proseLength;
    },
  });
  let costOfAllTexts = 0;
  for (const { textLength } of measures.values()) costOfAllTexts += textLength;
  return { of: (element) => measures.get(element) ?? none, costOfAllTexts, maxDepth };
}
