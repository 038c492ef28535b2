import { Type } from 'typebox';
import type { Database } from '#platform/database';
import { actorOf, decodeCursor, PageOf, PageQuery, type RegisterRoutes, toPage } from '#platform/http-server';
import { closed, IdParams } from '#shared/schema';
import { countDeliveries, listDeliveries } from '../deliveries/delivery-store.ts';
import {
  CampaignChangeBody,
  CampaignView,
  CampaignWithCounts,
  CopyBody,
  DeliveryStatus,
  DeliveryView,
  deliveryView,
  IssueKind,
  IssueStatus,
  NewCampaignBody,
  VersionQuery,
  viewOf,
  viewWithCounts,
} from './campaign-schema.ts';
import type { Campaigns } from './campaigns.ts';
import { getIssue, listIssues } from './issue-store.ts';

const defaultLimit = 20;

export function campaignRoutes(options: { readonly database: Database; readonly campaigns: Campaigns }): RegisterRoutes {
  const { database, campaigns } = options;
  const tags = ['campaigns'];

  return (app) => {
    app.get(
      '/api/v1/campaigns',
      {
        schema: {
          tags,
          summary: 'Campaigns, newest first',
          description: 'The mails of sequences are listed when their kind is asked for.',
          querystring: Type.Object(
            {
              ...PageQuery,
              status: Type.Optional(IssueStatus),
              kind: Type.Optional(IssueKind),
              q: Type.Optional(Type.String({ maxLength: 100, description: 'A part of the subject.' })),
            },
            closed,
          ),
          response: { 200: PageOf(CampaignView) },
        },
        config: { access: 'campaigns:read' },
      },
      async ({ query: { status, kind, q, cursor, limit = defaultLimit } }) => {
        const issues = await listIssues(database.reads, { status, kind: kind ?? 'written', q, before: decodeCursor(cursor), limit });
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

    app.patch(
      '/api/v1/campaigns/:id',
      {
        schema: {
          tags,
          summary: 'Change a draft',
          description: 'What is left out stays. 409 when it is no draft any more, or another version than the given one.',
          params: IdParams,
          body: CampaignChangeBody,
          response: { 200: CampaignView },
        },
        config: { access: 'campaigns:write' },
      },
      async (request) => viewOf(await campaigns.changeCampaign(request.params.id, request.body, actorOf(request))),
    );

    app.delete(
      '/api/v1/campaigns/:id',
      {
        schema: { tags, summary: 'Delete a draft', params: IdParams, querystring: VersionQuery, response: { 204: Type.Null() } },
        config: { access: 'campaigns:write' },
      },
      async (request, reply) => {
        await campaigns.deleteCampaign(request.params.id, request.query.version, actorOf(request));
        return reply.code(204).send(null);
      },
    );

    app.post(
      '/api/v1/campaigns/:id/duplicate',
      {
        schema: {
          tags,
          summary: 'Draft a campaign with the content of this one',
          description: 'Fields of the body are taken instead of those of the campaign; a schedule is not taken over.',
          params: IdParams,
          body: CopyBody,
          response: { 201: CampaignView },
        },
        config: { access: 'campaigns:write' },
      },
      async (request, reply) => {
        const issue = await campaigns.copyCampaign(request.params.id, request.body, actorOf(request));
        return reply.code(201).header('location', `/api/v1/campaigns/${issue.id}`).send(viewOf(issue));
      },
    );

    app.get(
      '/api/v1/campaigns/:id/deliveries',
      {
        schema: {
          tags,
          summary: 'What became of the mail to each recipient',
          params: IdParams,
          querystring: Type.Object({ ...PageQuery, status: Type.Optional(DeliveryStatus) }, closed),
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
