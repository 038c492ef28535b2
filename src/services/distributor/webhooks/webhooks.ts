import type { Subscription } from '#platform/events';
import type { HttpClient } from '#platform/http-client';
import type { RegisterRoutes } from '#platform/http-server';
import { type JobRegistration, registerJob } from '#platform/jobs';
import type { Schedule, ServiceDependencies } from '#platform/service';
import { createWebhookDelivery } from './deliver-webhook.ts';
import { deliverWebhookJob, tendWebhooksJob } from './webhook-jobs.ts';
import { webhookRoutes } from './webhook-routes.ts';
import { createWebhookService } from './webhook-service.ts';
import { webhookEventTypes } from './webhook-types.ts';

const attemptsAtOnce = 10;

export type Webhooks = {
  readonly routes: RegisterRoutes;
  readonly jobs: readonly JobRegistration[];
  readonly subscription: Subscription;
  readonly schedule: Schedule;
};

/** Outgoing webhooks by the Standard Webhooks specification: signed, retried over three days, replayable for thirty. */
export function createWebhooks(
  dependencies: ServiceDependencies & {
    readonly httpClient: HttpClient;
    /** The secrets of endpoints are derived from it. */
    readonly secret: string;
  },
): Webhooks {
  const service = createWebhookService(dependencies);
  const { deliver, tend } = createWebhookDelivery(dependencies);
  return {
    routes: webhookRoutes({ ...dependencies, service }),
    jobs: [registerJob(deliverWebhookJob, deliver, attemptsAtOnce), registerJob(tendWebhooksJob, tend)],
    subscription: { subscriber: 'distributor.webhooks', types: [...webhookEventTypes], handle: service.announce },
    schedule: { definition: tendWebhooksJob, cron: '* * * * *' },
  };
}
