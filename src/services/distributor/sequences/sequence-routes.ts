import { Type } from 'typebox';
import type { Database } from '#platform/database';
import { actorOf, decodeCursor, PageOf, PageQuery, type RegisterRoutes, toPage } from '#platform/http-server';
import { conflict } from '#shared/errors';
import { closed, IdParams } from '#shared/schema';
import { listEnrolments } from './enrolment-store.ts';
import { readFigures } from './sequence-figures.ts';
import {
  EnrolBody,
  EnrolledView,
  EnrolmentStatus,
  EnrolmentView,
  enrolmentView,
  FiguresQuery,
  FiguresView,
  NewSequenceBody,
  SequenceChangeBody,
  SequenceStatus,
  SequenceView,
  sequenceView,
} from './sequence-schema.ts';
import { getSequence, listSequences } from './sequence-store.ts';
import type { Sequences } from './sequences.ts';

const tags = ['sequences'];
const read = { access: 'campaigns:read' } as const;
const write = { access: 'campaigns:write' } as const;
const defaultLimit = 20;

export function sequenceRoutes({ database, sequences }: { readonly database: Database; readonly sequences: Sequences }): RegisterRoutes {
  return (app) => {
    app.get(
      '/api/v1/sequences',
      {
        schema: {
          tags,
          summary: 'Sequences, newest first',
          querystring: Type.Object({ ...PageQuery, status: Type.Optional(SequenceStatus) }, closed),
          response: { 200: PageOf(SequenceView) },
        },
        config: read,
      },
      async ({ query: { status, cursor, limit = defaultLimit } }) => {
        const rows = await listSequences(database.reads, { status, before: decodeCursor(cursor), limit });
        const page = toPage(rows, limit, ({ createdAt, id }) => ({ at: createdAt, id }));
        return { ...page, items: page.items.map(sequenceView) };
      },
    );

    app.post(
      '/api/v1/sequences',
      { schema: { tags, summary: 'Write a sequence', body: NewSequenceBody, response: { 201: SequenceView } }, config: write },
      async (request, reply) => {
        const sequence = await sequences.create(request.body, actorOf(request));
        return reply.code(201).header('location', `/api/v1/sequences/${sequence.id}`).send(sequenceView(sequence));
      },
    );

    app.get(
      '/api/v1/sequences/:id',
      { schema: { tags, summary: 'A sequence', params: IdParams, response: { 200: SequenceView } }, config: read },
      async ({ params: { id } }) => sequenceView(await getSequence(database.reads, id)),
    );

    app.patch(
      '/api/v1/sequences/:id',
      {
        schema: {
          tags,
          summary: 'Change a sequence',
          description: 'Takes effect when it is activated again; those who are in it keep the version that they began with.',
          params: IdParams,
          body: SequenceChangeBody,
          response: { 200: SequenceView },
        },
        config: write,
      },
      async (request) => sequenceView(await sequences.change(request.params.id, request.body, actorOf(request))),
    );

    app.delete(
      '/api/v1/sequences/:id',
      {
        schema: { tags, summary: 'Delete a sequence that was never activated', params: IdParams, response: { 204: Type.Null() } },
        config: write,
      },
      async (request, reply) => {
        await sequences.remove(request.params.id, actorOf(request));
        return reply.code(204).send(null);
      },
    );

    const verbs = {
      activate: { summary: 'Activate a sequence as it is written now', run: sequences.activate },
      pause: { summary: 'Pause a sequence: nobody moves on, nobody begins', run: sequences.pause },
      archive: { summary: 'Archive a sequence: everybody leaves it', run: sequences.archive },
    };
    for (const [verb, { summary, run }] of Object.entries(verbs)) {
      app.post(
        `/api/v1/sequences/:id/${verb}`,
        {
          schema: { tags, summary, description: 'Called again, it answers the same.', params: IdParams, response: { 200: SequenceView } },
          config: write,
        },
        async (request) => sequenceView(await run(request.params.id, actorOf(request))),
      );
    }

    app.post(
      '/api/v1/sequences/:id/enrolments',
      {
        schema: { tags, summary: 'Enrol readers by hand', params: IdParams, body: EnrolBody, response: { 200: EnrolledView } },
        config: write,
      },
      async (request) => {
        const { enrolled, skipped } = await sequences.enrolByHand(request.params.id, request.body.subscriberIds, actorOf(request));
        return { enrolled: [...enrolled], skipped: [...skipped] };
      },
    );

    app.get(
      '/api/v1/sequences/:id/enrolments',
      {
        schema: {
          tags,
          summary: 'Who is in a sequence, and where; newest first',
          params: IdParams,
          querystring: Type.Object({ ...PageQuery, status: Type.Optional(EnrolmentStatus) }, closed),
          response: { 200: PageOf(EnrolmentView) },
        },
        config: read,
      },
      async ({ params: { id }, query: { status, cursor, limit = defaultLimit } }) => {
        await getSequence(database.reads, id);
        const rows = await listEnrolments(database.reads, { sequenceId: id, status, before: decodeCursor(cursor), limit });
        const page = toPage(rows, limit, ({ enrolledAt, id: enrolmentId }) => ({ at: enrolledAt, id: enrolmentId }));
        return { ...page, items: page.items.map(enrolmentView) };
      },
    );

    app.get(
      '/api/v1/sequences/:id/figures',
      {
        schema: {
          tags,
          summary: 'How far the readers of a version are, step by step',
          description: 'Of the version that new readers begin with, unless told.',
          params: IdParams,
          querystring: FiguresQuery,
          response: { 200: FiguresView },
        },
        config: { ...read, cost: 'expensive' },
      },
      async ({ params: { id }, query }) => {
        const { activeVersion } = await getSequence(database.reads, id);
        const version = query.version ?? activeVersion;
        if (version === 0) throw conflict('sequence_draft', 'The sequence was never activated: nobody has been in it.');
        const figures = await readFigures(database.reads, id, version);
        return {
          ...figures,
          steps: figures.steps.map((step) => ({ ...step, outcomes: { ...step.outcomes }, issueIds: [...step.issueIds] })),
        };
      },
    );
  };
}
