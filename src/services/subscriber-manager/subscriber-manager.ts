import type { Queryable, Transaction } from '#platform/database';
import { registerJob } from '#platform/jobs';
import { createTransactionalSender, type MailTransport } from '#platform/mail';
import type { ServiceDependencies, ServiceModule } from '#platform/service';
import { importRoutes } from './import/import-routes.ts';
import type { ImportFileOptions } from './import/import-rows.ts';
import { createImporter, type Importer, type ImportResult, type ImportSource } from './import/importer.ts';
import { segmentRoutes } from './segments/segment-routes.ts';
import { createSegmentService, type SegmentService } from './segments/segment-service.ts';
import { subscriberRoutes } from './subscribers/subscriber-routes.ts';
import { createSubscriberService } from './subscribers/subscriber-service.ts';
import { countActive, readRecipients } from './subscribers/subscriber-store.ts';
import type { Origin, Recipient } from './subscribers/subscriber-types.ts';
import type { Site } from './subscriptions/confirmation-mail.ts';
import { createConfirmationSender } from './subscriptions/send-confirmation.ts';
import { createSubscriberLinks } from './subscriptions/subscriber-links.ts';
import { sendConfirmationJob } from './subscriptions/subscription-jobs.ts';
import { type RenderPage, subscriptionRoutes } from './subscriptions/subscription-routes.ts';
import {
  createSubscriptionService,
  type RequestOutcome,
  type SubscriptionRequest,
  type UnsubscribeOutcome,
} from './subscriptions/subscription-service.ts';
import { createErasedKeyOf } from './suppressions/erased-key.ts';
import { suppressionRoutes } from './suppressions/suppression-routes.ts';
import { isSuppressed } from './suppressions/suppression-store.ts';

export type SubscriberManagerDependencies = ServiceDependencies & {
  readonly site: Site;
  /** Signs the links of confirmation and unsubscription, and keys the memory of erased addresses: must not change. */
  readonly secret: string;
  readonly mail: MailTransport;
  /** `Name <address>`. */
  readonly mailFrom: string;
  /** The site's layout around trusted markup. */
  readonly renderPage: RenderPage;
};

export type SubscriberManager = {
  /** Double opt-in: pending until the link in the confirmation mail was followed. */
  subscribe(request: SubscriptionRequest, origin: Origin): Promise<RequestOutcome>;
  unsubscribe(
    tx: Transaction,
    subscriberId: string,
    origin: Origin & { readonly issueId?: string | null | undefined },
  ): Promise<UnsubscribeOutcome>;
  unsubscribeUrl(subscriberId: string, issueId: string | null): string;
  /** Streams a CSV file with a header line, see `importColumns`; gzip too. */
  importFile(path: string, source: ImportSource, options?: ImportFileOptions): Promise<ImportResult>;
  importSubscribers: Importer['importRows'];
  isSuppressed(email: string): Promise<boolean>;
  countActive(): Promise<number>;
  /** As they stand now; ask again in the transaction that claims a delivery. */
  findRecipients(database: Queryable, ids: readonly string[]): Promise<readonly Recipient[]>;
  readonly enqueueAudience: SegmentService['enqueueAudience'];
  /** No mail goes to this address again, unless its owner confirms anew. */
  markBounced(tx: Transaction, subscriberId: string, reason: string): Promise<void>;
  readonly module: ServiceModule;
};

export function createSubscriberManager(dependencies: SubscriberManagerDependencies): SubscriberManager {
  const { database, jobs, events, clock, logger, metrics, site, secret, mail, mailFrom, renderPage } = dependencies;
  const changes = metrics.counter('aquascene_subscriber_changes_total', 'Changes of subscriptions', ['change']);
  const countChange = (change: string, count = 1) => changes.inc({ change }, count);
  const links = createSubscriberLinks(site.baseUrl, secret);
  const shared = { database, events, clock, erasedKeyOf: createErasedKeyOf(secret), defaultLanguage: site.language, countChange };

  const subscriptions = createSubscriptionService({ ...shared, jobs });
  const subscribers = createSubscriberService({ ...shared, activate: subscriptions.activate });
  const segments = createSegmentService({ database, clock });
  const importer = createImporter(shared);
  const sendConfirmation = createConfirmationSender({
    database,
    site,
    links,
    sendTransactional: createTransactionalSender({ transport: mail, mailFrom, clock, logger }),
  });

  return {
    subscribe: subscriptions.request,
    unsubscribe: subscriptions.unsubscribe,
    unsubscribeUrl: links.unsubscribeUrl,
    importFile: importer.importCsv,
    importSubscribers: importer.importRows,
    isSuppressed: (email) => isSuppressed(database, email),
    countActive: () => countActive(database),
    findRecipients: readRecipients,
    enqueueAudience: segments.enqueueAudience,
    markBounced: subscribers.markBounced,
    module: {
      name: 'subscriber-manager',
      async routes(app) {
        await subscriptionRoutes({ database, links, service: subscriptions, renderPage })(app);
        await subscriberRoutes({
          database,
          service: subscribers,
          request: subscriptions.request,
          unsubscribe: subscriptions.unsubscribe,
        })(app);
        await segmentRoutes({ database, service: segments })(app);
        await suppressionRoutes({ database, clock })(app);
        await importRoutes({ importer })(app);
      },
      jobs: [registerJob(sendConfirmationJob, sendConfirmation, 2)],
      subscriptions: [],
      schedules: [],
    },
  };
}
