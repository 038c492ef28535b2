/**
 * Events that a handler failed on, by subscriber. The events of one aggregate stand in a line, in the order of their keys:
 *
 *     (fails) ──▶ retrying ──(last try)──▶ dead ──(redriven)──▶ retrying
 *                    │                       └──(discarded)──▶ gone
 *                    └──(handled)──▶ gone
 *     later events of the aggregate: waiting ──(those before are gone)──▶ retrying, due at once
 *
 * Only who holds the lock of the subscriber's lane adds to a line or takes from its head; redriving and discarding change
 * states only, and never let one overtake another.
 */
import { type Queryable, sql, type Transaction } from '#platform/database';
import { type EventKey, eventColumns, partitionOf } from './event-key.ts';
import type { DeadLetter, DeadLetterFilter, StoredEvent } from './event-types.ts';

export type OutboxEvent = StoredEvent & EventKey;

export type FailedEvent = OutboxEvent & { readonly attempts: number };

export type Line = { readonly subscriber: string /** Undefined: of all partitions. */; readonly partition: number | undefined };

const isOf = ({ subscriber, partition }: Line) =>
  partition === undefined ? sql`subscriber = ${subscriber}` : sql`subscriber = ${subscriber} and ${partitionOf} = ${partition}`;

/** Milliseconds until the next try is due, 0 or less when it is; null when none is waited for. To be put into a select. */
export const retryInMs = (line: Line) => sql<number | null>`
  (select (extract(epoch from min(next_attempt_at) - clock_timestamp()) * 1000)::float8
   from event_failures where ${isOf(line)} and state = 'retrying')`;

/**
 * Those of the aggregates that have failed events: later ones must wait behind them. The rows are locked, so that nobody
 * discards the last of a line while another is put behind it.
 */
export async function findBlockedAggregates(tx: Queryable, subscriber: string, aggregateIds: readonly string[]): Promise<Set<string>> {
  const rows = await tx.query<{ aggregateId: string }>(
    'events.find-blocked',
    sql`select aggregate_id as "aggregateId" from event_failures
        where subscriber = ${subscriber} and aggregate_id = any(${aggregateIds}::text[]) for share`,
  );
  return new Set(rows.map(({ aggregateId }) => aggregateId));
}

async function insertFailure(
  tx: Queryable,
  subscriber: string,
  event: OutboxEvent,
  failure: { readonly state: 'retrying' | 'waiting' | 'dead'; readonly attempts: number; readonly error: string | null; delayMs: number },
): Promise<void> {
  // What is replayed may stand here already: then it comes in its turn.
  await tx.execute(
    'events.add-failure',
    sql`insert into event_failures
          (subscriber, id, transaction_id, position, type, aggregate_id, payload, occurred_at, state, attempts, error, next_attempt_at)
        values (${subscriber}, ${event.id}, ${event.transactionId}::xid8, ${event.position}, ${event.type}, ${event.aggregateId},
          ${JSON.stringify(event.payload)}::jsonb, ${event.occurredAt}, ${failure.state}, ${failure.attempts}, ${failure.error},
          ${dueIn(failure.state, failure.delayMs)})
        on conflict do nothing`,
  );
}

const dueIn = (state: string, delayMs: number) =>
  state === 'retrying' ? sql`clock_timestamp() + ${delayMs} * interval '1 millisecond'` : sql`null::timestamptz`;

export async function addWaiting(tx: Queryable, subscriber: string, event: OutboxEvent): Promise<void> {
  await insertFailure(tx, subscriber, event, { state: 'waiting', attempts: 0, error: null, delayMs: 0 });
}

export async function addFailed(
  tx: Queryable,
  subscriber: string,
  event: OutboxEvent,
  failure: { readonly isDead: boolean; readonly error: string; readonly delayMs: number },
): Promise<void> {
  const { isDead, error, delayMs } = failure;
  await insertFailure(tx, subscriber, event, { state: isDead ? 'dead' : 'retrying', attempts: 1, error, delayMs });
}

/** The event whose next try is due, locked. */
export function takeDueFailure(tx: Transaction, line: Line): Promise<FailedEvent | undefined> {
  return tx.maybeOne<FailedEvent>(
    'events.take-failure',
    sql`select ${eventColumns}, attempts from event_failures
        where ${isOf(line)} and state = 'retrying' and next_attempt_at <= clock_timestamp()
        order by next_attempt_at limit 1 for update`,
  );
}

export async function updateFailed(
  tx: Queryable,
  subscriber: string,
  event: FailedEvent,
  failure: { readonly isDead: boolean; readonly error: string; readonly delayMs: number },
): Promise<void> {
  const state = failure.isDead ? 'dead' : 'retrying';
  await tx.execute(
    'events.update-failure',
    sql`update event_failures
        set state = ${state}, attempts = attempts + 1, error = ${failure.error}, failed_at = now(),
            next_attempt_at = ${dueIn(state, failure.delayMs)}
        where subscriber = ${subscriber} and id = ${event.id} and state = 'retrying' and attempts = ${event.attempts}`,
  );
}

/** Takes the event out of its line and lets the next one come. */
export async function removeFailure(tx: Queryable, subscriber: string, event: { readonly id: string; readonly aggregateId: string }) {
  await tx.execute('events.remove-failure', sql`delete from event_failures where subscriber = ${subscriber} and id = ${event.id}`);
  await tx.execute(
    'events.advance-line',
    sql`update event_failures set state = 'retrying', next_attempt_at = clock_timestamp()
        where subscriber = ${subscriber} and state = 'waiting' and id = (
          select id from event_failures where subscriber = ${subscriber} and aggregate_id = ${event.aggregateId}
          order by transaction_id, position limit 1)`,
  );
}

const matches = ({ subscriber, id }: DeadLetterFilter) => sql`
  state = 'dead' and (${subscriber ?? null}::text is null or subscriber = ${subscriber ?? null})
  and (${id ?? null}::uuid is null or id = ${id ?? null}::uuid)`;

export function listDeadLetters(database: Queryable, filter: DeadLetterFilter & { readonly limit: number }): Promise<DeadLetter[]> {
  return database.query<DeadLetter>(
    'events.list-dead-letters',
    sql`select subscriber, id, type, aggregate_id as "aggregateId", payload, occurred_at as "occurredAt", attempts,
               coalesce(error, '') as error, failed_at as "failedAt",
               (select count(*) from event_failures w
                where w.subscriber = f.subscriber and w.aggregate_id = f.aggregate_id and w.state = 'waiting') as "waitingBehind"
        from event_failures f where ${matches(filter)}
        order by failed_at desc, id desc limit ${filter.limit}`,
  );
}

/**
 * All events of the aggregates concerned line up anew: the oldest is tried at once, the others wait. So the order holds
 * also where a replay has put older events behind a dead one.
 */
export async function redriveDeadLetters(database: Queryable, filter: DeadLetterFilter): Promise<number> {
  const { count } = await database.one<{ count: number }>(
    'events.redrive',
    sql`with dead as (select subscriber, aggregate_id, id from event_failures where ${matches(filter)}),
        line as (
          select f.subscriber, f.id, row_number() over (partition by f.subscriber, f.aggregate_id order by f.transaction_id, f.position) as place
          from event_failures f
          where (f.subscriber, f.aggregate_id) in (select subscriber, aggregate_id from dead)),
        lined_up as (
          update event_failures f
          set state = case when line.place = 1 then 'retrying' else 'waiting' end, attempts = 0,
              next_attempt_at = case when line.place = 1 then clock_timestamp() end
          from line where f.subscriber = line.subscriber and f.id = line.id)
        select count(*) as count from dead`,
  );
  return count;
}

export async function discardDeadLetter(tx: Transaction, subscriber: string, id: string): Promise<boolean> {
  const found = await tx.maybeOne<{ aggregateId: string }>(
    'events.find-dead-letter',
    sql`select aggregate_id as "aggregateId" from event_failures
        where subscriber = ${subscriber} and id = ${id}::uuid and state = 'dead' for update`,
  );
  if (found === undefined) return false;
  await removeFailure(tx, subscriber, { id, aggregateId: found.aggregateId });
  return true;
}
