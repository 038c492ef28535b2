import { type Queryable, sql } from '#platform/database';
import { partitionOf } from './event-key.ts';
import type { SubscriberState } from './event-types.ts';

/** Counting further would say no more and cost much. */
export const maxCountedLag = 10_000;

export async function readSubscribers(database: Queryable, now: Date): Promise<SubscriberState[]> {
  const rows = await database.query<Omit<SubscriberState, 'lagSeconds'> & { oldestAt: Date | null }>(
    'events.read-subscribers',
    sql`select s.subscriber, s.types, s.seen_at as "seenAt", lag.count as lag, lag.oldest_at as "oldestAt",
               (select count(*) from event_failures f where f.subscriber = s.subscriber and f.state = 'retrying') as retrying,
               (select count(*) from event_failures f where f.subscriber = s.subscriber and f.state = 'waiting') as waiting,
               (select count(*) from event_failures f where f.subscriber = s.subscriber and f.state = 'dead') as "deadLetters",
               exists (select 1 from event_replays y where y.subscriber = s.subscriber) as "isReplaying"
        from event_subscribers s join event_offsets o on o.subscriber = s.subscriber
        cross join lateral (
          select count(*) as count, min(occurred_at) as oldest_at from (
            select occurred_at from events
            where (events.transaction_id, events.position) > (o.transaction_id, o.position) and events.type = any(s.types)
              and not exists (
                select 1 from event_partition_offsets p
                where p.subscriber = s.subscriber and p.partition = ${partitionOf}
                  and (p.transaction_id, p.position) >= (events.transaction_id, events.position))
            order by events.transaction_id, events.position limit ${maxCountedLag}) unhandled) lag
        order by s.subscriber`,
  );
  return rows.map(({ oldestAt, ...row }) => ({
    ...row,
    lagSeconds: oldestAt === null ? 0 : Math.max(0, (now.getTime() - oldestAt.getTime()) / 1000),
  }));
}
