import { setTimeout as delay } from 'node:timers/promises';
import type { ServiceDependencies } from '#platform/service';
import type { DistributorDependencies, EmailEngagement } from '../distributor-types.ts';
import { insertEmailEvent } from './engagement-store.ts';

const maxUnderWay = 200;
const maxWaitMs = 1000;

export type Engagement = {
  readonly type: 'open' | 'click';
  readonly issueId: string;
  readonly subscriberId: string;
  /** Articles that it counts for. */
  readonly contentIds: readonly string[];
  readonly url?: string;
  readonly userAgent: string | undefined;
};

/**
 * Records opens and clicks. A reader is never kept waiting, nor shown an error, because of our figures: after `maxWaitMs` the
 * answer goes out while the recording runs on, and past `maxUnderWay` recordings, or without a database, they are dropped and counted.
 */
export function createEngagementRecorder({
  database,
  clock,
  logger,
  metrics,
  analytics,
}: ServiceDependencies & Pick<DistributorDependencies, 'analytics'>): (engagement: Engagement) => Promise<void> {
  const recorded = metrics.counter('aquascene_email_engagements_total', 'Opens and clicks of mails', ['type', 'outcome']);
  let underWay = 0;

  async function record({ type, issueId, subscriberId, contentIds, url, userAgent }: Engagement): Promise<void> {
    const engagement: EmailEngagement = {
      type: type === 'open' ? 'email_open' : 'email_click',
      issueId,
      subscriberId,
      ...(url !== undefined && { url }),
      ...(userAgent !== undefined && { userAgent }),
    };
    await database.transaction(async (tx) => {
      await insertEmailEvent(tx, { id: clock.newId(), type, issueId, subscriberId, url, userAgent, occurredAt: clock.now() });
      if (contentIds.length === 0) await analytics.record(engagement, tx);
      for (const contentId of contentIds) await analytics.record({ ...engagement, contentId }, tx);
    });
  }

  return async (engagement) => {
    const { type } = engagement;
    if (underWay >= maxUnderWay) {
      recorded.inc({ type, outcome: 'dropped' });
      return;
    }
    underWay += 1;
    const recording = record(engagement)
      .then(
        () => recorded.inc({ type, outcome: 'recorded' }),
        (error: unknown) => {
          recorded.inc({ type, outcome: 'dropped' });
          logger.warn({ err: error, issueId: engagement.issueId }, `an email ${type} could not be recorded`);
        },
      )
      .finally(() => {
        underWay -= 1;
      });
    const timer = new AbortController();
    await Promise.race([recording, delay(maxWaitMs, undefined, { signal: timer.signal, ref: false }).catch(() => undefined)]);
    timer.abort();
  };
}
