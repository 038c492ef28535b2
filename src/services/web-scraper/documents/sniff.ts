import { gunzipSync } from 'node:zlib';
import { AppError } from '#shared/errors';

export type DocumentFormat = 'page' | 'feed' | 'sitemap' | 'other';

/** As the protocol of sitemaps allows at most, unpacked. */
const maxUnpackedBytes = 50 * 1024 * 1024;
const headLength = 4000;

/** Sitemaps are often kept packed; whatever is, is unpacked here. */
export function unpack(body: Uint8Array): Uint8Array {
  if (body[0] !== 0x1f || body[1] !== 0x8b) return body;
  try {
    return gunzipSync(body, { maxOutputLength: maxUnpackedBytes });
  } catch (error) {
    throw new AppError('document_invalid', 'The gzip file is damaged or unpacks to more than 50 MB.', { cause: error });
  }
}

/** What a document is, by what it says first; by its content type where it says nothing. */
export function sniffFormat(text: string, contentType: string | undefined): DocumentFormat {
  const type = contentType?.split(';')[0]?.trim().toLowerCase() ?? '';
  const head = text
    .slice(0, headLength)
    .replace(/^\ufeff/, '')
    .replace(/<!--[\s\S]*?-->|<\?[\s\S]*?\?>/g, '')
    .trimStart();
  if (/^(?:<!doctype [^>]*>\s*)?<(?:rss|(?:\w+:)?feed|rdf:rdf)\b/i.test(head) || isJsonFeed(head)) return 'feed';
  if (/^<(?:\w+:)?(?:urlset|sitemapindex)\b/i.test(head)) return 'sitemap';
  if (/^<(?:!doctype html|html|head|body)\b/i.test(head)) return 'page';
  if (type === 'text/html' || type === 'application/xhtml+xml') return 'page';
  if (type === 'text/plain' && isListOfAddresses(text)) return 'sitemap';
  const isUntyped = type === '' || type === 'text/plain' || type === 'application/octet-stream';
  return isUntyped && /<(?:p|div|h1|article|title|table)\b[^>]*>/i.test(head) ? 'page' : 'other';
}

function isJsonFeed(head: string): boolean {
  return head.startsWith('{') && /"version"\s*:\s*"https:\\?\/\\?\/jsonfeed\.org\\?\/version/.test(head);
}

/** A sitemap may be plain text: an address a line. */
function isListOfAddresses(text: string): boolean {
  const lines = text
    .slice(0, headLength)
    .split(/\r?\n/)
    .filter((line) => line.trim() !== '');
  const complete = text.length > headLength ? lines.slice(0, -1) : lines;
  return complete.length > 0 && complete.every((line) => /^https?:\/\/\S+$/.test(line.trim()));
}
