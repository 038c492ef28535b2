import { decodeText, type ExtractedPage, extractPage } from '../extraction/index.ts';
import { readFeed } from './feed-links.ts';
import { readSitemap } from './sitemap-links.ts';
import { sniffFormat, unpack } from './sniff.ts';

export type DocumentInput = {
  readonly body: Uint8Array;
  readonly contentType: string | undefined;
  /** Where it came from in the end; links are relative to it. */
  readonly url: string;
  readonly now: Date;
};

export type WebDocument =
  | { readonly kind: 'page'; readonly page: ExtractedPage }
  | { readonly kind: 'feed'; readonly urls: readonly string[] }
  | { readonly kind: 'sitemap'; readonly urls: readonly string[]; readonly isIndex: boolean }
  | { readonly kind: 'other' };

/** Runs in a thread of its own, under a limit of CPU time. An AppError `document_invalid` says why nothing can be read. */
export function run({ body, contentType, url, now }: DocumentInput): WebDocument {
  const text = decodeText(unpack(body), contentType);
  switch (sniffFormat(text, contentType)) {
    case 'page':
      return { kind: 'page', page: extractPage({ html: text, url, now }) };
    case 'feed':
      return { kind: 'feed', urls: readFeed(text) };
    case 'sitemap':
      return { kind: 'sitemap', ...readSitemap(text) };
    case 'other':
      return { kind: 'other' };
  }
}
