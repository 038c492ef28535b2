import { type Database, sql } from '#platform/database';
import { type EventKey, isSettled, partitionCount } from './event-key.ts';

// Fewer events than this are read past quickly enough.
const skipAfter = 1000;

/** Makes the subscriber known and keeps which types it takes. Never waits for who is handling its events. */
export async function addSubscriber(database: Database, subscriber: string, types: readonly string[], now: Date): Promise<void> {
  await database.execute('events.add-offset', sql`insert into event_offsets (subscriber) values (${subscriber}) on conflict do nothing`);
  await database.execute(
    'events.add-subscriber',
    sql`insert into event_subscribers (subscriber, types, seen_at) values (${subscriber}, ${types}::text[], ${now})
        on conflict (subscriber) do update set types = excluded.types, seen_at = excluded.seen_at`,
  );
}

export async function keepSubscribers(database: Database, subscribers: readonly string[], now: Date): Promise<void> {
  await database.execute(
    'events.keep-subscribers',
    sql`update event_subscribers set seen_at = ${now} where subscriber = any(${subscribers}::text[])`,
  );
}

export async function addPartitions(database: Database, subscriber: string): Promise<void> {
  await database.execute(
    'events.add-partitions',
    sql`insert into event_partition_offsets (subscriber, partition)
        select ${subscriber}, generate_series(0, ${partitionCount - 1}) on conflict do nothing`,
  );
}

/** Moves offsets past events of types that the subscriber does not take, so that they are not read again and again. */
export async function skipOtherTypes(database: Database, subscribers: readonly string[]): Promise<void> {
  await database.execute(
    'events.skip-other-types',
    sql`with newest as (
          select transaction_id, position from events where ${isSettled} order by transaction_id desc, position desc limit 1),
        free as (
          select subscriber from event_offsets where subscriber = any(${subscribers}::text[]) for no key update skip locked)
        update event_offsets o set transaction_id = newest.transaction_id, position = newest.position
        from newest, event_subscribers s
        where o.subscriber in (select subscriber from free) and s.subscriber = o.subscriber
          and o.position < newest.position - ${skipAfter}
          and (o.transaction_id, o.position) < (newest.transaction_id, newest.position)
          and not exists (select 1 from events e
                          where (e.transaction_id, e.position) > (o.transaction_id, o.position)
                            and (e.transaction_id, e.position) <= (newest.transaction_id, newest.position)
                            and e.type = any(s.types))`,
  );
}

/**
 * Brings the offset over all partitions up to the slowest of them: the other driver can then go on from there, and lag is
 * counted from there. A partition in which nothing is left is as far as the relay.
 */
export async function gatherPartitions(database: Database): Promise<void> {
  await database.execute(
    'events.gather-partitions',
    sql`with relay as (select transaction_id, position from event_relay where partition = -1),
        reached as (
          select p.subscriber,
                 case when c.is_done then relay.transaction_id else p.transaction_id end as transaction_id,
                 case when c.is_done then relay.position else p.position end as position
          from event_partition_offsets p join event_relay r on r.partition = p.partition cross join relay
          cross join lateral (select (p.transaction_id, p.position) >= (r.transaction_id, r.position) as is_done) c),
        slowest as (
          select distinct on (subscriber) subscriber, transaction_id, position from reached
          order by subscriber, transaction_id, position),
        free as (select subscriber from event_offsets for no key update skip locked)
        update event_offsets o set transaction_id = s.transaction_id, position = s.position, moved_at = now()
        from slowest s
        where s.subscriber = o.subscriber and o.subscriber in (select subscriber from free)
          and (o.transaction_id, o.position) < (s.transaction_id, s.position)`,
  );
}

/** How far every subscriber of the streams is in the partition, and which entries are older than the time given. */
export async function findTrimmableKey(database: Database, partition: number, before: Date): Promise<EventKey | undefined> {
  const aged = await database.maybeOne<EventKey>(
    'events.find-aged',
    sql`select transaction_id::text as "transactionId", position from events
        where occurred_at < ${before} order by occurred_at desc, transaction_id desc, position desc limit 1`,
  );
  if (aged === undefined) return undefined;
  return database.maybeOne<EventKey>(
    'events.find-trimmable',
    sql`select transaction_id::text as "transactionId", position from (
          select transaction_id, position from event_partition_offsets where partition = ${partition}
          union all select ${aged.transactionId}::xid8, ${aged.position}::bigint) as reached (transaction_id, position)
        order by reached.transaction_id, reached.position limit 1`,
  );
}
