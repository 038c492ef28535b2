import type { RegisterRoutes } from '#platform/http-server';
import { registerJob } from '#platform/jobs';
import type { ServiceModule } from '#platform/service';
import { campaignRoutes } from './campaigns/campaign-routes.ts';
import { type Campaigns, createCampaigns } from './campaigns/campaigns.ts';
import { getIssue } from './campaigns/issue-store.ts';
import { prepareIssue } from './campaigns/prepare-issue.ts';
import { renderPreview } from './campaigns/preview.ts';
import { createDeliverBatch } from './deliveries/deliver-batch.ts';
import { countDeliveries, countSent } from './deliveries/delivery-store.ts';
import { createMessageFactory } from './deliveries/message-factory.ts';
import { resumeIssues } from './deliveries/resume-issues.ts';
import { batchesPerProcess, deliverBatchJob, prepareIssueJob, resumeIssuesJob } from './distributor-jobs.ts';
import type { DeliveryCounts, DistributorDependencies, IssueStatus } from './distributor-types.ts';
import { createEngagementRecorder } from './tracking/engagement-recorder.ts';
import { insertEmailEvent } from './tracking/engagement-store.ts';
import { trackingRoutes } from './tracking/tracking-routes.ts';

export type Distributor = Campaigns & {
  issueStatus(id: string): Promise<DeliveryCounts & { readonly status: IssueStatus; readonly statusReason: string | null }>;
  /** Mails that servers accepted, over all issues. */
  countSent(): Promise<number>;
  readonly module: ServiceModule;
};

/** Of the subscriber-manager's event; `issueId` is null where no mail was the cause. */
type Unsubscribed = { readonly subscriberId: string; readonly issueId: string | null };

export function createDistributor(dependencies: DistributorDependencies): Distributor {
  const { database, logger, secret, subscribers } = dependencies;
  const campaigns = createCampaigns(dependencies);
  const { compile } = campaigns;
  const deliverBatch = createDeliverBatch({ ...dependencies, messages: createMessageFactory(dependencies) });
  const record = createEngagementRecorder(dependencies);

  const registrations: readonly RegisterRoutes[] = [
    campaignRoutes({
      database,
      campaigns,
      preview: (issue, subscriberId) => renderPreview({ database, subscribers, compile }, issue, subscriberId),
    }),
    trackingRoutes({ database, secret, record, logger }),
  ];

  return {
    ...campaigns,
    async issueStatus(id) {
      const { status, statusReason } = await getIssue(database, id);
      return { ...(await countDeliveries(database, id)), status, statusReason };
    },
    countSent: () => countSent(database),
    module: {
      name: 'distributor',
      routes: async (app) => {
        for (const register of registrations) await register(app);
      },
      jobs: [
        registerJob(prepareIssueJob, ({ issueId }) => prepareIssue({ ...dependencies, compile }, issueId)),
        registerJob(deliverBatchJob, (turn, job) => deliverBatch(turn, job.signal), batchesPerProcess),
        registerJob(resumeIssuesJob, () => resumeIssues(dependencies)),
      ],
      subscriptions: [
        {
          subscriber: 'distributor.unsubscriptions',
          types: ['subscriber.unsubscribed'],
          async handle({ id, payload, occurredAt }, tx) {
            const { subscriberId, issueId } = payload as Unsubscribed;
            if (issueId !== null) await insertEmailEvent(tx, { id, type: 'unsubscribe', issueId, subscriberId, occurredAt });
          },
        },
      ],
      schedules: [{ definition: resumeIssuesJob, cron: '* * * * *' }],
    },
  };
}
