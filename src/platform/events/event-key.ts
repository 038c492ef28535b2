import { sql } from '#platform/database';

/**
 * Where an event stands in the outbox, and its id in a Redis stream. Keys grow in the order in which events may be read:
 * by transaction, then by position. 64-bit numbers: the transaction's is kept as text.
 */
export type EventKey = { readonly transactionId: string; readonly position: number };

/** Partitions of the Redis driver. A constant: offsets are kept by it. */
export const partitionCount = 8;

/** The partition of an aggregate, the same on every server: 0 to 7. */
export const partitionOf = sql<number>`(get_byte(sha256(convert_to(aggregate_id, 'UTF8')), 0) & 7)`;

export function compareKeys(a: EventKey, b: EventKey): number {
  if (a.transactionId !== b.transactionId) return BigInt(a.transactionId) < BigInt(b.transactionId) ? -1 : 1;
  return a.position - b.position;
}

export const laterKey = <K extends EventKey>(a: K, b: K): K => (compareKeys(a, b) >= 0 ? a : b);

/** As the id of a stream's entry. */
export const formatKey = ({ transactionId, position }: EventKey): string => `${transactionId}-${position}`;

export function parseKey(text: string): EventKey {
  const [transactionId = '0', position = '0'] = text.split('-');
  return { transactionId, position: Number(position) };
}

/** The key as a row value of SQL. */
export const keyRow = ({ transactionId, position }: EventKey) => sql`(${transactionId}::xid8, ${position}::bigint)`;

/** Columns of `events` (or of a copy) in the shape of `OutboxEvent`. */
export const eventColumns = sql`
  id, position, transaction_id::text as "transactionId", type, aggregate_id as "aggregateId", payload, occurred_at as "occurredAt"`;

/** True for events of transactions that are older than every running one: no commit can come before them any more. */
export const isSettled = sql<boolean>`transaction_id < pg_snapshot_xmin(pg_current_snapshot())`;
