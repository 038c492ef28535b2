import { type Queryable, sql } from '#platform/database';
import type { AbTest } from '../distributor-types.ts';
import { engagementKinds } from '../tracking/email-event.ts';

const kindOf = { opens: engagementKinds.open, clicks: engagementKinds.click } as const;

/** The ids of those who opened or clicked the issue themselves; what a mail program or a scanner did is not theirs. */
export const engagedReaders = (issueId: string, metric: AbTest['metric']) =>
  sql<{ subscriber_id: string }>`select subscriber_id from email_engagements
    where issue_id = ${issueId}::uuid and what = ${kindOf[metric]} and human > 0`;

/** Readers, each once, by the variant that they got. */
export async function countEngagedByVariant(
  database: Queryable,
  issueId: string,
  metric: AbTest['metric'],
): Promise<ReadonlyMap<number, number>> {
  const rows = await database.query(
    'engaged-readers.count-by-variant',
    sql<{ variant: number; count: number }>`select d.variant, count(*) as count from deliveries d
        where d.issue_id = ${issueId}::uuid and d.variant is not null and d.subscriber_id in (${engagedReaders(issueId, metric)})
        group by d.variant`,
  );
  return new Map(rows.map(({ variant, count }) => [variant, count]));
}

/** Which of these readers opened or clicked the issue. */
export async function findEngagedReaders(
  database: Queryable,
  issueId: string,
  metric: AbTest['metric'],
  subscriberIds: readonly string[],
): Promise<ReadonlySet<string>> {
  const rows = await database.query(
    'engaged-readers.find',
    sql<{ id: string }>`select id from unnest(${subscriberIds}::uuid[]) as asked (id) where id in (${engagedReaders(issueId, metric)})`,
  );
  return new Set(rows.map(({ id }) => id));
}

/** Readers, each once. */
export async function countEngaged(database: Queryable, issueId: string, metric: AbTest['metric']): Promise<number> {
  const { count } = await database.one(
    'engaged-readers.count',
    sql<{ count: number }>`select count(*) as count from (${engagedReaders(issueId, metric)}) reader`,
  );
  return count;
}
