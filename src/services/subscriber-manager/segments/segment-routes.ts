import { Type } from 'typebox';
import type { Database } from '#platform/database';
import { decodeCursor, PageQuery, type RegisterRoutes, toPage } from '#platform/http-server';
import { closed, IdParams } from '#shared/schema';
import {
  NewSegmentBody,
  PreviewBody,
  PreviewView,
  SegmentChangeBody,
  SegmentPage,
  SegmentView,
  SegmentWithAudience,
  viewOfSegment,
} from './segment-schema.ts';
import type { SegmentService } from './segment-service.ts';
import { listSegments } from './segment-store.ts';

const read = { access: 'subscribers:read' } as const;
const write = { access: 'subscribers:write' } as const;
const tagged = { tags: ['subscribers'] };

export function segmentRoutes({ database, service }: { readonly database: Database; readonly service: SegmentService }): RegisterRoutes {
  return (app) => {
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
    app.post(
      '/api/v1/segments',
      { schema: { ...tagged, summary: 'Add a segment', body: NewSegmentBody, response: { 201: SegmentView } }, config: write },
      async ({ body }, reply) => reply.code(201).send(viewOfSegment(await service.create(body))),
    );
    app.post(
      '/api/v1/segments/preview',
      {
        schema: { ...tagged, summary: 'Count whom rules would reach', body: PreviewBody, response: { 200: PreviewView } },
        config: { ...read, cost: 'expensive' },
      },
      async ({ body }) => ({ audience: await service.countAudience(body.rules) }),
    );
    app.get(
      '/api/v1/segments/:id',
      {
        schema: { ...tagged, summary: 'A segment, and how many it reaches', params: IdParams, response: { 200: SegmentWithAudience } },
        config: read,
      },
      async ({ params: { id } }) => {
        const segment = await service.find(id);
        return { ...viewOfSegment(segment), audience: await service.countAudience(segment.rules) };
      },
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
      { schema: { ...tagged, summary: 'Remove a segment', params: IdParams, response: { 204: Type.Null() } }, config: write },
      async ({ params: { id } }, reply) => {
        await service.remove(id);
        return reply.code(204).send(null);
      },
    );
  };
}
