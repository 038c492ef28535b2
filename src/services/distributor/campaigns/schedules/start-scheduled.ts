import type { ServiceDependencies } from '#platform/service';
import { prepareIssueJob } from '../../distributor-jobs.ts';
import { recordAction } from '../issue-store.ts';
import { takeDueIssues } from './schedule-store.ts';

const atOnce = 50;

/** Begins every issue whose time has come. Runs at the time, and every minute for what was missed. */
export async function startScheduled({ database, jobs, clock }: ServiceDependencies): Promise<void> {
  for (;;) {
    const taken = await database.transaction(async (tx) => {
      const now = clock.now();
      const ids = await takeDueIssues(tx, now, atOnce);
      for (const issueId of ids) {
        await recordAction(tx, { id: clock.newId(), at: now, actor: 'schedule', action: 'campaign.started', issueId });
        await jobs.send(tx, prepareIssueJob, { issueId }, { singletonKey: issueId });
      }
      return ids.length;
    });
    if (taken < atOnce) return;
  }
}
