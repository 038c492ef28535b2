import { Type } from 'typebox';
import type { Outcome } from '#platform/batch';
import type { Database } from '#platform/database';
import { actorOf, decodeCursor, type HttpServer, PageOf, PageQuery, type RegisterRoutes, toPage } from '#platform/http-server';
import { jobLocation } from '#platform/jobs';
import { closed, IdParams } from '#shared/schema';
import type { ReadableCheck } from './check-text.ts';
import {
  BatchBodySchema,
  BatchResultSchema,
  type BriefInput,
  BriefInputSchema,
  type CheckBody,
  CheckBodySchema,
  CheckResultSchema,
  type GenerationOutcome,
  GenerationSchema,
  QueuedGenerationSchema,
  StatusSchema,
} from './generation-schema.ts';
import { listRequests } from './generation-store.ts';
import type { Brief, GenerationRequest } from './generation-types.ts';
import type { GenerationRequester } from './request-generations.ts';

export type GenerationRoutesOptions = GenerationRequester & {
  readonly database: Database;
  /** Of briefs that name none. */
  readonly language: string;
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

function showOutcome(outcome: Outcome<GenerationRequest>): GenerationOutcome {
  if (outcome.kind === 'done') return { status: 'queued', id: outcome.value.id, jobId: outcome.value.id };
  if (outcome.kind === 'failed') return { status: 'failed', error: outcome.error };
  return {
    status: 'failed',
    error: { code: 'generation_called_off', message: 'It was called off before it was queued.', retryable: true },
  };
}

export function generationRoutes(options: GenerationRoutesOptions): RegisterRoutes {
  return (app) => {
    registerWriting(app, options);
    registerReading(app, options);
  };
}

function registerWriting(app: HttpServer, options: GenerationRoutesOptions): void {
  const { language, requestGeneration, requestGenerations, checkText } = options;
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
    '/api/v1/generation/batch',
    {
      schema: {
        tags: ['generation'],
        summary: 'Ask for drafts on a list of topics',
        description:
          'Each gets an outcome of its own, in the order of the list: the job that writes it, or why it was refused. One that is refused ' +
          'drops no others, and what is queued stays queued when the caller hangs up.',
        body: BatchBodySchema,
        response: { 202: BatchResultSchema },
      },
      config: { access: 'generation:write', rateLimit: 'generation', cost: 'expensive' },
    },
    async (request, reply) => {
      const asked = request.body.items.map((input) => ({ brief: completeBrief(input) }));
      const outcomes = await requestGenerations(asked, { actor: actorOf(request) });
      return reply.code(202).send({ items: outcomes.map(showOutcome) });
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
