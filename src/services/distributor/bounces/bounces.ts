import type { HttpClient } from '#platform/http-client';
import type { RegisterRoutes } from '#platform/http-server';
import { defineJob, type JobRegistration, registerJob } from '#platform/jobs';
import type { Schedule, ServiceDependencies } from '#platform/service';
import type { EnvelopeSender } from '../deliveries/verp.ts';
import type { Audience } from '../distributor-types.ts';
import { createApplyMailEvents } from './apply-mail-events.ts';
import { type BounceListener, startBounceListener } from './bounce-listener.ts';
import { readBounceMailbox } from './bounce-mailbox.ts';
import type { BounceSettings } from './bounce-settings.ts';
import { createMailgunAdapter } from './providers/mailgun.ts';
import { createPostmarkAdapter } from './providers/postmark.ts';
import type { ProviderAdapter } from './providers/provider-types.ts';
import { createSendgridAdapter } from './providers/sendgrid.ts';
import { createSesAdapter } from './providers/ses.ts';
import { createTakeReport } from './reports.ts';
import { bounceWebhookRoutes } from './webhook-routes.ts';

const none: BounceSettings = { address: null, mailbox: null, listener: null, webhookSecrets: {} };
const readBounceMailboxJob = defineJob<object>('read-bounce-mailbox', { retryLimit: 0, expireInSeconds: 300 });
const maxCertificateBytes = 64 * 1024;

export type Bounces = {
  readonly routes: RegisterRoutes;
  readonly jobs: readonly JobRegistration[];
  readonly schedules: readonly Schedule[];
  /** Undefined unless it is configured. */
  startListener(): Promise<BounceListener | undefined>;
};

function createAdapters({ webhookSecrets }: BounceSettings, httpClient: HttpClient): ReadonlyMap<string, ProviderAdapter> {
  const fetchCertificate = async (url: string) =>
    (await httpClient.fetch(url, { maxRedirects: 0, maxBytes: maxCertificateBytes })).body.toString('latin1');
  const { ses, sendgrid, postmark, mailgun } = webhookSecrets;
  return new Map<string, ProviderAdapter>([
    ...(ses === undefined ? [] : [['ses', createSesAdapter({ topicArn: ses, fetchCertificate })] as const]),
    ...(sendgrid === undefined ? [] : [['sendgrid', createSendgridAdapter(sendgrid)] as const]),
    ...(postmark === undefined ? [] : [['postmark', createPostmarkAdapter(postmark)] as const]),
    ...(mailgun === undefined ? [] : [['mailgun', createMailgunAdapter(mailgun)] as const]),
  ]);
}

/** Bounces, complaints and arrivals: told by mail that comes back, or by the providers' webhooks. */
export function createBounces(
  dependencies: ServiceDependencies & {
    readonly httpClient: HttpClient;
    readonly subscribers: Pick<Audience, 'markBounced' | 'markComplained' | 'unsubscribe'>;
    readonly envelopeSender: EnvelopeSender;
    readonly bounces?: BounceSettings | undefined;
  },
): Bounces {
  const { httpClient, envelopeSender, bounces: settings = none, logger } = dependencies;
  const apply = createApplyMailEvents(dependencies);
  const takeReport = createTakeReport({ ...dependencies, apply });
  const { mailbox, listener, address } = settings;
  return {
    routes: bounceWebhookRoutes({ ...dependencies, adapters: createAdapters(settings, httpClient), apply }),
    jobs:
      mailbox === null
        ? []
        : [registerJob(readBounceMailboxJob, (_, { signal }) => readBounceMailbox(mailbox, takeReport, { logger, signal }))],
    schedules: mailbox === null ? [] : [{ definition: readBounceMailboxJob, cron: '* * * * *' }],
    startListener: async () =>
      listener === null || address === null
        ? undefined
        : startBounceListener({ ...listener, bounceAddress: address, envelopeSender, takeReport, logger }),
  };
}
