import { type Database, type Queryable, sql } from '#platform/database';
import type { Clock } from '#shared/clock';
import { conflict, invalid, notFound } from '#shared/errors';
import { type EventKey, eventColumns, keyRow, partitionOf } from './event-key.ts';
import type { ReplayRange, Subscription } from './event-types.ts';
import { type OutboxEvent, retryInMs } from './failure-store.ts';
import type { Lane, LaneState } from './lane.ts';

type ReplayState = LaneState & { readonly from: Date; readonly to: Date | null; readonly types: readonly string[] };

/** True for events that the subscriber is past. What it is not past comes to it anyway. */
const isPassed = (subscriber: string) => sql<boolean>`(
  (transaction_id, position) <= (select o.transaction_id, o.position from event_offsets o where o.subscriber = ${subscriber})
  or exists (select 1 from event_partition_offsets p
             where p.subscriber = ${subscriber} and p.partition = ${partitionOf}
               and (p.transaction_id, p.position) >= (events.transaction_id, events.position)))`;

const isWanted = (subscriber: string, { from, to, types }: { from: Date; to: Date | null; types: readonly string[] }) => sql<boolean>`
  occurred_at >= ${from} and (${to}::timestamptz is null or occurred_at < ${to}) and type = any(${types}::text[]) and ${isPassed(subscriber)}`;

/** To be put into a select: whether a replay of the subscriber is under way. */
export const isReplaying = (subscriber: string) => sql<boolean>`exists (select 1 from event_replays where subscriber = ${subscriber})`;

/** See `Events.replay`. */
export async function requestReplay(database: Database, clock: Clock, subscriber: string, range: ReplayRange): Promise<number> {
  const { from, to = null } = range;
  if (to !== null && to <= from) throw invalid('The replay ends before it begins.', [{ path: '/to', message: 'must be after from' }]);
  return database.transaction(async (tx) => {
    const known = await tx.maybeOne<{ types: string[] }>(
      'events.find-subscriber',
      sql`select types from event_subscribers where subscriber = ${subscriber}`,
    );
    if (known === undefined) throw notFound('subscriber', subscriber);
    const types = (range.types ?? known.types).filter((type) => known.types.includes(type));
    if (types.length === 0) {
      throw invalid('The subscriber takes none of these types.', [{ path: '/types', message: `must be of ${known.types.join(', ')}` }]);
    }
    const added = await tx.execute(
      'events.add-replay',
      sql`insert into event_replays (subscriber, from_at, to_at, types, requested_at)
          values (${subscriber}, ${from}, ${to}, ${types}::text[], ${clock.now()}) on conflict do nothing`,
    );
    if (added === 0) throw conflict('replay_running', `A replay for "${subscriber}" is under way. Wait until it is done.`);
    const { count } = await tx.one<{ count: number }>(
      'events.count-replay',
      sql`select count(*) as count from events where ${isWanted(subscriber, { from, to, types })}`,
    );
    return count;
  });
}

async function endReplay(tx: Queryable, subscriber: string): Promise<void> {
  await tx.execute('events.end-replay', sql`delete from event_replays where subscriber = ${subscriber}`);
}

/** Hands out what a replay asks for, in one lane for all partitions, while new events wait. */
export function createReplayLane(subscription: Subscription): Lane<ReplayState> {
  const { subscriber } = subscription;
  return {
    subscription,
    partition: undefined,
    // The offset's row keeps out the handling of new events, in either driver.
    lock: async (tx) => {
      const locked = await tx.maybeOne(
        'events.lock-for-replay',
        sql<object>`select 1 from event_offsets where subscriber = ${subscriber} for update skip locked`,
      );
      if (locked === undefined) return undefined;
      const row = await tx.maybeOne<EventKey & { from: Date; to: Date | null; types: string[]; retryInMs: number | null }>(
        'events.find-replay',
        sql`select transaction_id::text as "transactionId", position, from_at as "from", to_at as "to", types,
                   ${retryInMs({ subscriber, partition: undefined })} as "retryInMs"
            from event_replays where subscriber = ${subscriber}`,
      );
      return row === undefined ? undefined : { ...row, offset: row, isReplaying: false };
    },
    async read(tx, state, limit) {
      const events = await tx.query<OutboxEvent>(
        'events.read-replay',
        sql`select ${eventColumns} from events
            where (transaction_id, position) > ${keyRow(state.offset)} and ${isWanted(subscriber, state)}
            order by transaction_id, position limit ${limit}`,
      );
      if (events.length === 0) await endReplay(tx, subscriber);
      return { events, upTo: events.at(-1), whenEmpty: 'look_again' };
    },
    async move(tx, { transactionId, position }) {
      await tx.execute(
        'events.move-replay',
        sql`update event_replays set transaction_id = ${transactionId}::xid8, position = ${position} where subscriber = ${subscriber}`,
      );
    },
  };
}
