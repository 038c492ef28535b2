import { type Static, Type } from 'typebox';
import { type Database, sql, type Transaction } from '#platform/database';
import { AppError } from '#shared/errors';
import type { JobDefinition } from './definition.ts';
import type { Jobs, SendJobOptions } from './jobs.ts';

/** The body of a 202, or a part of it: what was asked for is in the queue. */
export const QueuedSchema = Type.Object({
  status: Type.Literal('queued'),
  jobId: Type.String({ format: 'uuid', description: 'GET /api/v1/jobs/{id} follows it; Location leads there.' }),
});
export type Queued = Static<typeof QueuedSchema>;

export type BackgroundOptions = SendJobOptions & {
  /** The job then exists if and only if what the transaction writes does. */
  readonly transaction?: Transaction;
};

export type Background = {
  /**
   * Puts the work into the queue and answers at once. Where a job with the same `singletonKey` waits or runs already, or one with the same `id`
   * was sent before, the answer names that one.
   * @throws AppError `job_not_queued` (retryable)
   */
  run<T extends object>(definition: JobDefinition<T>, data: T, options?: BackgroundOptions): Promise<Queued>;
};

// The one that has the key may end between the two statements; that this happens time and again is next to impossible.
const maxTries = 5;

export function createBackground({ jobs, database }: { readonly jobs: Pick<Jobs, 'send'>; readonly database: Database }): Background {
  return {
    async run(definition, data, { transaction, ...options } = {}) {
      const queryable = transaction ?? database;
      for (let attempt = 0; attempt < maxTries; attempt += 1) {
        const jobId = (await jobs.send(queryable, definition, data, options)) ?? (await findSent(queryable, definition, options));
        if (jobId !== undefined) return { status: 'queued', jobId };
      }
      throw new AppError('job_not_queued', `A job ${definition.name} could not be put into the queue.`, { status: 503, retryable: true });
    },
  };
}

/** Where a job can be followed: the Location of a 202. */
export const jobLocation = (jobId: string): string => `/api/v1/jobs/${jobId}`;

/** The one in whose stead none was sent: it has the id, or the key and has not ended. */
async function findSent(
  queryable: Database | Transaction,
  { name }: JobDefinition<object>,
  { id = null, singletonKey = null }: { readonly id?: string | null; readonly singletonKey?: string | null },
): Promise<string | undefined> {
  const job = await queryable.maybeOne<{ id: string }>(
    'jobs.find-sent',
    sql`select id from pgboss.job
        where name = ${name} and (id = ${id}::uuid
          or (singleton_key is not distinct from ${singletonKey}::text and state in ('created', 'retry', 'active')))
        order by id = ${id}::uuid desc nulls last, created_on desc limit 1`,
  );
  return job?.id;
}
