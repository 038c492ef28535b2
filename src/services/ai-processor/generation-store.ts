import { type Queryable, sql } from '#platform/database';
import type { Position } from '#platform/http-server';
import { generateArticle } from './generation-jobs.ts';
import type { Brief, GenerationRequest, GenerationStatus } from './generation-types.ts';

const columns = sql`
  id, brief, status, reason, writer, content_id as "contentId", created_at as "createdAt", finished_at as "finishedAt"`;

/** In one statement. Gives those that are new: what has a key that was used before is left as it stands. */
export function insertRequests(
  tx: Queryable,
  requests: readonly { readonly id: string; readonly key: string; readonly brief: Brief }[],
  at: Date,
): Promise<GenerationRequest[]> {
  return tx.query<GenerationRequest>(
    'generation-requests.insert',
    sql`insert into generation_requests (id, request_key, brief, created_at)
        select id, key, brief, ${at}::timestamptz
        from jsonb_to_recordset(${JSON.stringify(requests)}::jsonb) as asked(id uuid, key text, brief jsonb)
        on conflict (request_key) do nothing returning ${columns}`,
  );
}

export function findRequestByKey(database: Queryable, key: string): Promise<GenerationRequest> {
  return database.one<GenerationRequest>(
    'generation-requests.find-by-key',
    sql`select ${columns} from generation_requests where request_key = ${key}`,
  );
}

export function findRequest(database: Queryable, id: string): Promise<GenerationRequest | undefined> {
  return database.maybeOne<GenerationRequest>(
    'generation-requests.find',
    sql`select ${columns} from generation_requests where id = ${id}::uuid`,
  );
}

/** Locks the row until the transaction ends: of two runs of the same job, the second sees what the first did. */
export function lockRequest(tx: Queryable, id: string): Promise<GenerationRequest | undefined> {
  return tx.maybeOne<GenerationRequest>(
    'generation-requests.lock',
    sql`select ${columns} from generation_requests where id = ${id}::uuid for update`,
  );
}

/**
 * The oldest requests that wait although no job of theirs waits, runs or will run again. A request and its job commit together, and a job ends
 * behind its request, so one look at both tables cannot mistake one that is only on its way.
 */
export function lockOrphans(tx: Queryable, limit: number): Promise<GenerationRequest[]> {
  return tx.query<GenerationRequest>(
    'generation-requests.lock-orphans',
    sql`select ${columns} from generation_requests as request
        where status = 'queued'
          and not exists (select from pgboss.job where name = ${generateArticle.name} and data ->> 'requestId' = request.id::text
                                                    and state in ('created', 'retry', 'active'))
        order by created_at, id limit ${limit} for update skip locked`,
  );
}

export type Finish = {
  readonly status: Exclude<GenerationStatus, 'queued'>;
  readonly reason: string | null;
  readonly writer: string | null;
  readonly contentId: string | null;
  readonly at: Date;
};

export async function finishRequest(tx: Queryable, id: string, { status, reason, writer, contentId, at }: Finish): Promise<void> {
  await tx.execute(
    'generation-requests.finish',
    sql`update generation_requests set status = ${status}, reason = ${reason}, writer = ${writer}, content_id = ${contentId}::uuid,
               finished_at = ${at}
        where id = ${id}::uuid`,
  );
}

export type RequestFilter = {
  readonly status?: GenerationStatus | undefined;
  readonly before?: Position | undefined;
  readonly limit: number;
};

/**
 * Newest first; one row more than `limit`, by which a further page is known. `created_at` is the clock's, in whole milliseconds, so a
 * cursor names it exactly and the index serves the order.
 */
export function listRequests(database: Queryable, { status, before, limit }: RequestFilter): Promise<GenerationRequest[]> {
  const conditions = [sql<boolean>`true`];
  if (status !== undefined) conditions.push(sql`status = ${status}`);
  if (before !== undefined) {
    conditions.push(sql`(created_at, id) < (${before.at}::timestamptz, ${before.id}::uuid)`);
  }
  return database.query<GenerationRequest>(
    'generation-requests.list',
    sql`select ${columns} from generation_requests where ${sql.join(conditions, sql` and `)}
        order by created_at desc, id desc limit ${limit + 1}`,
  );
}

export async function countByStatus(database: Queryable): Promise<Record<GenerationStatus, number>> {
  const rows = await database.query<{ status: GenerationStatus; count: number }>(
    'generation-requests.count',
    sql`select status, count(*) as count from generation_requests group by status`,
  );
  const counts: Record<GenerationStatus, number> = { queued: 0, written: 0, declined: 0, failed: 0 };
  for (const { status, count } of rows) counts[status] = count;
  return counts;
}
