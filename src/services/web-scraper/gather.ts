import { createHash } from 'node:crypto';
import type { Transaction } from '#platform/database';
import type { Events } from '#platform/events';
import type { Clock } from '#shared/clock';
import type { ExtractedPage } from './extraction/index.ts';
import { normaliseUrl } from './page-url.ts';
import { addDuplicateUrl, findByCanonicalUrl, findByHash, insertRawContent, type KnownContent } from './raw-content-store.ts';
import { pageGathered } from './scraper-events.ts';

export type GatherOutcome =
  | { readonly kind: 'gathered' | 'duplicate'; readonly rawContentId: string }
  | { readonly kind: 'too_short'; readonly reason: string };

export type GatherDependencies = { readonly clock: Clock; readonly events: Pick<Events, 'publish'> };

const minWords = 40;
/** Sites name wrong canonical addresses often enough, so the texts must be alike as well: so much of the shorter one. */
const sameTextShare = 0.5;
const shingleWords = 4;

const wordsOf = (text: string): string[] =>
  text
    .normalize('NFKC')
    .toLowerCase()
    .match(/[\p{L}\p{N}]+/gu) ?? [];

/** Of the words alone: layout, punctuation and case make no other text. */
function hashText(text: string): Buffer {
  return createHash('sha256').update(wordsOf(text).join(' ')).digest();
}

function shinglesOf(text: string): Set<string> {
  const words = wordsOf(text);
  return new Set(words.slice(shingleWords - 1).map((_, start) => words.slice(start, start + shingleWords).join(' ')));
}

/** Whether most of the shorter text stands in the longer one, word after word. */
function isAlike(a: string, b: string): boolean {
  const one = shinglesOf(a);
  const other = shinglesOf(b);
  return one.intersection(other).size >= Math.min(one.size, other.size) * sameTextShare;
}

/**
 * Keeps what a page says, once: the same words met at another address, or a copy that names an address that is here already, add
 * that address to the first. Texts are never changed, so a page that says something new gets a new row.
 */
export async function gather(
  tx: Transaction,
  { clock, events }: GatherDependencies,
  found: { readonly targetId: string; readonly url: string; readonly page: ExtractedPage },
): Promise<GatherOutcome> {
  const { page, url, targetId } = found;
  if (page.wordCount < minWords) {
    return { kind: 'too_short', reason: `The text has ${page.wordCount} words; a page needs at least ${minWords}.` };
  }
  const canonicalUrl = normaliseUrl(page.canonicalUrl) ?? url;
  const contentHash = hashText(page.text);
  const copies = await findByCanonicalUrl(tx, canonicalUrl, url);
  const known: KnownContent | undefined = (await findByHash(tx, contentHash)) ?? copies.find((copy) => isAlike(copy.text, page.text));
  if (known !== undefined) {
    await addDuplicateUrl(tx, known.id, url);
    return { kind: 'duplicate', rawContentId: known.id };
  }
  const id = clock.newId();
  const isNew = await insertRawContent(tx, { ...page, id, targetId, url, canonicalUrl, contentHash, fetchedAt: clock.now() });
  if (!isNew) {
    // Another transaction kept the same words since we looked.
    const first = await findByHash(tx, contentHash);
    if (first !== undefined) await addDuplicateUrl(tx, first.id, url);
    return { kind: 'duplicate', rawContentId: first?.id ?? id };
  }
  await events.publish(tx, { type: pageGathered, aggregateId: id, payload: { rawContentId: id, url, language: page.language } });
  return { kind: 'gathered', rawContentId: id };
}
