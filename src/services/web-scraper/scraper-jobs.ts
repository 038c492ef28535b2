import { defineJob } from '#platform/jobs';

/** Puts the target's own document into the frontier. */
export const crawlTargetJob = defineJob<{ targetId: string }>('crawl-target', { expireInSeconds: 120 });

/**
 * Fetches one address of the frontier and keeps what it says. Attempts at the address are counted in its row; the retries of
 * the job are for what is no fault of the page: a killed worker, an unreachable database.
 */
export const crawlPageJob = defineJob<{ pageId: string }>('crawl-page', {
  retryLimit: 8,
  retryDelaySeconds: 1,
  retryDelayMaxSeconds: 60,
  expireInSeconds: 300,
});

/** Pages in hand at once in one process: most of them wait for their host's turn. */
export const pagesPerProcess = 10;
/** A page whose worker died so often is given up: it may be what kills it. */
export const maxCrashes = 6;
