import { Readability } from '@mozilla/readability';
import { collapseWhitespace, countWords, truncate } from '#shared/text';
import type { PageImage } from '../scraper-types.ts';
import { type DomDocument, type DomElement, parseDocument } from './dom.ts';
import { collectImages } from './images.ts';
import { judgeLanguage } from './language.ts';
import { findMainContent } from './main-content.ts';
import { type PageMetadata, readMetadata } from './metadata.ts';
import { judgeNature } from './page-nature.ts';
import { renderText } from './render-text.ts';
import { dropRepetition } from './repetition.ts';
import { tidyText } from './tidy-text.ts';

export type ExtractedPage = {
  readonly title: string;
  readonly author: string | null;
  readonly publishedAt: Date | null;
  readonly siteName: string | null;
  readonly canonicalUrl: string;
  readonly language: string;
  readonly text: string;
  readonly excerpt: string;
  readonly images: readonly PageImage[];
  readonly wordCount: number;
};

const maxTextLength = 400_000;
const maxExcerptLength = 300;
const maxImages = 40;
/** Readability is believed where it finds nearly all that our rules find, and a little less of what surrounds it. */
const agreementShare = 0.8;
const maxAgreementShare = 1.05;
const keepAll = () => false;

/** Changes the document: nothing else may read it afterwards. */
function readWithReadability(document: DomDocument): DomElement | undefined {
  try {
    // Readability reads the same part of the DOM that linkedom gives.
    const reader = new Readability<DomElement>(document as never, { serializer: (node) => node as unknown as DomElement });
    return reader.parse()?.content ?? undefined;
  } catch (error) {
    // Broken trees make it stumble (TypeError), deep ones exhaust its recursion (RangeError); our own reading stands.
    if (error instanceof TypeError || error instanceof RangeError) return undefined;
    throw error;
  }
}

/** Takes everything but the main content out of the document, so that nothing beside it is chosen. */
function isolate(root: DomElement, leftOut: ReadonlySet<DomElement>): void {
  for (const element of leftOut) element.remove();
  for (let inner = root; inner.localName !== 'body'; ) {
    const outer = inner.parentElement;
    if (outer === null) return;
    for (const sibling of [...outer.children]) if (sibling !== inner) sibling.remove();
    inner = outer;
  }
}

/** Without what only repeats the title or says who wrote it and when: that is kept beside the text. */
function structuredText(articleBody: string | undefined): string {
  if (articleBody === undefined) return '';
  const hasMarkup = /<\/?(?:p|br|div|h\d|ul|li|a|b|i|em|strong|span)\b[^>]*>/i.test(articleBody);
  if (hasMarkup) return renderText(parseDocument(articleBody).body, keepAll);
  return articleBody
    .split(/\r?\n\s*/)
    .map(collapseWhitespace)
    .filter((line) => line !== '')
    .join('\n\n');
}

function cut(text: string): string {
  if (text.length <= maxTextLength) return text;
  const end = text.lastIndexOf('\n\n', maxTextLength);
  return text.slice(0, end > maxTextLength / 2 ? end : maxTextLength);
}

/** As a database keeps it: no NUL characters and no halves of characters, which escapes in structured data can hide. */
function storable(text: string): string {
  return text.replaceAll('\u0000', '').toWellFormed();
}

function excerptOf(text: string, metadata: PageMetadata): string {
  const paragraph = text.split('\n\n').find((part) => countWords(part) >= 12) ?? text;
  return truncate(collapseWhitespace(metadata.description ?? paragraph), maxExcerptLength);
}

export type ExtractOptions = {
  readonly html: string;
  readonly url: string;
  readonly now: Date;
};

/** Reads a page of the web: what it says, without the site around it, and what it says about itself. Pure; may take seconds. */
export function extractPage({ html, url, now }: ExtractOptions): ExtractedPage {
  const document = parseDocument(html);
  const nature = judgeNature(document, url);
  const { root, isLeftOut, leftOut, isTame } = findMainContent(document, nature);
  const metadata = readMetadata(document, url, nature, now);
  const images = collectImages(root, isLeftOut, url, maxImages);
  const own = dropRepetition(renderText(root, isLeftOut), nature === 'forum');

  let text = own;
  const fromStructuredData = structuredText(metadata.structured.articleBody);
  if (nature === 'article' && isTame) {
    isolate(root, leftOut);
    const readable = readWithReadability(document);
    const readableText = readable === undefined ? '' : dropRepetition(renderText(readable, keepAll), false);
    const share = readableText.length / Math.max(1, own.length);
    if (share >= agreementShare && share <= maxAgreementShare) text = readableText;
  }
  if (fromStructuredData.length > text.length * 1.5) text = fromStructuredData;
  text = storable(cut(tidyText(text, metadata)));
  return {
    title: storable(metadata.title !== '' ? metadata.title : truncate(collapseWhitespace(text), 80)),
    author: metadata.author === undefined ? null : storable(metadata.author),
    publishedAt: metadata.publishedAt ?? null,
    siteName: metadata.siteName === undefined ? null : storable(metadata.siteName),
    canonicalUrl: metadata.canonicalUrl,
    language: judgeLanguage(text, metadata.declaredLanguage),
    text,
    excerpt: storable(excerptOf(text, metadata)),
    images: images.map((image) => ({ url: image.url, alt: storable(image.alt) })),
    wordCount: countWords(text),
  };
}
