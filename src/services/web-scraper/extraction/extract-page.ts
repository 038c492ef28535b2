import { Readability } from '@mozilla/readability';
import { collapseWhitespace, countWords, truncate } from '#shared/text';
import type { PageImage } from '../scraper-types.ts';
import { type DomDocument, type DomElement, parseDocument } from './dom.ts';
import { collectImages } from './images.ts';
import { judgeLanguage } from './language.ts';
import { findMainContent, type MainContent } from './main-content.ts';
import { type PageMetadata, readMetadata } from './metadata.ts';
import { judgeNature, type PageNature } from './page-nature.ts';
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
/** Structured data holds less than the page shows, unless the page shows it by scripts only. */
const structuredGain = 1.5;
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

/** An article's text as its structured data gives it, with or without markup. */
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

/** Ours, Readability's where both agree, or the page's own structured data where that says far more. Changes the document. */
function chooseText(document: DomDocument, nature: PageNature, main: MainContent, fromStructuredData: string): string {
  const own = dropRepetition(renderText(main.root, main.isLeftOut), nature === 'forum');
  let text = own;
  if (nature === 'article' && main.isTame && own !== '') {
    isolate(main.root, main.leftOut);
    const readable = readWithReadability(document);
    const readableText = readable === undefined ? '' : dropRepetition(renderText(readable, keepAll), false);
    const share = readableText.length / own.length;
    if (share >= agreementShare && share <= maxAgreementShare) text = readableText;
  }
  return fromStructuredData.length > text.length * structuredGain ? fromStructuredData : text;
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
  const main = findMainContent(document, nature);
  const metadata = readMetadata(document, url, nature, now);
  const images = collectImages(main.root, main.isLeftOut, url, maxImages);
  const found = chooseText(document, nature, main, structuredText(metadata.structured.articleBody));
  const tidy = tidyText(found, metadata);
  // A page may say nothing but its title.
  const text = storable(cut(tidy === '' ? found : tidy));
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
