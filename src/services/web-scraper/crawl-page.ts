import type { Transaction } from '#platform/database';
import type { JobContext, JobHandler } from '#platform/jobs';
import type { ServiceDependencies } from '#platform/service';
import { AppError } from '#shared/errors';
import type { ReadDocument, WebDocument } from './documents/index.ts';
import type { FetchFailure, PoliteFetch } from './fetching/index.ts';
import { addPages, maxPagesPerDocument, postponePage } from './frontier.ts';
import { gather } from './gather.ts';
import { findPage, finishPage, lockPendingPage, noteAttempt, type PageOutcomeRow } from './page-store.ts';
import { normaliseUrl } from './page-url.ts';
import { crawlPageJob, maxCrashes } from './scraper-jobs.ts';
import type { ScraperMetrics } from './scraper-metrics.ts';
import type { CrawlPage, Target } from './scraper-types.ts';
import { findTarget, setTargetError, setTargetKind } from './target-store.ts';

export type CrawlDependencies = Pick<ServiceDependencies, 'database' | 'jobs' | 'events' | 'clock'> & {
  readonly politeFetch: PoliteFetch;
  readonly readDocument: ReadDocument;
  readonly scraperMetrics: ScraperMetrics;
  /** Before the second attempt; the third waits four times as long. */
  readonly firstRetryMs: number;
};

const maxAttempts = 3;
const retryFactor = 4;
/** A host that asks for more is not waited for. */
const maxRetryAfterMs = 3600_000;

type Outcome = PageOutcomeRow & { readonly label: string };

const failed = (reason: string, httpStatus?: number): Outcome => ({
  status: 'failed',
  reason,
  httpStatus,
  rawContentId: null,
  label: 'failed',
});
const skipped = (reason: string, httpStatus?: number): Outcome => ({
  status: 'skipped',
  reason,
  httpStatus,
  rawContentId: null,
  label: 'skipped',
});

/**
 * One address of the frontier: pending → done, failed or skipped, with the reason. Fetching and reading happen outside of any
 * transaction; the last one locks the row and writes nothing if it is gone or finished, so the job may run twice or after its
 * target was deleted.
 */
export function createPageCrawler(dependencies: CrawlDependencies): JobHandler<{ pageId: string }> {
  const { database, politeFetch, readDocument, clock, scraperMetrics } = dependencies;

  async function finish(page: CrawlPage, decide: (tx: Transaction, target: Target) => Promise<Outcome>): Promise<void> {
    const label = await database.transaction(async (tx) => {
      const pending = await lockPendingPage(tx, page.id);
      const target = pending === undefined ? undefined : await findTarget(tx, pending.targetId);
      if (target === undefined) return undefined;
      const outcome = await decide(tx, target);
      await finishPage(tx, page.id, outcome, clock.now());
      if (outcome.status === 'failed' && target.url === page.url) await setTargetError(tx, target.id, outcome.reason ?? '');
      return outcome.label;
    });
    if (label !== undefined) scraperMetrics.pages.inc({ outcome: label });
  }

  /** Tries again later, or gives up. */
  async function failOrRetry(page: CrawlPage, failure: FetchFailure): Promise<void> {
    const attempt = page.attempts + 1;
    const asksTooMuch = (failure.retryAfterMs ?? 0) > maxRetryAfterMs;
    if (!failure.isRetryable || attempt >= maxAttempts || asksTooMuch) {
      const tries = failure.isRetryable && attempt > 1 ? ` Tried ${attempt} times.` : '';
      return finish(page, async () => failed(`${failure.reason}${tries}`, failure.httpStatus));
    }
    const backOffMs = dependencies.firstRetryMs * retryFactor ** page.attempts * (0.75 + clock.random() / 2);
    const startAfter = new Date(clock.now().getTime() + Math.max(backOffMs, failure.retryAfterMs ?? 0));
    await database.transaction(async (tx) => {
      if ((await lockPendingPage(tx, page.id)) === undefined) return;
      await noteAttempt(tx, page.id, failure.reason, failure.httpStatus);
      await dependencies.jobs.send(tx, crawlPageJob, { pageId: page.id }, { startAfter });
    });
  }

  async function keep(page: CrawlPage, document: WebDocument, finalUrl: string, httpStatus: number, contentType: string): Promise<void> {
    await finish(page, async (tx, target) => {
      switch (document.kind) {
        case 'page':
          return keepPage(tx, dependencies, page, target, finalUrl, document.page, httpStatus);
        case 'other':
          return failed(`The address answers with ${contentType || 'something'}; a web page, feed or sitemap was expected.`, httpStatus);
        default:
          return expand(tx, dependencies, page, target, document, finalUrl, httpStatus);
      }
    });
  }

  return async ({ pageId }, job: JobContext) => {
    const page = await findPage(database, pageId);
    if (page === undefined || page.status !== 'pending') return;
    if (job.retryCount >= maxCrashes) {
      return finish(page, async () => failed(`The crawler broke down ${job.retryCount} times while it had this page in hand.`));
    }
    const endFetch = scraperMetrics.fetchSeconds.startTimer();
    const fetched = await politeFetch(page.url, job.signal);
    if (fetched.kind === 'busy') return postponePage(database, dependencies, page, fetched.waitMs);
    endFetch();
    if (fetched.kind === 'disallowed') return finish(page, async () => skipped(fetched.reason));
    if (fetched.kind === 'failed') return failOrRetry(page, fetched);

    const { body, headers, url, status } = fetched.response;
    const contentType = headers['content-type'] ?? '';
    const endReading = scraperMetrics.readSeconds.startTimer();
    try {
      const document = await readDocument({ body, contentType, url, now: clock.now() });
      endReading();
      return await keep(page, document, url, status, contentType.slice(0, 100));
    } catch (error) {
      const reason = whyUnreadable(error);
      if (reason === undefined) throw error;
      return finish(page, async () => failed(reason, status));
    }
  };
}

/** What is the document's own fault; anything else is tried again. */
function whyUnreadable(error: unknown): string | undefined {
  if (!(error instanceof AppError)) return undefined;
  switch (error.code) {
    case 'document_invalid':
      return error.message;
    case 'compute_timed_out':
      return 'The page takes too much computing time to read (more than 5 s).';
    case 'compute_out_of_memory':
      return 'The page takes too much memory to read.';
    case 'compute_failed':
      return `The page cannot be read: ${error.message}`;
    default:
      return undefined;
  }
}

async function keepPage(
  tx: Transaction,
  dependencies: CrawlDependencies,
  { url }: CrawlPage,
  target: Target,
  finalUrl: string,
  page: Extract<WebDocument, { kind: 'page' }>['page'],
  httpStatus: number,
): Promise<Outcome> {
  if (target.url === url && target.kind !== 'page') {
    return failed(`The address answers with a web page; a ${target.kind} was expected.`, httpStatus);
  }
  const outcome = await gather(tx, dependencies, { targetId: target.id, url: normaliseUrl(finalUrl) ?? url, page });
  if (outcome.kind === 'too_short') return skipped(outcome.reason, httpStatus);
  const reason = outcome.kind === 'duplicate' ? 'The same text was met at another address.' : null;
  return { status: 'done', reason, httpStatus, rawContentId: outcome.rawContentId, label: outcome.kind };
}

/** The addresses that a feed or sitemap names go into the frontier, those of a sitemap index as sitemaps of the same target. */
async function expand(
  tx: Transaction,
  dependencies: CrawlDependencies,
  page: CrawlPage,
  target: Target,
  document: Extract<WebDocument, { kind: 'feed' | 'sitemap' }>,
  finalUrl: string,
  httpStatus: number,
): Promise<Outcome> {
  const isOwn = target.url === page.url;
  if (!isOwn && !(target.kind === 'sitemap' && document.kind === 'sitemap')) return skipped(`A ${document.kind}, not a page.`, httpStatus);
  if (isOwn && target.kind !== document.kind) await setTargetKind(tx, target.id, document.kind);
  const { added, known } = await addPages(tx, dependencies, target.id, document.urls, finalUrl);
  const left = document.urls.length - maxPagesPerDocument;
  const reason = `A ${document.kind}: ${added} new pages, ${known} known${left > 0 ? `; ${left} more were left out` : ''}.`;
  return { status: 'done', reason, httpStatus, rawContentId: null, label: document.kind };
}
