import { parseHTML } from 'linkedom';
import { repairMarkup } from './markup-repair.ts';

/** The part of the DOM that extraction reads: the compiler's own DOM types would bring a browser's globals into the server. */
export type DomNode = {
  readonly nodeType: number;
  readonly nodeValue: string | null;
  readonly firstChild: DomNode | null;
  readonly nextSibling: DomNode | null;
  readonly parentElement: DomElement | null;
};

export type DomElement = DomNode & {
  readonly localName: string;
  readonly textContent: string | null;
  readonly children: ArrayLike<DomElement> & Iterable<DomElement>;
  getAttribute(name: string): string | null;
  hasAttribute(name: string): boolean;
  remove(): void;
  querySelector(selector: string): DomElement | null;
  querySelectorAll(selector: string): Iterable<DomElement>;
};

export type DomDocument = {
  readonly documentElement: DomElement;
  readonly body: DomElement;
  querySelector(selector: string): DomElement | null;
  querySelectorAll(selector: string): Iterable<DomElement>;
};

type Parsed = { readonly document: DomDocument };

/** Parses whatever calls itself HTML: fragments, pages without a body or with text in the head, broken and endlessly nested markup. */
export function parseDocument(html: string): DomDocument {
  const repaired = repairMarkup(html.replaceAll('\u0000', ''));
  if (/<html[\s>]/i.test(repaired)) {
    const { document } = parseHTML(repaired) as unknown as Parsed;
    const body = document.documentElement?.localName === 'html' ? document.querySelector('html > body') : null;
    // A head that was never closed has the whole page in it; the parser then makes up an empty body.
    if (body !== null && document.body === body) return document;
  }
  const content = repaired.replace(/<!doctype[^>]*>|<\/?(?:html|head|body)(?=[\s>/])[^>]*>/gi, ' ');
  return (parseHTML(`<html><head></head><body>${content}</body></html>`) as unknown as Parsed).document;
}
