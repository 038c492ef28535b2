import type { Transaction } from '#platform/database';
import { createBackground, type JobHandler, type Queued } from '#platform/jobs';
import type { ServiceDependencies } from '#platform/service';
import { reopenFailedPages, requestPage } from './page-store.ts';
import { hostOf } from './page-url.ts';
import { crawlPageJob, crawlTargetJob } from './scraper-jobs.ts';
import type { Target } from './scraper-types.ts';
import { lockTarget, markTargetCrawled, markTargetWaiting } from './target-store.ts';

type Dependencies = Pick<ServiceDependencies, 'database' | 'jobs' | 'clock'>;

/** Puts the target's document into the frontier, and those of its pages that failed before back into it. */
export function createTargetCrawler({ database, jobs, clock }: Dependencies): JobHandler<{ targetId: string }> {
  return ({ targetId }) =>
    database.transaction(async (tx) => {
      const target = await lockTarget(tx, targetId);
      // Deleted, or another run of this job was first.
      if (target === undefined || target.kind === 'file' || target.lastCrawledAt !== null) return;
      const document = await requestPage(tx, target.id, { id: clock.newId(), url: target.url, host: hostOf(target.url) }, clock.now());
      const pages = target.kind === 'page' ? [] : await reopenFailedPages(tx, target.id);
      const due = document.wasPending ? pages : [document, ...pages];
      await jobs.sendMany(
        tx,
        crawlPageJob,
        due.map(({ id }) => ({ data: { pageId: id } })),
      );
      await markTargetCrawled(tx, target.id, clock.now());
    });
}

/** With the job, in the caller's transaction. Asking again before the job ran changes nothing. */
export async function requestCrawl(
  tx: Transaction,
  { jobs, database }: Pick<Dependencies, 'jobs' | 'database'>,
  target: Target,
): Promise<Queued> {
  await markTargetWaiting(tx, target.id);
  return createBackground({ jobs, database }).run(crawlTargetJob, { targetId: target.id }, { transaction: tx });
}
