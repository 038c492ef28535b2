import type { RegisterRoutes } from '#platform/http-server';
import { registerJob } from '#platform/jobs';
import { parseMailbox } from '#platform/mail';
import type { ServiceModule } from '#platform/service';
import type { BounceListener } from './bounces/bounce-listener.ts';
import { createBounces } from './bounces/bounces.ts';
import { advanceAbTests } from './campaigns/ab-tests/ab-tests.ts';
import { campaignActionRoutes } from './campaigns/campaign-action-routes.ts';
import { campaignRoutes } from './campaigns/campaign-routes.ts';
import { type Campaigns, createCampaigns } from './campaigns/campaigns.ts';
import { checkingRoutes } from './campaigns/checking-routes.ts';
import { imageRoutes } from './campaigns/image-routes.ts';
import { createImages } from './campaigns/images.ts';
import { getIssue } from './campaigns/issue-store.ts';
import { prepareIssue } from './campaigns/prepare-issue.ts';
import { renderDraft, renderPreview } from './campaigns/preview.ts';
import { startScheduled } from './campaigns/schedules/start-scheduled.ts';
import { templateRoutes } from './campaigns/template-routes.ts';
import { createTemplates } from './campaigns/templates.ts';
import { sendTest } from './campaigns/test-send.ts';
import { createDeliverBatch } from './deliveries/deliver-batch.ts';
import { countDeliveries, countSent } from './deliveries/delivery-store.ts';
import { createMessageFactory } from './deliveries/message-factory.ts';
import { resumeIssues } from './deliveries/resume-issues.ts';
import { createEnvelopeSender } from './deliveries/verp.ts';
import {
  advanceAbTestsJob,
  batchesPerProcess,
  deliverBatchJob,
  prepareIssueJob,
  resumeIssuesJob,
  startScheduledJob,
} from './distributor-jobs.ts';
import type { DeliveryCounts, DistributorDependencies, IssueStatus } from './distributor-types.ts';
import { createInstagram } from './instagram/instagram.ts';
import { createRecurringModule } from './recurring/recurring-module.ts';
import { createSequenceModule } from './sequences/sequence-module.ts';
import { createTracking } from './tracking/tracking.ts';
import { createTransactionalModule } from './transactional/transactional-module.ts';
import { createWebhooks } from './webhooks/webhooks.ts';

export type Distributor = Campaigns & {
  issueStatus(id: string): Promise<DeliveryCounts & { readonly status: IssueStatus; readonly statusReason: string | null }>;
  /** Mails that servers accepted, over all issues. */
  countSent(): Promise<number>;
  /** For the process that is to hear of bounces by mail; undefined unless it is configured. */
  startBounceListener(): Promise<BounceListener | undefined>;
  readonly module: ServiceModule;
};

export function createDistributor(dependencies: DistributorDependencies): Distributor {
  const { database, secret, subscribers } = dependencies;
  const campaigns = createCampaigns(dependencies);
  const { compile, runPreflight } = campaigns;
  const rendering = { database, subscribers, compile };
  const envelopeSender = createEnvelopeSender(parseMailbox(dependencies.mailFrom).address, dependencies.bounces?.address ?? null, secret);
  const deliverBatch = createDeliverBatch({ ...dependencies, messages: createMessageFactory({ ...dependencies, envelopeSender }) });
  const tracking = createTracking(dependencies);
  const bounces = createBounces({ ...dependencies, envelopeSender });
  const webhooks = createWebhooks(dependencies);
  const instagram = createInstagram({
    ...dependencies,
    account: dependencies.instagram,
    findArticle: dependencies.contentManager.findArticle,
    renderPicture: dependencies.contentManager.renderSocialPicture,
  });

  const { templateIdOf } = campaigns;
  const sequences = createSequenceModule({ ...dependencies, compile, templateIdOf });
  const transactional = createTransactionalModule(dependencies);
  const recurring = createRecurringModule({ ...dependencies, templateIdOf });

  const registrations: readonly RegisterRoutes[] = [
    campaignRoutes({ database, campaigns }),
    campaignActionRoutes({ database, clock: dependencies.clock, campaigns }),
    checkingRoutes({
      database,
      runPreflight,
      preview: (issue, request) => renderPreview(rendering, issue, request),
      previewDraft: (draft, request) => renderDraft(rendering, draft, request),
      sendTest: (issue, request) => sendTest({ ...dependencies, compile }, issue, request),
    }),
    templateRoutes({ database, templates: createTemplates(dependencies), ensureTemplates: campaigns.ensureTemplates }),
    imageRoutes({ database, storage: dependencies.storage, images: createImages(dependencies), site: dependencies.site }),
    tracking.routes,
    bounces.routes,
    webhooks.routes,
    instagram.routes,
    sequences.routes,
    transactional.routes,
    recurring.routes,
  ];

  return {
    ...campaigns,
    async issueStatus(id) {
      const { status, statusReason } = await getIssue(database, id);
      return { ...(await countDeliveries(database, id)), status, statusReason };
    },
    countSent: () => countSent(database),
    startBounceListener: bounces.startListener,
    module: {
      name: 'distributor',
      routes: async (app) => {
        for (const register of registrations) await register(app);
      },
      jobs: [
        registerJob(prepareIssueJob, ({ issueId }) => prepareIssue({ ...dependencies, compile, runPreflight }, issueId)),
        registerJob(deliverBatchJob, (turn, job) => deliverBatch(turn, job.signal), batchesPerProcess),
        registerJob(resumeIssuesJob, () => resumeIssues(dependencies)),
        ...tracking.jobs,
        ...bounces.jobs,
        ...webhooks.jobs,
        ...instagram.jobs,
        ...sequences.jobs,
        ...transactional.jobs,
        ...recurring.jobs,
        registerJob(startScheduledJob, () => startScheduled(dependencies)),
        registerJob(advanceAbTestsJob, (_, job) => advanceAbTests(dependencies, job.signal)),
      ],
      subscriptions: [webhooks.subscription, ...tracking.subscriptions, ...sequences.subscriptions, ...transactional.subscriptions],
      schedules: [
        { definition: resumeIssuesJob, cron: '* * * * *' },
        ...tracking.schedules,
        ...bounces.schedules,
        webhooks.schedule,
        ...instagram.schedules,
        ...sequences.schedules,
        ...transactional.schedules,
        ...recurring.schedules,
        { definition: startScheduledJob, cron: '* * * * *' },
        { definition: advanceAbTestsJob, cron: '* * * * *' },
      ],
    },
  };
}
