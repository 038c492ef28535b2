import { type Queryable, sql } from '#platform/database';
import type { Position } from '#platform/http-server';
import { notFound } from '#shared/errors';

export type RecurringDigest = {
  readonly id: string;
  readonly name: string;
  readonly status: 'active' | 'paused';
  /** Name of a template. */
  readonly template: string;
  readonly cron: string;
  readonly timezone: string;
  readonly segmentId: string | null;
  readonly topics: readonly string[];
  readonly minArticles: number;
  /** Liquid; null: made of the titles. */
  readonly subject: string | null;
  /** What was published until then is in a digest already, or was before the first. */
  readonly coveredUntil: Date;
  /** Null while paused. */
  readonly nextRunAt: Date | null;
  readonly lastRunAt: Date | null;
  readonly lastOutcome: 'sent' | 'nothing_new' | 'failed' | null;
  readonly lastReason: string | null;
  readonly lastIssueId: string | null;
  readonly version: number;
  readonly createdBy: string;
  readonly createdAt: Date;
  readonly updatedAt: Date;
};

const columns = sql`
  id, name, status, template, cron, timezone, segment_id as "segmentId", topics, min_articles as "minArticles", subject,
  covered_until as "coveredUntil", next_run_at as "nextRunAt", last_run_at as "lastRunAt", last_outcome as "lastOutcome",
  last_reason as "lastReason", last_issue_id as "lastIssueId", version, created_by as "createdBy", created_at as "createdAt",
  updated_at as "updatedAt"`;

export type DigestPlan = Pick<
  RecurringDigest,
  'name' | 'status' | 'template' | 'cron' | 'timezone' | 'segmentId' | 'topics' | 'minArticles' | 'subject' | 'nextRunAt'
>;

/** Undefined when the name is taken. */
export function insertDigest(
  tx: Queryable,
  digest: DigestPlan & Pick<RecurringDigest, 'id' | 'coveredUntil' | 'createdBy' | 'createdAt'>,
): Promise<RecurringDigest | undefined> {
  return tx.maybeOne(
    'recurring-digests.insert',
    sql<RecurringDigest>`insert into recurring_digests (id, name, status, template, cron, timezone, segment_id, topics, min_articles, subject,
          covered_until, next_run_at, created_by, created_at, updated_at)
        values (${digest.id}, ${digest.name}, ${digest.status}, ${digest.template}, ${digest.cron}, ${digest.timezone}, ${digest.segmentId},
                ${digest.topics}::text[], ${digest.minArticles}, ${digest.subject}, ${digest.coveredUntil}, ${digest.nextRunAt},
                ${digest.createdBy}, ${digest.createdAt}, ${digest.createdAt})
        on conflict (name) do nothing returning ${columns}`,
  );
}

/** @throws AppError `not_found` */
export async function getDigest(database: Queryable, id: string): Promise<RecurringDigest> {
  const found = await database.maybeOne(
    'recurring-digests.find',
    sql<RecurringDigest>`select ${columns} from recurring_digests where id = ${id}::uuid`,
  );
  if (found === undefined) throw notFound('recurring digest', id);
  return found;
}

export async function lockDigest(tx: Queryable, id: string): Promise<RecurringDigest> {
  const found = await tx.maybeOne(
    'recurring-digests.lock',
    sql<RecurringDigest>`select ${columns} from recurring_digests where id = ${id}::uuid for update`,
  );
  if (found === undefined) throw notFound('recurring digest', id);
  return found;
}

/** Newest first; one row more than `limit`. Times are the clock's, in whole milliseconds, so that a cursor names them exactly. */
export function listDigests(database: Queryable, before: Position | undefined, limit: number): Promise<RecurringDigest[]> {
  const condition = before === undefined ? sql`true` : sql`(created_at, id) < (${before.at}::timestamptz, ${before.id}::uuid)`;
  return database.query(
    'recurring-digests.list',
    sql<RecurringDigest>`select ${columns} from recurring_digests where ${condition} order by created_at desc, id desc limit ${limit + 1}`,
  );
}

export async function isDigestNameTaken(tx: Queryable, name: string, exceptId: string): Promise<boolean> {
  const row = await tx.maybeOne(
    'recurring-digests.find-name',
    sql<object>`select 1 from recurring_digests where name = ${name} and id <> ${exceptId}::uuid`,
  );
  return row !== undefined;
}

export function updateDigest(tx: Queryable, id: string, plan: DigestPlan, at: Date): Promise<RecurringDigest> {
  return tx.one(
    'recurring-digests.update',
    sql<RecurringDigest>`update recurring_digests
        set name = ${plan.name}, status = ${plan.status}, template = ${plan.template}, cron = ${plan.cron}, timezone = ${plan.timezone},
            segment_id = ${plan.segmentId}, topics = ${plan.topics}::text[], min_articles = ${plan.minArticles}, subject = ${plan.subject},
            next_run_at = ${plan.nextRunAt}, version = version + 1, updated_at = ${at}
        where id = ${id}::uuid returning ${columns}`,
  );
}

export async function deleteDigest(tx: Queryable, id: string): Promise<void> {
  await tx.execute('recurring-digests.delete', sql`delete from recurring_digests where id = ${id}::uuid`);
}

export async function listDueDigests(database: Queryable, now: Date): Promise<string[]> {
  const rows = await database.query(
    'recurring-digests.due',
    sql<{ id: string }>`select id from recurring_digests where status = 'active' and next_run_at <= ${now} order by next_run_at limit 100`,
  );
  return rows.map(({ id }) => id);
}

export type DigestRun = {
  readonly at: Date;
  readonly outcome: 'sent' | 'nothing_new' | 'failed';
  readonly reason: string | null;
  readonly issueId: string | null;
  readonly coveredUntil: Date;
  readonly nextRunAt: Date | null;
};

/** The run and the time of the next in one, so that no run is done twice. */
export function keepRun(tx: Queryable, id: string, run: DigestRun): Promise<RecurringDigest> {
  return tx.one(
    'recurring-digests.keep-run',
    sql<RecurringDigest>`update recurring_digests
        set last_run_at = ${run.at}, last_outcome = ${run.outcome}, last_reason = ${run.reason},
            last_issue_id = coalesce(${run.issueId}::uuid, last_issue_id), covered_until = ${run.coveredUntil}, next_run_at = ${run.nextRunAt}
        where id = ${id}::uuid returning ${columns}`,
  );
}
