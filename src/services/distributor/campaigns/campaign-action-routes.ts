import { Type } from 'typebox';
import type { Database } from '#platform/database';
import { actorOf, type RegisterRoutes } from '#platform/http-server';
import type { Clock } from '#shared/clock';
import { conflict } from '#shared/errors';
import { closed, IdParams, Uuid } from '#shared/schema';
import { AbStateView, abStateView } from './ab-tests/ab-test-schema.ts';
import { readResult } from './ab-tests/ab-tests.ts';
import { CampaignView, CountView, ResendBody, ResolutionBody, ScheduleBody, viewOf, WinnerBody } from './campaign-schema.ts';
import type { Campaigns } from './campaigns.ts';
import { getIssue } from './issue-store.ts';

const tags = ['campaigns'];
const write = { access: 'campaigns:write' } as const;
const DeliveryParams = Type.Object({ id: Uuid, subscriberId: Uuid }, closed);

/** What is done with a campaign, beside writing it. */
export function campaignActionRoutes(options: {
  readonly database: Database;
  readonly clock: Clock;
  readonly campaigns: Campaigns;
}): RegisterRoutes {
  const { database, clock, campaigns } = options;

  return (app) => {
    const verbs = {
      send: { summary: 'Send a campaign now, whatever was planned', run: campaigns.sendIssue },
      unschedule: { summary: 'Take a campaign back from its schedule: a draft again', run: campaigns.unscheduleIssue },
      pause: { summary: 'Pause a campaign; no further mail leaves', run: campaigns.pauseIssue },
      resume: { summary: 'Go on with a paused campaign', run: campaigns.resumeIssue },
      cancel: { summary: 'Cancel a campaign for good; what has left has left, and a test’s rest gets nothing', run: campaigns.cancelIssue },
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
          config: write,
        },
        async (request) => viewOf(await run(request.params.id, actorOf(request))),
      );
    }

    app.post(
      '/api/v1/campaigns/:id/schedule',
      {
        schema: {
          tags,
          summary: 'Plan a campaign, or plan it anew',
          description: 'Without a body it is planned as it is written down. The audience is taken when the first mail is due.',
          params: IdParams,
          body: Type.Optional(Type.Union([ScheduleBody, Type.Null()])),
          response: { 200: CampaignView },
        },
        config: write,
      },
      async (request) => viewOf(await campaigns.scheduleIssue(request.params.id, request.body ?? undefined, actorOf(request))),
    );

    app.get(
      '/api/v1/campaigns/:id/ab-test',
      {
        schema: { tags, summary: 'How the variants of a campaign do', params: IdParams, response: { 200: AbStateView } },
        config: { access: 'campaigns:read', cost: 'expensive' },
      },
      async ({ params: { id } }) => {
        const issue = await getIssue(database.reads, id);
        if (issue.abTest === null) throw conflict('no_ab_test', 'The campaign has no test.');
        return abStateView(issue, issue.abTest, await readResult({ database: database.reads, clock }, issue, issue.abTest));
      },
    );

    app.post(
      '/api/v1/campaigns/:id/winner',
      {
        schema: {
          tags,
          summary: 'Choose the winner of a test before its time',
          params: IdParams,
          body: WinnerBody,
          response: { 200: CampaignView },
        },
        config: write,
      },
      async (request) => viewOf(await campaigns.chooseWinner(request.params.id, request.body.variant, actorOf(request))),
    );

    app.post(
      '/api/v1/campaigns/:id/resend-failed',
      {
        schema: { tags, summary: 'Try those again whose mail failed', params: IdParams, response: { 200: CountView } },
        config: write,
      },
      async (request) => ({ count: await campaigns.resendFailed(request.params.id, actorOf(request)) }),
    );

    app.post(
      '/api/v1/campaigns/:id/resend-unopened',
      {
        schema: {
          tags,
          summary: 'Draft a campaign for those who did not open this one',
          description: 'Another subject is asked for. Who is written to is settled when it is sent: whoever has opened by then is not.',
          params: IdParams,
          body: ResendBody,
          response: { 201: CampaignView },
        },
        config: write,
      },
      async (request, reply) => {
        const issue = await campaigns.resendUnopened(request.params.id, request.body, actorOf(request));
        return reply.code(201).header('location', `/api/v1/campaigns/${issue.id}`).send(viewOf(issue));
      },
    );

    app.post(
      '/api/v1/campaigns/:id/uncertain/resolve',
      {
        schema: {
          tags,
          summary: 'Say what became of all uncertain deliveries of a campaign',
          description: 'They are listed by `…/deliveries?status=uncertain`.',
          params: IdParams,
          body: ResolutionBody,
          response: { 200: CountView },
        },
        config: write,
      },
      async (request) => ({
        count: await campaigns.resolveUncertain(request.params.id, null, request.body.outcome, actorOf(request)),
      }),
    );

    app.post(
      '/api/v1/campaigns/:id/deliveries/:subscriberId/resolve',
      {
        schema: {
          tags,
          summary: 'Say what became of one uncertain delivery',
          params: DeliveryParams,
          body: ResolutionBody,
          response: { 200: CountView },
        },
        config: write,
      },
      async (request) => ({
        count: await campaigns.resolveUncertain(request.params.id, request.params.subscriberId, request.body.outcome, actorOf(request)),
      }),
    );
  };
}
