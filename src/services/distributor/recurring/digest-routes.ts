import { Type } from 'typebox';
import type { Database } from '#platform/database';
import { actorOf, decodeCursor, PageOf, PageQuery, type RegisterRoutes, toPage } from '#platform/http-server';
import { closed, IdParams } from '#shared/schema';
import { DigestChangeBody, DigestView, digestView, NewDigestBody } from './digest-schema.ts';
import { getDigest, listDigests } from './digest-store.ts';
import type { RecurringDigests } from './recurring-digests.ts';

const tags = ['recurring digests'];
const read = { access: 'campaigns:read' } as const;
const write = { access: 'campaigns:write' } as const;

export function recurringDigestRoutes({
  database,
  digests,
}: {
  readonly database: Database;
  readonly digests: RecurringDigests;
}): RegisterRoutes {
  return (app) => {
    app.get(
      '/api/v1/recurring-digests',
      {
        schema: {
          tags,
          summary: 'Recurring digests, newest first',
          querystring: Type.Object(PageQuery, closed),
          response: { 200: PageOf(DigestView) },
        },
        config: read,
      },
      async ({ query: { cursor, limit = 20 } }) => {
        const page = toPage(await listDigests(database.reads, decodeCursor(cursor), limit), limit, ({ createdAt, id }) => ({
          at: createdAt,
          id,
        }));
        return { ...page, items: page.items.map(digestView) };
      },
    );

    app.post(
      '/api/v1/recurring-digests',
      {
        schema: {
          tags,
          summary: 'Plan a recurring digest',
          description: 'Its first issue carries what is published from now on. Without enough new articles none is sent.',
          body: NewDigestBody,
          response: { 201: DigestView },
        },
        config: write,
      },
      async (request, reply) => {
        const digest = await digests.create(request.body, actorOf(request));
        return reply.code(201).header('location', `/api/v1/recurring-digests/${digest.id}`).send(digestView(digest));
      },
    );

    app.get(
      '/api/v1/recurring-digests/:id',
      { schema: { tags, summary: 'A recurring digest', params: IdParams, response: { 200: DigestView } }, config: read },
      async ({ params: { id } }) => digestView(await getDigest(database.reads, id)),
    );

    app.patch(
      '/api/v1/recurring-digests/:id',
      {
        schema: {
          tags,
          summary: 'Change, pause or resume a recurring digest',
          params: IdParams,
          body: DigestChangeBody,
          response: { 200: DigestView },
        },
        config: write,
      },
      async (request) => digestView(await digests.change(request.params.id, request.body, actorOf(request))),
    );

    app.delete(
      '/api/v1/recurring-digests/:id',
      {
        schema: { tags, summary: 'Delete a recurring digest; its issues stay', params: IdParams, response: { 204: Type.Null() } },
        config: write,
      },
      async (request, reply) => {
        await digests.remove(request.params.id, actorOf(request));
        return reply.code(204).send(null);
      },
    );

    app.post(
      '/api/v1/recurring-digests/:id/run',
      {
        schema: {
          tags,
          summary: 'Make and send a digest now',
          description: '`lastOutcome` says what came of it.',
          params: IdParams,
          response: { 200: DigestView },
        },
        config: write,
      },
      async (request) => digestView(await digests.runNow(request.params.id, actorOf(request))),
    );
  };
}
