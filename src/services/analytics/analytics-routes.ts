import { Type } from 'typebox';
import type { Database } from '#platform/database';
import type { RegisterRoutes } from '#platform/http-server';
import type { Clock } from '#shared/clock';
import { invalid, notFound } from '#shared/errors';
import { type AnalyticsEvent, ContentReport, DailyReport, PeriodQuery } from './analytics-schema.ts';
import { type Period, readDays, readTotals } from './analytics-store.ts';
import { pixel } from './pixel.ts';
import { isAutomatedUserAgent } from './user-agents.ts';

const uuid = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;
const dayMs = 24 * 3600 * 1000;
const defaultPeriodDays = 30;
const maxHeaderLength = 500;

const dayOf = (time: Date) => time.toISOString().slice(0, 10);

export type TitleOf = { readonly id: string; readonly title: string };

export function analyticsRoutes(options: {
  readonly database: Database;
  readonly clock: Clock;
  readonly record: (event: AnalyticsEvent) => Promise<void>;
  readonly isCounted: (contentId: string) => Promise<boolean>;
  readonly findTitles: (contentIds: readonly string[]) => Promise<readonly TitleOf[]>;
}): RegisterRoutes {
  const { database, clock, record, isCounted, findTitles } = options;

  function periodOf({ from, to }: { from?: string; to?: string }): Period {
    const lastDay = to ?? dayOf(clock.now());
    const period = { from: from ?? dayOf(new Date(Date.parse(lastDay) - defaultPeriodDays * dayMs)), to: lastDay };
    if (period.from > period.to) {
      throw invalid('The period ends before it begins.', [{ path: '/to', message: `must not be before from (${period.from})` }]);
    }
    return period;
  }

  return (app) => {
    app.get(
      '/t/v/:file',
      {
        schema: { hide: true, params: Type.Object({ file: Type.String({ maxLength: 100 }) }) },
        config: { access: 'public', isPage: true },
      },
      async (request, reply) => {
        const contentId = request.params.file.replace(/\.gif$/, '');
        const userAgent = request.headers['user-agent'];
        if (uuid.test(contentId) && !isAutomatedUserAgent(userAgent) && (await isCounted(contentId))) {
          const referrer = request.headers.referer ?? null;
          await record({
            type: 'page_view',
            contentId,
            referrer: referrer?.slice(0, maxHeaderLength) ?? null,
            userAgent: userAgent?.slice(0, maxHeaderLength) ?? null,
          });
        }
        return reply.type('image/gif').header('cache-control', 'no-store').send(pixel);
      },
    );

    app.get(
      '/api/v1/analytics/content',
      {
        schema: {
          tags: ['analytics'],
          summary: 'Figures per article over a period',
          querystring: Type.Object({ ...PeriodQuery, limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 100, default: 20 })) }),
          response: { 200: ContentReport },
        },
        config: { access: 'analytics:read' },
      },
      async (request) => {
        const period = periodOf(request.query);
        const totals = await readTotals(database, period, request.query.limit ?? 20);
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
          params: Type.Object({ id: Type.String({ format: 'uuid' }) }),
          querystring: Type.Object(PeriodQuery),
          response: { 200: DailyReport },
        },
        config: { access: 'analytics:read' },
      },
      async (request) => {
        const { id } = request.params;
        const period = periodOf(request.query);
        const [titles, days] = await Promise.all([findTitles([id]), readDays(database, id, period)]);
        if (titles.length === 0 && days.length === 0) throw notFound('article', id);
        return { contentId: id, title: titles[0]?.title ?? null, ...period, days };
      },
    );
  };
}
