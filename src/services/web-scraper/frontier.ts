import type { Database, Transaction } from '#platform/database';
import type { Jobs } from '#platform/jobs';
import type { Clock } from '#shared/clock';
import { defaultCrawlDelayMs, readCrawlDelay } from './fetching/index.ts';
import { countAhead, insertPages, type NewPage } from './page-store.ts';
import { hostOf, normaliseUrl, originOf } from './page-url.ts';
import { crawlPageJob } from './scraper-jobs.ts';
import type { CrawlPage } from './scraper-types.ts';

export type FrontierDependencies = { readonly jobs: Jobs; readonly clock: Clock };

/** A document that names more addresses is taken up to here. */
export const maxPagesPerDocument = 10_000;
const pagesPerInsert = 1000;
/** A job that comes early waits this little for its turn itself; one that comes late has left the host unused. */
const headStartMs = 1000;
const minPostponeMs = 250;

/**
 * When the jobs of pages of one host shall come: one after the other at its crawl delay, so that few wait for the same turn.
 * Only a plan: the turnstile decides.
 */
function planAt(now: Date, position: number, delayMs: number): Date {
  return new Date(now.getTime() + Math.max(0, position * delayMs - headStartMs));
}

/** Puts addresses into the frontier, with their jobs, and returns how many are new. */
export async function addPages(
  tx: Transaction,
  { jobs, clock }: FrontierDependencies,
  targetId: string,
  addresses: readonly string[],
  base: string,
): Promise<{ readonly added: number; readonly known: number }> {
  const urls = [...new Set(addresses.map((address) => normaliseUrl(address, base)).filter((url) => url !== undefined))].slice(
    0,
    maxPagesPerDocument,
  );
  const now = clock.now();
  const positions = new Map<string, number>();
  const delays = new Map<string, number>();
  let added = 0;
  for (let start = 0; start < urls.length; start += pagesPerInsert) {
    const pages: NewPage[] = urls.slice(start, start + pagesPerInsert).map((url) => ({ id: clock.newId(), url, host: hostOf(url) }));
    const inserted = await insertPages(tx, targetId, pages, now);
    const planned: { data: { pageId: string }; startAfter: Date }[] = [];
    for (const { id, url } of inserted) {
      const origin = originOf(url);
      const delayMs = delays.get(origin) ?? (await readCrawlDelay(tx, origin)) ?? defaultCrawlDelayMs;
      delays.set(origin, delayMs);
      const position = positions.get(origin) ?? 0;
      positions.set(origin, position + 1);
      planned.push({ data: { pageId: id }, startAfter: planAt(now, position, delayMs) });
    }
    await jobs.sendMany(tx, crawlPageJob, planned);
    added += inserted.length;
  }
  return { added, known: urls.length - added };
}

/** Sends the job of a page whose host is busy again, to come when those before it will have had their turn. */
export async function postponePage(
  database: Database,
  { jobs, clock }: FrontierDependencies,
  page: CrawlPage,
  waitMs: number,
): Promise<void> {
  const ahead = await countAhead(database, page);
  const delayMs = (await readCrawlDelay(database, originOf(page.url))) ?? defaultCrawlDelayMs;
  const inMs = Math.max(minPostponeMs, waitMs - headStartMs, ahead * delayMs - headStartMs);
  await jobs.send(database, crawlPageJob, { pageId: page.id }, { startAfter: new Date(clock.now().getTime() + inMs) });
}
