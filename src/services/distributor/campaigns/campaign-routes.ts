import { Type } from 'typebox';
import type { Database } from '#platform/database';
import { actorOf, decodeCursor, PageOf, PageQuery, type RegisterRoutes, toPage } from '#platform/http-server';
import { countDeliveries, listDeliveries } from '../deliveries/delivery-store.ts';
import type { Issue } from '../distributor-types.ts';
import {
  CampaignView,
  CampaignWithCounts,
  DeliveryStatus,
  DeliveryView,
  deliveryView,
  IdParams,
  IssueStatus,
  NewCampaignBody,
  Preview,
  viewOf,
  viewWithCounts,
} from './campaign-schema.ts';
import type { Campaigns } from './campaigns.ts';
import { getIssue, listIssues } from './issue-store.ts';

const defaultLimit = 20;

export function campaignRoutes(options: {
  readonly database: Database;
  readonly campaigns: Campaigns;
  readonly preview: (issue: Issue, subscriberId: string | undefined) => Promise<{ subject: string; html: string; text: string }>;
}): RegisterRoutes {
  const { database, campaigns, preview } = options;
  const tags = ['campaigns'];

  return (app) => {
    app.get(
      '/api/v1/campaigns',
      {
        schema: {
          tags,
          summary: 'Campaigns, newest first',
          querystring: Type.Object({ ...PageQuery, status: Type.Optional(IssueStatus) }, { additionalProperties: false }),
          response: { 200: PageOf(CampaignView) },
        },
        config: { access: 'campaigns:read' },
      },
      async ({ query: { status, cursor, limit = defaultLimit } }) => {
        const issues = await listIssues(database.reads, { status, before: decodeCursor(cursor), limit });
        const page = toPage(issues, limit, ({ createdAt, id }) => ({ at: createdAt, id }));
        return { ...page, items: page.items.map(viewOf) };
      },
    );

    app.post(
      '/api/v1/campaigns',
      {
        schema: { tags, summary: 'Draft a campaign', body: NewCampaignBody, response: { 201: CampaignView } },
        config: { access: 'campaigns:write' },
      },
      async (request, reply) => {
        const issue = await campaigns.createCampaign(request.body, actorOf(request));
        return reply.code(201).header('location', `/api/v1/campaigns/${issue.id}`).send(viewOf(issue));
      },
    );

    app.get(
      '/api/v1/campaigns/:id',
      {
        schema: { tags, summary: 'A campaign and how far it is', params: IdParams, response: { 200: CampaignWithCounts } },
        config: { access: 'campaigns:read' },
      },
      async ({ params: { id } }) => viewWithCounts(await getIssue(database.reads, id), await countDeliveries(database.reads, id)),
    );

    const verbs = {
      send: { summary: 'Send a campaign', run: campaigns.sendIssue },
      pause: { summary: 'Pause a campaign; no further mail leaves', run: campaigns.pauseIssue },
      resume: { summary: 'Go on with a paused campaign', run: campaigns.resumeIssue },
      cancel: { summary: 'Cancel a campaign for good; what has left has left', run: campaigns.cancelIssue },
    };
    for (const [verb, { summary, run }] of Object.entries(verbs)) {
      app.post(
        `/api/v1/campaigns/:id/${verb}`,
        {
          schema: {
            tags,
            summary,
            description: 'Called again, it answers the same. 409 when the campaign is in a state that does not allow it.',
            params: IdParams,
            response: { 200: CampaignView },
          },
          config: { access: 'campaigns:write' },
        },
        async (request) => viewOf(await run((request.params as { id: string }).id, actorOf(request))),
      );
    }

    app.get(
      '/api/v1/campaigns/:id/preview',
      {
        schema: {
          tags,
          summary: 'The mail as a subscriber would get it, with nothing tracked',
          params: IdParams,
          querystring: Type.Object(
            { subscriberId: Type.Optional(Type.String({ format: 'uuid', maxLength: 36 })) },
            { additionalProperties: false },
          ),
          response: { 200: Preview },
        },
        config: { access: 'campaigns:read', cost: 'expensive' },
      },
      async ({ params: { id }, query: { subscriberId } }) => preview(await getIssue(database.reads, id), subscriberId),
    );

    app.get(
      '/api/v1/campaigns/:id/deliveries',
      {
        schema: {
          tags,
          summary: 'What became of the mail to each recipient',
          params: IdParams,
          querystring: Type.Object({ ...PageQuery, status: Type.Optional(DeliveryStatus) }, { additionalProperties: false }),
          response: { 200: PageOf(DeliveryView) },
        },
        config: { access: 'campaigns:read' },
      },
      async ({ params: { id }, query: { status, cursor, limit = defaultLimit } }) => {
        const { createdAt } = await getIssue(database.reads, id);
        const rows = await listDeliveries(database.reads, { issueId: id, status, after: decodeCursor(cursor)?.id, limit });
        // Sorted by subscriber alone; the cursor's time means nothing here.
        const page = toPage(rows, limit, ({ subscriberId }) => ({ at: createdAt, id: subscriberId }));
        return { ...page, items: page.items.map(deliveryView) };
      },
    );
  };
}
