import { Type } from 'typebox';
import type { Database } from '#platform/database';
import { decodeCursor, type HttpServer, PageQuery, type RegisterRoutes, toPage } from '#platform/http-server';
import type { Clock } from '#shared/clock';
import { invalid } from '#shared/errors';
import { closed, IdParams } from '#shared/schema';
import { readIsoTime } from '../subscribers/subscriber-fields.ts';
import { startOfDay } from './rule-values.ts';
import {
  CohortQuery,
  CohortsView,
  NewSegmentBody,
  PreviewBody,
  PreviewView,
  SegmentChangeBody,
  SegmentDetails,
  SegmentPage,
  SegmentView,
  viewOfAudience,
  viewOfCohorts,
  viewOfDetails,
  viewOfSegment,
} from './segment-schema.ts';
import type { SegmentService } from './segment-service.ts';
import { listSegments } from './segment-store.ts';

const read = { access: 'subscribers:read' } as const;
const write = { access: 'subscribers:write' } as const;
const tagged = { tags: ['subscribers'] };

type Dependencies = { readonly database: Database; readonly clock: Clock; readonly service: SegmentService };

export function segmentRoutes(dependencies: Dependencies): RegisterRoutes {
  return (app) => {
    registerReads(app, dependencies);
    registerFigures(app, dependencies);
    registerChanges(app, dependencies);
  };
}

function registerReads(app: HttpServer, { database, service }: Dependencies): void {
  app.get(
    '/api/v1/segments',
    {
      schema: {
        ...tagged,
        summary: 'Segments, newest first',
        querystring: Type.Object(PageQuery, closed),
        response: { 200: SegmentPage },
      },
      config: read,
    },
    async ({ query: { limit = 20, cursor } }) => {
      const rows = await listSegments(database.reads, decodeCursor(cursor), limit);
      return toPage(rows.map(viewOfSegment), limit, ({ createdAt, id }) => ({ at: new Date(createdAt), id }));
    },
  );
  app.get(
    '/api/v1/segments/:id',
    {
      schema: {
        ...tagged,
        summary: 'A segment, how many it reaches, and what it is used by',
        params: IdParams,
        response: { 200: SegmentDetails },
      },
      config: { ...read, cost: 'expensive' },
    },
    async ({ params: { id } }) => {
      const segment = await service.find(id);
      return viewOfDetails(segment, await service.preview(segment.rules), await service.findUses(id));
    },
  );
}

function registerFigures(app: HttpServer, { service, clock }: Dependencies): void {
  app.post(
    '/api/v1/segments/preview',
    {
      schema: {
        ...tagged,
        summary: 'Count whom rules would reach, and show some of them',
        body: PreviewBody,
        response: { 200: PreviewView },
      },
      config: { ...read, cost: 'expensive' },
    },
    async ({ body }) => viewOfAudience(await service.preview(body.rules)),
  );
  app.get(
    '/api/v1/segments/:id/cohorts',
    {
      schema: {
        ...tagged,
        summary: 'How many of a segment subscribed, by country, language and month',
        params: IdParams,
        querystring: CohortQuery,
        response: { 200: CohortsView },
      },
      config: { ...read, cost: 'expensive' },
    },
    async ({ params: { id }, query: { since } }) => viewOfCohorts(await service.countCohorts(id, readSince(since, clock.now()))),
  );
}

function readSince(text: string | undefined, now: Date): Date {
  if (text === undefined) {
    const today = startOfDay(now);
    return new Date(Date.UTC(today.getUTCFullYear() - 1, today.getUTCMonth(), today.getUTCDate()));
  }
  const since = readIsoTime(text);
  // Nobody has subscribed in years to come, and the month after the last of all has no number.
  if (since !== undefined && since.getUTCFullYear() < 9999) return since;
  throw invalid('The day is not valid.', [{ path: '/querystring/since', message: 'must be a day such as 2026-01-31' }]);
}

function registerChanges(app: HttpServer, { service }: Dependencies): void {
  app.post(
    '/api/v1/segments',
    { schema: { ...tagged, summary: 'Add a segment', body: NewSegmentBody, response: { 201: SegmentView } }, config: write },
    async ({ body }, reply) => reply.code(201).send(viewOfSegment(await service.create(body))),
  );
  app.patch(
    '/api/v1/segments/:id',
    {
      schema: { ...tagged, summary: 'Change a segment', params: IdParams, body: SegmentChangeBody, response: { 200: SegmentView } },
      config: write,
    },
    async ({ params: { id }, body }) => viewOfSegment(await service.change(id, body)),
  );
  app.delete(
    '/api/v1/segments/:id',
    {
      schema: {
        ...tagged,
        summary: 'Remove a segment that nothing uses',
        params: IdParams,
        response: { 204: Type.Null() },
      },
      config: write,
    },
    async ({ params: { id } }, reply) => {
      await service.remove(id);
      return reply.code(204).send(null);
    },
  );
}
