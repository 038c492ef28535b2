import type { ServiceDependencies } from '#platform/service';
import { listUnprepared } from '../campaigns/issue-store.ts';
import { deliverBatchJob, prepareIssueJob } from '../distributor-jobs.ts';
import { takeSilentChains } from './chain-store.ts';

/** A job that was killed is noticed and run again by the queue well before this; only lost ones are silent for longer. */
const silentAfterMs = 120_000;

/** Gives a new job to every chain that has been silent, and to every issue that still waits to be prepared. */
export async function resumeIssues({ database, jobs, clock, logger }: ServiceDependencies): Promise<void> {
  const now = clock.now();
  await database.transaction(async (tx) => {
    const turns = await takeSilentChains(tx, new Date(now.getTime() - silentAfterMs), now);
    for (const turn of turns) {
      logger.warn({ issueId: turn.issueId, chain: turn.chain }, 'a chain of deliveries had lost its job; it goes on');
      await jobs.send(tx, deliverBatchJob, { ...turn, outages: 0 });
    }
    // Keyed: where the job stands, nothing is added.
    for (const issueId of await listUnprepared(tx)) await jobs.send(tx, prepareIssueJob, { issueId }, { singletonKey: issueId });
  });
}
