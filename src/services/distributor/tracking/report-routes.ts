import { Type } from 'typebox';
import type { Database } from '#platform/database';
import type { HttpServer, RegisterRoutes } from '#platform/http-server';
import type { Clock } from '#shared/clock';
import { closed, IdParams, Uuid } from '#shared/schema';
import { findTrackedIssue, getIssue } from '../campaigns/issue-store.ts';
import { countDeliveries } from '../deliveries/delivery-store.ts';
import type { Audience } from '../distributor-types.ts';
import { readFigures, readHostFigures, readTimeline } from './figure-store.ts';
import { campaignReportOf, hostsOf, linksOf, timelineOf } from './report.ts';
import { reportCsv } from './report-csv.ts';
import { CampaignReport, HostReport, LinkReport, SegmentReport, TimelineReport } from './report-schema.ts';
import { readSegmentFigures } from './segment-report.ts';

const maxHosts = 200;
const maxSegments = 10;
const csvHosts = 10_000;

export type ReportRoutesOptions = {
  readonly database: Database;
  readonly clock: Clock;
  readonly subscribers: Pick<Audience, 'enqueueAudience'>;
};

const config = { access: 'campaigns:read' } as const;
const schemaOf = (summary: string) => ({ tags: ['campaigns'], summary, params: IdParams });

/** Figures are read where they were written: a report tells what is committed, as of now. */
export function reportRoutes(options: ReportRoutesOptions): RegisterRoutes {
  return (app) => {
    registerFigures(app, options);
    registerBreakdowns(app, options);
  };
}

function registerFigures(app: HttpServer, { database: { latest }, clock }: ReportRoutesOptions): void {
  app.get(
    '/api/v1/campaigns/:id/report',
    { schema: { ...schemaOf('What became of a campaign, exact as of now'), response: { 200: CampaignReport } }, config },
    async ({ params: { id } }) => {
      const issue = await getIssue(latest, id);
      const asOf = clock.now();
      const [deliveries, figures] = await Promise.all([
        countDeliveries(latest, id),
        readFigures(latest, id, ['total', 'variant', 'class']),
      ]);
      return campaignReportOf(issue, deliveries, figures, asOf);
    },
  );

  app.get(
    '/api/v1/campaigns/:id/report.csv',
    {
      schema: {
        ...schemaOf('All figures of a campaign as CSV, one line a figure'),
        produces: ['text/csv'],
        response: { 200: Type.String() },
      },
      config,
    },
    async ({ params: { id } }, reply) => {
      await getIssue(latest, id);
      const links = (await findTrackedIssue(latest, id))?.links ?? [];
      const figures = [
        ...(await readFigures(latest, id, ['total', 'hour', 'link', 'variant', 'class'])),
        ...(await readHostFigures(latest, id, csvHosts)),
      ];
      return reply
        .type('text/csv; charset=utf-8')
        .header('content-disposition', `attachment; filename="campaign-${id}.csv"`)
        .send(reportCsv(figures, links));
    },
  );

  app.get(
    '/api/v1/campaigns/:id/report/timeline',
    {
      schema: {
        ...schemaOf('What happened when'),
        querystring: Type.Object(
          {
            bucket: Type.Optional(Type.Union([Type.Literal('hour'), Type.Literal('day')], { default: 'hour' })),
            from: Type.Optional(Type.String({ format: 'date', maxLength: 10, description: 'First day (UTC).' })),
            to: Type.Optional(Type.String({ format: 'date', maxLength: 10, description: 'Last day (UTC), included.' })),
          },
          closed,
        ),
        response: { 200: TimelineReport },
      },
      config,
    },
    async ({ params: { id }, query }) => {
      const { bucket = 'hour' } = query;
      await getIssue(latest, id);
      const asOf = clock.now().toISOString();
      return { asOf, bucket, items: timelineOf(await readTimeline(latest, id, { ...query, bucket })) };
    },
  );
}

function registerBreakdowns(app: HttpServer, { database, clock, subscribers }: ReportRoutesOptions): void {
  const { latest } = database;
  app.get(
    '/api/v1/campaigns/:id/report/links',
    { schema: { ...schemaOf('Clicks by link'), response: { 200: LinkReport } }, config },
    async ({ params: { id } }) => {
      const { tracking } = await getIssue(latest, id);
      const asOf = clock.now().toISOString();
      const links = (await findTrackedIssue(latest, id))?.links ?? [];
      return { asOf, items: linksOf(links, await readFigures(latest, id, ['link']), tracking) };
    },
  );

  app.get(
    '/api/v1/campaigns/:id/report/hosts',
    {
      schema: {
        ...schemaOf("What became of a campaign by the readers' mail hosts"),
        querystring: Type.Object({ limit: Type.Optional(Type.Integer({ minimum: 1, maximum: maxHosts, default: 20 })) }, closed),
        response: { 200: HostReport },
      },
      config,
    },
    async ({ params: { id }, query: { limit = 20 } }) => {
      const { tracking } = await getIssue(latest, id);
      const asOf = clock.now().toISOString();
      return { asOf, items: hostsOf(await readHostFigures(latest, id, limit), tracking, limit) };
    },
  );

  app.get(
    '/api/v1/campaigns/:id/report/segments',
    {
      schema: {
        ...schemaOf('What the members of segments did with a campaign'),
        description: 'Members are those who belong to the segment now and may be written to now, among those who got the campaign.',
        querystring: Type.Object({ segmentId: Type.Array(Uuid, { minItems: 1, maxItems: maxSegments, uniqueItems: true }) }, closed),
        response: { 200: SegmentReport },
      },
      config,
    },
    async ({ params: { id }, query: { segmentId } }) => {
      await getIssue(latest, id);
      const asOf = clock.now().toISOString();
      return { asOf, items: await readSegmentFigures(database, subscribers, id, segmentId) };
    },
  );
}
