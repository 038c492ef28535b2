import { Type } from 'typebox';
import type { Database } from '#platform/database';
import { type HttpServer, PageQuery, type RegisterRoutes } from '#platform/http-server';
import type { Clock } from '#shared/clock';
import { invalid, notFound } from '#shared/errors';
import { closed, IdParams } from '#shared/schema';
import { transparentPixel } from '#shared/transparent-pixel';
import { isUuid } from '#shared/uuid';
import { type AnalyticsEvent, ContentReport, DailyReport, PeriodQuery } from './analytics-schema.ts';
import { type Period, readDays, readTotals } from './analytics-store.ts';
import { isAutomatedUserAgent } from './user-agents.ts';

const dayMs = 24 * 3600 * 1000;
const defaultPeriodDays = 30;
const maxHeaderLength = 500;

const dayOf = (time: Date) => time.toISOString().slice(0, 10);

export type TitleOf = { readonly id: string; readonly title: string };

type AnalyticsRoutesOptions = {
  readonly database: Database;
  readonly clock: Clock;
  readonly record: (event: AnalyticsEvent) => Promise<void>;
  readonly isCounted: (contentId: string) => Promise<boolean>;
  readonly findTitles: (contentIds: readonly string[]) => Promise<readonly TitleOf[]>;
};

export function analyticsRoutes(options: AnalyticsRoutesOptions): RegisterRoutes {
  return (app) => {
    registerViews(app, options);
    registerReports(app, options);
  };
}

function registerViews(app: HttpServer, { record, isCounted }: AnalyticsRoutesOptions): void {
  app.get(
    '/t/v/:file',
    {
      schema: { hide: true, params: Type.Object({ file: Type.String({ maxLength: 100 }) }) },
      config: { access: 'public', isPage: true, rateLimit: false, cost: 'essential' },
    },
    async (request, reply) => {
      const contentId = request.params.file.replace(/\.gif$/, '');
      const userAgent = request.headers['user-agent'];
      if (isUuid(contentId) && !isAutomatedUserAgent(userAgent) && (await isCounted(contentId))) {
        const referrer = request.headers.referer ?? null;
        await record({
          type: 'page_view',
          contentId,
          referrer: referrer?.slice(0, maxHeaderLength) ?? null,
          userAgent: userAgent?.slice(0, maxHeaderLength) ?? null,
        });
      }
      return reply.type('image/gif').header('cache-control', 'no-store').send(transparentPixel);
    },
  );
}

/** @throws AppError `invalid_request` (422) for a period that ends before it begins */
function periodOf({ from, to }: { from?: string; to?: string }, now: Date): Period {
  const lastDay = to ?? dayOf(now);
  const period = { from: from ?? dayOf(new Date(Date.parse(lastDay) - defaultPeriodDays * dayMs)), to: lastDay };
  if (period.from > period.to) {
    throw invalid('The period ends before it begins.', [{ path: '/querystring/to', message: `must not be before from (${period.from})` }]);
  }
  return period;
}

function registerReports(app: HttpServer, { database, clock, findTitles }: AnalyticsRoutesOptions): void {
  app.get(
    '/api/v1/analytics/content',
    {
      schema: {
        tags: ['analytics'],
        summary: 'Figures per article over a period',
        querystring: Type.Object({ ...PeriodQuery, limit: PageQuery.limit }, closed),
        response: { 200: ContentReport },
      },
      config: { access: 'analytics:read' },
    },
    async (request) => {
      const period = periodOf(request.query, clock.now());
      const totals = await readTotals(database.reads, period, request.query.limit ?? 20);
      const titles = new Map((await findTitles(totals.map(({ contentId }) => contentId))).map(({ id, title }) => [id, title]));
      return { ...period, items: totals.map((row) => ({ ...row, title: titles.get(row.contentId) ?? null })) };
    },
  );

  app.get(
    '/api/v1/analytics/content/:id',
    {
      schema: {
        tags: ['analytics'],
        summary: 'Figures of one article by day',
        params: IdParams,
        querystring: Type.Object(PeriodQuery, closed),
        response: { 200: DailyReport },
      },
      config: { access: 'analytics:read' },
    },
    async (request) => {
      const { id } = request.params;
      const period = periodOf(request.query, clock.now());
      const [titles, days] = await Promise.all([findTitles([id]), readDays(database.reads, id, period)]);
      if (titles.length === 0 && days.length === 0) throw notFound('article', id);
      return { contentId: id, title: titles[0]?.title ?? null, ...period, days };
    },
  );
}
