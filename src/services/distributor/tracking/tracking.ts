import type { RegisterRoutes } from '#platform/http-server';
import { registerJob } from '#platform/jobs';
import type { ServiceModule } from '#platform/service';
import type { Audience, DistributorDependencies } from '../distributor-types.ts';
import { forgetEngagement } from './engagement-queries.ts';
import { type AnswerBudgetMs, createEngagementRecorder } from './engagement-recorder.ts';
import { recordEmailEvents } from './engagement-store.ts';
import { keepEventPartitions, keepEventPartitionsJob } from './event-partitions.ts';
import { reportRoutes } from './report-routes.ts';
import { tendEngagement, tendEngagementJob } from './tend-engagement.ts';
import { trackingRoutes } from './tracking-routes.ts';

/** Of the subscriber-manager's event; `issueId` is null where no mail was the cause. */
type Unsubscribed = { readonly subscriberId: string; readonly issueId: string | null };
type Erased = { readonly subscriberId: string };

export type TrackingDependencies = Pick<
  DistributorDependencies,
  'database' | 'clock' | 'caches' | 'secret' | 'site' | 'logger' | 'metrics' | 'analytics'
> & {
  readonly subscribers: Pick<Audience, 'enqueueAudience'>;
  readonly answerBudgetMs?: AnswerBudgetMs;
};

/** Opens, clicks and what else becomes of mails: taken in, counted, reported, forgotten. */
export function createTracking(dependencies: TrackingDependencies): Omit<ServiceModule, 'name'> {
  const { database, clock, caches, secret, site, logger, subscribers, analytics } = dependencies;
  const registrations: readonly RegisterRoutes[] = [
    trackingRoutes({
      ...{ database, clock, secret, logger },
      cache: caches.named('content'),
      homeUrl: site.baseUrl,
      recorder: createEngagementRecorder(dependencies),
    }),
    reportRoutes({ database, clock, subscribers }),
  ];
  const tending = { database, clock, addArticleFigures: analytics.addEmailFigures };

  return {
    async routes(app) {
      for (const register of registrations) await register(app);
    },
    jobs: [
      registerJob(tendEngagementJob, ({ seconds }, job) => tendEngagement(tending, seconds, job.signal)),
      registerJob(keepEventPartitionsJob, () => keepEventPartitions(database, clock.now())),
    ],
    subscriptions: [
      {
        subscriber: 'distributor.unsubscriptions',
        types: ['subscriber.unsubscribed'],
        async handle({ id, payload, occurredAt }, tx) {
          const { subscriberId, issueId } = payload as Unsubscribed;
          if (issueId !== null) await recordEmailEvents(tx, [{ id, type: 'unsubscribe', issueId, subscriberId, occurredAt }]);
        },
      },
      {
        subscriber: 'distributor.erasures',
        types: ['subscriber.erased'],
        handle: ({ payload, occurredAt }, tx) => forgetEngagement(tx, (payload as Erased).subscriberId, occurredAt),
      },
    ],
    schedules: [
      { definition: tendEngagementJob, cron: '* * * * *' },
      { definition: keepEventPartitionsJob, cron: '27 2 * * *' },
    ],
  };
}
