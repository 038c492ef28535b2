import { type Database, sql, type Transaction } from '#platform/database';
import { type EventKey, eventColumns, isSettled, keyRow, partitionOf } from './event-key.ts';
import type { OutboxEvent } from './failure-store.ts';
import type { EventStreams, StreamEntry } from './redis-streams.ts';

const batchSize = 500;

export type RelayOutcome = 'relayed' | 'held_back' | 'none';

type PartitionedEvent = OutboxEvent & { readonly partition: number };

/** Undefined while another process relays. A statement of its own: what is read after it is as the one before left it. */
function lockRelay(tx: Transaction): Promise<EventKey | undefined> {
  return tx.maybeOne<EventKey>(
    'events.lock-relay',
    sql`select transaction_id::text as "transactionId", position from event_relay where partition = -1 for update skip locked`,
  );
}

async function readLast(tx: Transaction): Promise<Map<number, EventKey>> {
  const rows = await tx.query<EventKey & { partition: number }>(
    'events.read-relayed',
    sql`select partition, transaction_id::text as "transactionId", position from event_relay where partition >= 0`,
  );
  return new Map(rows.map((row) => [row.partition, row]));
}

/** Each event with the one before it in its partition. */
function chain(events: readonly PartitionedEvent[], last: Map<number, EventKey>): Map<number, StreamEntry[]> {
  const entries = new Map<number, StreamEntry[]>();
  for (const { partition, ...event } of events) {
    const { transactionId, position } = event;
    const list = entries.get(partition) ?? [];
    list.push({ event, previous: last.get(partition) ?? { transactionId: '0', position: 0 } });
    entries.set(partition, list);
    last.set(partition, { transactionId, position });
  }
  return entries;
}

async function keepRelayed(tx: Transaction, reached: ReadonlyMap<number, EventKey>): Promise<void> {
  const rows = [...reached];
  await tx.execute(
    'events.move-relay',
    sql`update event_relay r set transaction_id = n.transaction_id::xid8, position = n.position
        from unnest(${rows.map(([partition]) => partition)}::smallint[], ${rows.map(([, key]) => key.transactionId)}::text[],
                    ${rows.map(([, key]) => key.position)}::bigint[]) as n (partition, transaction_id, position)
        where r.partition = n.partition`,
  );
}

/**
 * Copies the next events of the outbox into the streams, in order; one process at a time, for which the row of partition -1 is
 * the lock. A crash before the commit copies them again: their ids are their keys, so Redis refuses the second copy.
 */
export async function relayBatch(database: Database, streams: EventStreams): Promise<RelayOutcome> {
  return database.transaction(async (tx) => {
    const relay = await lockRelay(tx);
    if (relay === undefined) return 'none';
    const events = await tx.query<PartitionedEvent>(
      'events.read-to-relay',
      sql`select ${eventColumns}, ${partitionOf} as partition from events
          where (transaction_id, position) > ${keyRow(relay)} and ${isSettled} order by transaction_id, position limit ${batchSize}`,
    );
    const newest = events.at(-1);
    if (newest === undefined) {
      const heldBack = await tx.maybeOne(
        'events.held-back',
        sql<object>`select 1 from events where (transaction_id, position) > ${keyRow(relay)} limit 1`,
      );
      return heldBack === undefined ? 'none' : 'held_back';
    }
    const last = await readLast(tx);
    const entries = chain(events, last);
    await Promise.all([...entries].map(([partition, list]) => streams.add(partition, list)));
    const reached = new Map([...entries.keys()].map((partition) => [partition, last.get(partition) ?? newest]));
    await keepRelayed(tx, reached.set(-1, newest));
    // Who is rung for may be faster than the commit: nothing that it does depends on it.
    await streams.ring([...entries.keys()]);
    return 'relayed';
  });
}

/**
 * Lets the relay pass what every subscriber has handled already: after a time with the other driver. All partitions move
 * with it, else a subscriber that is new would take the last event of before for the one before the next.
 */
export async function skipHandled(database: Database): Promise<void> {
  await database.transaction(async (tx) => {
    const relay = await tx.maybeOne(
      'events.lock-relay',
      sql<object>`select 1 from event_relay where partition = -1 for update skip locked`,
    );
    if (relay === undefined) return;
    await tx.execute(
      'events.skip-handled',
      sql`update event_relay r set transaction_id = slowest.transaction_id, position = slowest.position
          from (select transaction_id, position from event_offsets order by transaction_id, position limit 1) slowest,
               (select transaction_id, position from event_relay where partition = -1) relay
          where (relay.transaction_id, relay.position) < (slowest.transaction_id, slowest.position)`,
    );
  });
}
