import { Type } from 'typebox';
import type { Database } from '#platform/database';
import { actorOf, decodeCursor, type HttpServer, PageOf, PageQuery, type RegisterRoutes, toPage } from '#platform/http-server';
import { jobLocation } from '#platform/jobs';
import { closed, IdParams } from '#shared/schema';
import type { ReadableCheck } from './check-text.ts';
import {
  type BriefInput,
  BriefInputSchema,
  type CheckBody,
  CheckBodySchema,
  CheckResultSchema,
  GenerationSchema,
  QueuedGenerationSchema,
  StatusSchema,
} from './generation-schema.ts';
import { listRequests } from './generation-store.ts';
import type { Brief, GenerationRequest } from './generation-types.ts';

export type GenerationRoutesOptions = {
  readonly database: Database;
  /** Of briefs that name none. */
  readonly language: string;
  readonly requestGeneration: (brief: Brief, options: { readonly actor: string }) => Promise<GenerationRequest>;
  readonly getGeneration: (id: string) => Promise<GenerationRequest>;
  readonly checkText: (body: CheckBody) => Promise<ReadableCheck>;
};

function show(request: GenerationRequest) {
  const { brief } = request;
  return {
    ...request,
    brief: { ...brief, tags: [...brief.tags], headings: brief.headings.map((heading) => ({ ...heading })) },
    createdAt: request.createdAt.toISOString(),
    finishedAt: request.finishedAt?.toISOString() ?? null,
  };
}

export function generationRoutes(options: GenerationRoutesOptions): RegisterRoutes {
  return (app) => {
    registerWriting(app, options);
    registerReading(app, options);
  };
}

function registerWriting(app: HttpServer, { language, requestGeneration, checkText }: GenerationRoutesOptions): void {
  const completeBrief = (input: BriefInput): Brief => ({
    title: input.title,
    query: input.query ?? input.title,
    language: input.language ?? language,
    contentType: input.contentType ?? 'guide',
    category: input.category ?? null,
    tags: input.tags ?? [],
    headings: input.headings ?? [],
  });

  app.post(
    '/api/v1/generation',
    {
      schema: {
        tags: ['generation'],
        summary: 'Ask for a draft on a topic',
        description:
          'Answers at once; the draft is written by a job, which can be followed at Location. ' +
          'Without a provider it is compiled from sentences of the sources.',
        body: BriefInputSchema,
        response: { 202: QueuedGenerationSchema },
      },
      config: { access: 'generation:write', rateLimit: 'generation', cost: 'expensive' },
    },
    async (request, reply) => {
      const generation = await requestGeneration(completeBrief(request.body), { actor: actorOf(request) });
      const { id: jobId } = generation;
      return reply
        .code(202)
        .header('location', jobLocation(jobId))
        .send({ ...show(generation), status: 'queued' as const, jobId });
    },
  );

  app.post(
    '/api/v1/generation/check',
    {
      schema: {
        tags: ['generation'],
        summary: 'Check any text: facts, voice, readability, search engine basics',
        body: CheckBodySchema,
        response: { 200: CheckResultSchema },
      },
      config: { access: 'generation:read', rateLimit: 'generation', cost: 'expensive' },
    },
    async (request) => checkText(request.body),
  );
}

function registerReading(app: HttpServer, { database, getGeneration }: GenerationRoutesOptions): void {
  app.get(
    '/api/v1/generation',
    {
      schema: {
        tags: ['generation'],
        summary: 'Requests for drafts, newest first',
        querystring: Type.Object({ ...PageQuery, status: Type.Optional(StatusSchema) }, closed),
        response: { 200: PageOf(GenerationSchema) },
      },
      config: { access: 'generation:read' },
    },
    async (request) => {
      const { limit = 20, cursor, status } = request.query;
      const rows = await listRequests(database.reads, { limit, before: decodeCursor(cursor), status });
      const { items, nextCursor } = toPage(rows, limit, ({ createdAt, id }) => ({ at: createdAt, id }));
      return { items: items.map(show), nextCursor };
    },
  );

  app.get(
    '/api/v1/generation/:id',
    {
      schema: {
        tags: ['generation'],
        summary: 'One request: its state and, once written, its draft',
        params: IdParams,
        response: { 200: GenerationSchema },
      },
      config: { access: 'generation:read' },
    },
    async (request) => show(await getGeneration(request.params.id)),
  );
}
