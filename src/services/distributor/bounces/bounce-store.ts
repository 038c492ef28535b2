import { type Queryable, sql } from '#platform/database';
import type { DeliveryKey } from '../deliveries/verp.ts';

/** Those of the deliveries that there are. */
export async function findDeliveries(tx: Queryable, keys: readonly DeliveryKey[]): Promise<ReadonlySet<string>> {
  const rows = await tx.query(
    'bounces.find-deliveries',
    sql<{ issueId: string; subscriberId: string }>`select d.issue_id as "issueId", d.subscriber_id as "subscriberId"
        from unnest(${keys.map(({ issueId }) => issueId)}::uuid[], ${keys.map(({ subscriberId }) => subscriberId)}::uuid[])
          as given (issue_id, subscriber_id)
        join deliveries d on d.issue_id = given.issue_id and d.subscriber_id = given.subscriber_id`,
  );
  return new Set(rows.map(keyOf));
}

export const keyOf = ({ issueId, subscriberId }: DeliveryKey) => `${issueId} ${subscriberId}`;

/** Issues that bounced softly at this person since then, and were not followed by anything that showed them read. */
export async function countSoftBounces(tx: Queryable, subscriberId: string, since: Date): Promise<number> {
  const { count } = await tx.one(
    'bounces.count-soft',
    sql<{ count: number }>`select count(*) as count from email_engagements soft
        where soft.subscriber_id = ${subscriberId}::uuid and soft.what = -4 and soft.last_at >= ${since}
          and not exists (select 1 from email_engagements sign
                          where sign.subscriber_id = soft.subscriber_id and sign.what in (-1, -2) and sign.last_human_at > soft.last_at)`,
  );
  return count;
}
