import { Type } from 'typebox';
import { sql } from '#platform/database';
import {
  actorOf,
  checkScopes,
  createApiKey,
  type HttpServer,
  listApiKeys,
  PageQuery,
  type RegisterRoutes,
  revokeApiKey,
} from '#platform/http-server';
import type { JobView } from '#platform/jobs';
import { messageOf } from '#shared/errors';
import type { Context } from './context.ts';

const DependencySchema = Type.Object({ status: Type.String(), ms: Type.Number(), error: Type.Optional(Type.String()) });
const IdParams = Type.Object({ id: Type.String({ format: 'uuid' }) });
const NullableString = Type.Union([Type.String(), Type.Null()]);

const JobSchema = Type.Object({
  id: Type.String(),
  name: Type.String(),
  state: Type.String(),
  retryCount: Type.Integer(),
  sourceName: NullableString,
  data: Type.Any(),
  output: Type.Any(),
  createdAt: Type.String(),
  startedAt: NullableString,
  completedAt: NullableString,
});

const QueueSchema = Type.Object({
  name: Type.String(),
  queued: Type.Integer(),
  active: Type.Integer(),
  failed: Type.Integer(),
  total: Type.Integer(),
});

const StatementSchema = Type.Object({
  name: Type.String(),
  count: Type.Integer(),
  errors: Type.Integer(),
  rows: Type.Integer(),
  totalMs: Type.Number(),
  maxMs: Type.Number(),
});

const ApiKeySchema = Type.Object({
  id: Type.String(),
  name: Type.String(),
  prefix: Type.String(),
  scopes: Type.Array(Type.String()),
  createdAt: Type.String(),
  lastUsedAt: NullableString,
  revokedAt: NullableString,
});

const isoOrNull = (time: Date | null): string | null => time?.toISOString() ?? null;

function showJob(job: JobView) {
  return { ...job, createdAt: job.createdAt.toISOString(), startedAt: isoOrNull(job.startedAt), completedAt: isoOrNull(job.completedAt) };
}

async function probe(check: () => Promise<unknown>): Promise<{ status: 'up' | 'down'; ms: number; error?: string }> {
  const started = performance.now();
  try {
    await check();
    return { status: 'up', ms: Math.round(performance.now() - started) };
  } catch (error) {
    return { status: 'down', ms: Math.round(performance.now() - started), error: messageOf(error) };
  }
}

/** Health, figures, jobs and keys: what belongs to the engine and to no service. */
export function systemRoutes(context: Context, metricsText: () => Promise<string>): RegisterRoutes {
  return (app) => {
    registerHealth(app, context, metricsText);
    registerJobs(app, context);
    registerKeys(app, context);
  };
}

function registerHealth(app: HttpServer, context: Context, metricsText: () => Promise<string>): void {
  const { database, mail, metrics } = context;
  app.get(
    '/health/live',
    {
      config: { access: 'public' },
      schema: { tags: ['health'], summary: 'The process answers', security: [], response: { 200: Type.Object({ status: Type.String() }) } },
    },
    async (_request, reply) => reply.header('cache-control', 'no-store').send({ status: 'up' }),
  );
  const Readiness = Type.Object({ status: Type.String(), dependencies: Type.Record(Type.String(), DependencySchema) });
  app.get(
    '/health/ready',
    {
      config: { access: 'public' },
      schema: {
        tags: ['health'],
        summary: 'Each dependency, and whether requests can be served',
        description: 'Without the database nothing can be served: 503. Mail down delays mails and no request: still 200.',
        security: [],
        response: { 200: Readiness, 503: Readiness },
      },
    },
    async (_request, reply) => {
      const [databaseState, mailState] = await Promise.all([
        probe(() => database.query('health.database', sql<object>`select 1`)),
        probe(() => mail.verify()),
      ]);
      const isUp = databaseState.status === 'up';
      return reply
        .code(isUp ? 200 : 503)
        .header('cache-control', 'no-store')
        .send({ status: isUp ? 'ready' : 'not_ready', dependencies: { database: databaseState, mail: mailState } });
    },
  );
  app.get(
    '/metrics',
    {
      config: { access: 'system:read' },
      schema: {
        tags: ['system'],
        summary: 'Figures in the Prometheus text format',
        produces: ['text/plain'],
        response: { 200: Type.String() },
      },
    },
    async (_request, reply) => reply.type(metrics.contentType).send(await metricsText()),
  );
  app.get(
    '/api/v1/system/queries',
    {
      config: { access: 'system:read' },
      schema: {
        tags: ['system'],
        summary: 'Figures of every named statement of this process',
        response: { 200: Type.Object({ items: Type.Array(StatementSchema) }) },
      },
    },
    async () => ({ items: database.monitor.figures() }),
  );
}

function registerJobs(app: HttpServer, { jobs }: Context): void {
  app.get(
    '/api/v1/jobs',
    {
      config: { access: 'jobs:read' },
      schema: {
        tags: ['jobs'],
        summary: 'Jobs, newest first',
        querystring: Type.Object(
          {
            limit: PageQuery.limit,
            cursor: Type.Optional(Type.String({ format: 'uuid', description: '`nextCursor` of the page before.' })),
            name: Type.Optional(Type.String({ maxLength: 100 })),
            state: Type.Optional(
              Type.Union(['created', 'retry', 'active', 'completed', 'cancelled', 'failed'].map((state) => Type.Literal(state))),
            ),
          },
          { additionalProperties: false },
        ),
        response: { 200: Type.Object({ items: Type.Array(JobSchema), nextCursor: NullableString }) },
      },
    },
    async (request) => {
      const { limit = 20, cursor, name, state } = request.query;
      const rows = await jobs.list({
        limit: limit + 1,
        ...(cursor !== undefined && { before: cursor }),
        ...(name !== undefined && { name }),
        ...(state !== undefined && { state }),
      });
      const items = rows.slice(0, limit).map(showJob);
      return { items, nextCursor: rows.length > limit ? (items.at(-1)?.id ?? null) : null };
    },
  );
  app.get(
    '/api/v1/jobs/queues',
    {
      config: { access: 'jobs:read' },
      schema: {
        tags: ['jobs'],
        summary: 'Each kind of job: waiting, running, failed',
        response: { 200: Type.Object({ items: Type.Array(QueueSchema) }) },
      },
    },
    async () => ({ items: await jobs.queues() }),
  );
  app.get(
    '/api/v1/jobs/dead-letters',
    {
      config: { access: 'jobs:read' },
      schema: {
        tags: ['jobs'],
        summary: 'Jobs that failed for good, with their errors',
        response: { 200: Type.Object({ items: Type.Array(JobSchema) }) },
      },
    },
    async () => ({ items: (await jobs.deadLetters(100)).map(showJob) }),
  );
  app.post(
    '/api/v1/jobs/dead-letters/redrive',
    {
      config: { access: 'jobs:write' },
      schema: {
        tags: ['jobs'],
        summary: 'Put dead letters back into their queues',
        body: Type.Object(
          { name: Type.Optional(Type.String({ pattern: '^[\\w./-]+$', maxLength: 100, description: 'Of one kind of job only.' })) },
          { additionalProperties: false },
        ),
        response: { 200: Type.Object({ moved: Type.Integer() }) },
      },
    },
    async (request) => ({ moved: await jobs.redrive(request.body.name) }),
  );
  app.get(
    '/api/v1/jobs/:id',
    { config: { access: 'jobs:read' }, schema: { tags: ['jobs'], summary: 'One job', params: IdParams, response: { 200: JobSchema } } },
    async (request) => showJob(await jobs.find(request.params.id)),
  );
  app.post(
    '/api/v1/jobs/:id/retry',
    {
      config: { access: 'jobs:write' },
      schema: { tags: ['jobs'], summary: 'Run a failed job again', params: IdParams, response: { 200: JobSchema } },
    },
    async (request) => {
      await jobs.retry(request.params.id);
      return showJob(await jobs.find(request.params.id));
    },
  );
}

function registerKeys(app: HttpServer, { database, clock, logger }: Context): void {
  const show = (key: Awaited<ReturnType<typeof listApiKeys>>[number]) => ({
    ...key,
    scopes: [...key.scopes],
    createdAt: key.createdAt.toISOString(),
    lastUsedAt: isoOrNull(key.lastUsedAt),
    revokedAt: isoOrNull(key.revokedAt),
  });
  app.get(
    '/api/v1/keys',
    {
      config: { access: 'keys:write' },
      schema: {
        tags: ['keys'],
        summary: 'API keys, without their secrets',
        response: { 200: Type.Object({ items: Type.Array(ApiKeySchema) }) },
      },
    },
    async () => ({ items: (await listApiKeys(database)).map(show) }),
  );
  app.post(
    '/api/v1/keys',
    {
      config: { access: 'keys:write', hasSecretAnswer: true },
      schema: {
        tags: ['keys'],
        summary: 'Create a key; its text is in this answer only',
        body: Type.Object(
          {
            name: Type.String({ minLength: 1, maxLength: 100 }),
            scopes: Type.Array(Type.String({ maxLength: 50 }), { minItems: 1, maxItems: 50 }),
          },
          { additionalProperties: false },
        ),
        response: { 201: Type.Intersect([ApiKeySchema, Type.Object({ key: Type.String() })]) },
      },
    },
    async (request, reply) => {
      const { key, apiKey } = await createApiKey(database, clock, { name: request.body.name, scopes: checkScopes(request.body.scopes) });
      logger.info({ keyId: apiKey.id, actor: actorOf(request) }, 'API key created');
      return reply.code(201).send({ ...show(apiKey), key });
    },
  );
  app.delete(
    '/api/v1/keys/:id',
    {
      config: { access: 'keys:write' },
      schema: { tags: ['keys'], summary: 'Revoke a key', params: IdParams, response: { 200: ApiKeySchema } },
    },
    async (request) => show(await revokeApiKey(database, clock, request.params.id)),
  );
}
