import { Type } from 'typebox';
import { PageQuery, type RegisterRoutes } from '#platform/http-server';
import type { Jobs, JobView } from '#platform/jobs';
import { IdParams } from '#shared/schema';

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

const isoOrNull = (time: Date | null): string | null => time?.toISOString() ?? null;

function showJob(job: JobView) {
  return { ...job, createdAt: job.createdAt.toISOString(), startedAt: isoOrNull(job.startedAt), completedAt: isoOrNull(job.completedAt) };
}

/** The work that waits, runs or failed. */
export function createJobRoutes(jobs: Jobs): RegisterRoutes {
  return (app) => {
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
  };
}
