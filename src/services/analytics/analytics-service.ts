import type { Transaction } from '#platform/database';
import { registerJob } from '#platform/jobs';
import type { ServiceDependencies, ServiceModule } from '#platform/service';
import { rollUpMetrics } from './analytics-jobs.ts';
import { analyticsRoutes, type TitleOf } from './analytics-routes.ts';
import type { AnalyticsEvent } from './analytics-schema.ts';
import { addEmailFigures, type EmailFigure, hasMetrics, insertEvent, openMetrics, rollUp } from './analytics-store.ts';

export type AnalyticsDependencies = ServiceDependencies & {
  /** Titles of those articles that exist. */
  readonly findTitles: (contentIds: readonly string[]) => Promise<readonly TitleOf[]>;
};

export type Analytics = {
  /** With `tx`, the event commits with the caller's rows. */
  record(event: AnalyticsEvent, tx?: Transaction): Promise<void>;
  /** Opens and clicks of mails, as the distributor counts them; commits with the caller's rows. */
  addEmailFigures(tx: Transaction, figures: readonly EmailFigure[]): Promise<void>;
  /** Writes the figures of all days that can have changed; returns the number of changed rows. */
  rollUp(): Promise<number>;
  readonly module: ServiceModule;
};

export function createAnalytics({ database, clock, metrics, findTitles }: AnalyticsDependencies): Analytics {
  const recorded = metrics.counter('aquascene_analytics_events_total', 'Reader events recorded', ['type']);

  async function record(event: AnalyticsEvent, tx?: Transaction): Promise<void> {
    await insertEvent(tx ?? database, { ...event, id: clock.newId(), occurredAt: clock.now() });
    recorded.inc({ type: event.type });
  }

  const rollUpNow = () => database.transaction((tx) => rollUp(tx, clock.now()));

  return {
    record,
    addEmailFigures: (tx, figures) => addEmailFigures(tx, figures, clock.now()),
    rollUp: rollUpNow,
    module: {
      name: 'analytics',
      routes: analyticsRoutes({ database, clock, record, isCounted: (contentId) => hasMetrics(database, contentId), findTitles }),
      jobs: [registerJob(rollUpMetrics, rollUpNow)],
      subscriptions: [
        {
          subscriber: 'analytics.open-metrics',
          types: ['article.published'],
          handle: (event, tx) => openMetrics(tx, event.aggregateId, event.occurredAt),
        },
      ],
      schedules: [{ definition: rollUpMetrics, cron: '* * * * *' }],
    },
  };
}
