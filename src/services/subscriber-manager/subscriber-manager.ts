import type { Queryable, Transaction } from '#platform/database';
import { registerJob } from '#platform/jobs';
import { createTransactionalSender, type MailTransport } from '#platform/mail';
import type { ServiceDependencies, ServiceModule } from '#platform/service';
import type { Storage } from '#platform/storage';
import { customFieldRoutes } from './custom-fields/custom-field-routes.ts';
import { createCustomFieldService, deleteFieldValuesJob } from './custom-fields/custom-field-service.ts';
import { listDefinitions } from './custom-fields/custom-field-store.ts';
import { exportRoutes } from './export/export-routes.ts';
import { formRoutes } from './forms/form-routes.ts';
import { createFormService } from './forms/form-service.ts';
import { importSubscribersJob, tendImportsJob } from './import/import-jobs.ts';
import { importRoutes } from './import/import-routes.ts';
import { createImportService, type ImportService } from './import/import-service.ts';
import type { RenderPage } from './pages/page-replies.ts';
import { pageRoutes } from './pages/page-routes.ts';
import type { Topic } from './pages/reader-fields.ts';
import { type CollectPersonalData, createPersonalData } from './personal-data/personal-data.ts';
import type { EngagementCondition } from './segments/rule-types.ts';
import { createSegmentIndex } from './segments/segment-index.ts';
import { indexSubscribersJob } from './segments/segment-jobs.ts';
import { segmentRoutes } from './segments/segment-routes.ts';
import { createSegmentService, type FindSegmentUses, type SegmentService } from './segments/segment-service.ts';
import { findSegment } from './segments/segment-store.ts';
import { createBulkChanges } from './subscribers/bulk-changes.ts';
import { changeTags, type TagChange } from './subscribers/change-tags.ts';
import { createCleaning } from './subscribers/clean-subscribers.ts';
import { findLastConsent } from './subscribers/consent-store.ts';
import { subscriberRoutes } from './subscribers/subscriber-routes.ts';
import { createSubscriberService } from './subscribers/subscriber-service.ts';
import { countActive, readRecipients } from './subscribers/subscriber-store.ts';
import type { Origin, Recipient } from './subscribers/subscriber-types.ts';
import { createMailJobs } from './subscriptions/mail-jobs.ts';
import { createSubscriberLinks } from './subscriptions/subscriber-links.ts';
import { createSubscriberMails, type Site } from './subscriptions/subscriber-mails.ts';
import { cleanSubscribersJob, sendConfirmationJob, sendDataLinkJob } from './subscriptions/subscription-jobs.ts';
import {
  createSubscriptionService,
  type RequestOutcome,
  type SubscriptionRequest,
  type UnsubscribeOutcome,
} from './subscriptions/subscription-service.ts';
import { createErasedKeyOf } from './suppressions/erased-key.ts';
import { suppressionRoutes } from './suppressions/suppression-routes.ts';
import { createSuppressionService } from './suppressions/suppression-service.ts';
import { isSuppressed } from './suppressions/suppression-store.ts';

export type SubscriberManagerDependencies = ServiceDependencies & {
  readonly site: Site;
  /** Signs the links of confirmation and unsubscription, and keys the memory of erased addresses: must not change. */
  readonly secret: string;
  readonly mail: MailTransport;
  /** `Name <address>`. */
  readonly mailFrom: string;
  /** Lists that are handed in. */
  readonly storage: Pick<Storage, 'put' | 'get' | 'removeMany'>;
  /** What readers can choose to hear of: the site's categories. */
  readonly topics?: readonly Topic[];
  /** The site's layout around trusted markup. */
  readonly renderPage: RenderPage;
  /** Hosts that a subscription form may send its readers to. None unless told. */
  readonly formRedirectHosts?: readonly string[];
  /** What other services keep about a person, for the copy that the person may have. */
  readonly collectPersonalData?: CollectPersonalData;
  /** What readers received, opened and clicked, as conditions of segments; the distributor knows. */
  readonly engagement?: EngagementCondition;
  /** Campaigns and the like that name a segment, which stays for them. */
  readonly findSegmentUses?: FindSegmentUses;
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
  preferencesUrl(subscriberId: string): string;
  /** A file's path, or what gives its bytes: CSV with a header line, or NDJSON; gzip too. */
  importFile: ImportService['importFile'];
  isSuppressed(email: string): Promise<boolean>;
  countActive(): Promise<number>;
  /** As they stand now; ask again in the transaction that claims a delivery. */
  findRecipients(database: Queryable, ids: readonly string[], segmentIds?: readonly string[]): Promise<readonly Recipient[]>;
  readonly enqueueAudience: SegmentService['enqueueAudience'];
  /** No mail goes to this address again, unless its owner confirms anew. */
  /** Of those that are declared. */
  customFieldNames(queryable: Queryable): Promise<readonly string[]>;
  markBounced(tx: Transaction, subscriberId: string, reason: string): Promise<void>;
  /** Nor to this one, which also no import and no publisher brings back. */
  markComplained(tx: Transaction, subscriberId: string, reason: string): Promise<void>;
  hasSegment(id: string): Promise<boolean>;
  /** Slug of the form by which the person asked last; null where there was none. */
  findForm(database: Queryable, subscriberId: string): Promise<string | null>;
  changeTags(tx: Transaction, subscriberId: string, change: TagChange): Promise<void>;
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
  const segments = createSegmentService({
    ...{ database, jobs, clock },
    engagement: dependencies.engagement,
    findUses: dependencies.findSegmentUses,
  });
  const segmentIndex = createSegmentIndex({ database, clock });
  const imports = createImportService({
    ...shared,
    ...{ jobs, logger, storage: dependencies.storage },
    onImported: () => jobs.send(database, indexSubscribersJob, {}, { singletonKey: 'all' }),
    listTopics: async () => new Set(dependencies.topics?.map(({ slug }) => slug)),
  });
  const mailJobs = createMailJobs({
    ...{ database, clock, mails: createSubscriberMails(site, links) },
    sendTransactional: createTransactionalSender({ transport: mail, mailFrom, clock, logger }),
  });
  const { topics = [], formRedirectHosts: redirectHosts = [], collectPersonalData = async () => ({}) } = dependencies;
  const topicSlugs = new Set(topics.map(({ slug }) => slug));
  const customFields = createCustomFieldService({ database, jobs, clock });
  const forms = createFormService({ database, clock, topicSlugs, redirectHosts });
  const personalData = createPersonalData({ database, clock, collectElsewhere: collectPersonalData });
  const bulk = createBulkChanges({ database, clock, subscribers, unsubscribe: subscriptions.unsubscribe });
  const pages = { topics, siteTitle: site.title, siteLanguage: site.language, renderPage, redirectHosts };

  return {
    subscribe: subscriptions.request,
    unsubscribe: subscriptions.unsubscribe,
    unsubscribeUrl: links.unsubscribeUrl,
    preferencesUrl: links.preferencesUrl,
    importFile: imports.importFile,
    isSuppressed: (email) => isSuppressed(database, email),
    countActive: () => countActive(database),
    async findRecipients(queryable, ids, segmentIds = []) {
      const memberships = await segments.segmentsOf(queryable, ids, segmentIds);
      return (await readRecipients(queryable, ids)).map((recipient) => ({ ...recipient, segments: memberships.get(recipient.id) ?? [] }));
    },
    enqueueAudience: segments.enqueueAudience,
    markBounced: subscribers.markBounced,
    customFieldNames: async (queryable) => (await listDefinitions(queryable)).map(({ name }) => name),
    markComplained: subscribers.markComplained,
    findForm: async (queryable, subscriberId) => (await findLastConsent(queryable, subscriberId, 'requested'))?.form ?? null,
    hasSegment: async (id) => (await findSegment(database, id)) !== undefined,
    changeTags: (tx, subscriberId, change) => changeTags(tx, subscribers.writeChange, subscriberId, change),
    module: {
      name: 'subscriber-manager',
      async routes(app) {
        await pageRoutes({ ...pages, database, jobs, clock, links, subscriptions, subscribers, personalData })(app);
        await subscriberRoutes({
          ...{ database, bulk, personalData, topicSlugs },
          service: subscribers,
          request: subscriptions.request,
          unsubscribe: subscriptions.unsubscribe,
        })(app);
        await customFieldRoutes({ database, service: customFields })(app);
        await formRoutes({ database, service: forms, baseUrl: site.baseUrl, topics, siteLanguage: site.language })(app);
        await segmentRoutes({ database, clock, service: segments })(app);
        await suppressionRoutes({ database, clock, service: createSuppressionService({ database, clock }) })(app);
        await importRoutes({ database, service: imports })(app);
        await exportRoutes({ ...{ database, clock }, segmentsOf: segments.segmentsOf, findSegment: segments.find })(app);
      },
      jobs: [
        registerJob(sendConfirmationJob, mailJobs.sendConfirmation, 2),
        registerJob(sendDataLinkJob, mailJobs.sendDataLink, 2),
        registerJob(deleteFieldValuesJob, customFields.deleteFieldValues),
        registerJob(cleanSubscribersJob, createCleaning({ database, clock })),
        registerJob(importSubscribersJob, ({ importId }, job) => imports.run(importId, job)),
        registerJob(tendImportsJob, () => imports.tend()),
        registerJob(indexSubscribersJob, (_, { signal }) => segmentIndex.refresh(signal)),
      ],
      subscriptions: [],
      schedules: [
        { definition: tendImportsJob, cron: '* * * * *' },
        { definition: indexSubscribersJob, cron: '* * * * *' },
        { definition: cleanSubscribersJob, cron: '23 2 * * *' },
      ],
    },
  };
}
