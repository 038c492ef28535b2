import { type RawBuilder, sql } from 'kysely';
import pg from 'pg';
import { AppError } from '#shared/errors';
import type { Database, Transaction } from '../database.ts';
import { translateDatabaseError } from '../database-errors.ts';
import { type ErrorSummary, summariseError } from '../monitor/error-summary.ts';

/** Code and message hold no value of the row. */
export type RowFailure = ErrorSummary & {
  /** Place in the input, from 0. */
  readonly row: number;
};

export type BulkResult = {
  /** Rows that were taken from the input: written, unchanged or failed. */
  readonly taken: number;
  /** Rows that the statements say they changed: one that was there already may be none. */
  readonly written: number;
  readonly failedCount: number;
  /** The first of the failures, in the order of the input. */
  readonly failed: readonly RowFailure[];
};

export type BatchOptions<R> = {
  readonly rows: AsyncIterable<R> | Iterable<R>;
  /**
   * One statement for any number of rows, each row by itself: `insert … select … from unnest($1::uuid[], $2::text[]) …
   * on conflict …`. Called again with parts of a batch when that has a faulty row.
   */
  readonly toStatement: (rows: readonly R[]) => RawBuilder<unknown>;
  /** Rows a statement and a transaction; 500 unless told. */
  readonly batchRows?: number;
  /** Of the failures this many are kept, all are counted; 100 unless told. */
  readonly maxFailures?: number;
  readonly signal?: AbortSignal;
};

/** The writing ended before the end of its input; the batches before are committed. */
export class BulkInterrupted extends AppError {
  readonly result: BulkResult;

  constructor(result: BulkResult, cause: unknown) {
    const known = cause instanceof AppError ? cause : undefined;
    super('bulk_interrupted', `After ${result.taken} rows the writing ended: ${known?.message ?? summariseError(cause).message}`, {
      status: known?.status ?? 500,
      retryable: known?.retryable ?? false,
      ...(known?.retryAfterSeconds !== undefined && { retryAfterSeconds: known.retryAfterSeconds }),
      cause,
    });
    this.name = 'BulkInterrupted';
    this.result = result;
  }
}

const defaultBatchRows = 500;
const defaultMaxFailures = 100;

/**
 * Failures that a row has by itself: data (22), constraints (23), a view's check (44), limits such as an index entry's size
 * (54), exceptions of triggers (P0); and 21000, when an upsert meets the same key twice in one statement: apart, both go.
 */
const rowFaultClasses = new Set(['21', '22', '23', '44', '54', 'P0']);

const isRowFault = (error: unknown): boolean => error instanceof pg.DatabaseError && rowFaultClasses.has((error.code ?? '').slice(0, 2));

/**
 * Writes any number of rows in batches, each a transaction with one statement. A batch that has a faulty row is halved until
 * the faulty ones stand alone: they are reported, the others are written. So k faulty rows of n cost about k · log₂ n statements
 * more. Batches commit one by one, in the order of the input.
 *
 * @throws BulkInterrupted for what no row is to blame for (an outage, a statement that is wrong): says what was done so far.
 *   What `rows` throws and the signal's reason are its `cause`.
 */
export async function upsertInBatches<R>(
  database: Pick<Database, 'transaction'>,
  name: string,
  { rows, toStatement, batchRows = defaultBatchRows, maxFailures = defaultMaxFailures, signal }: BatchOptions<R>,
): Promise<BulkResult> {
  const failed: RowFailure[] = [];
  let taken = 0;
  let written = 0;
  let failedCount = 0;
  let batch: R[] = [];

  async function flush(): Promise<void> {
    const full = batch;
    batch = [];
    if (full.length === 0) return;
    signal?.throwIfAborted();
    const outcome = await database.transaction((transaction) => writeBatch(transaction, name, full, toStatement));
    for (const { row, ...summary } of outcome.failures) {
      if (failed.length < maxFailures) failed.push({ row: taken + row, ...summary });
    }
    taken += full.length;
    written += outcome.written;
    failedCount += outcome.failures.length;
  }

  try {
    for await (const row of rows) {
      batch.push(row);
      if (batch.length >= batchRows) await flush();
    }
    await flush();
    return { taken, written, failedCount, failed };
  } catch (error) {
    throw new BulkInterrupted({ taken, written, failedCount, failed }, translateDatabaseError(error));
  }
}

type BatchOutcome = { written: number; readonly failures: RowFailure[] };

async function writeBatch<R>(
  transaction: Transaction,
  name: string,
  rows: readonly R[],
  toStatement: (rows: readonly R[]) => RawBuilder<unknown>,
): Promise<BatchOutcome> {
  const outcome: BatchOutcome = { written: 0, failures: [] };
  // A constraint that waited for the commit would fail the batch when no row can be blamed any more.
  await transaction.execute(`${name}.check-at-once`, sql`set constraints all immediate`);

  async function write(from: number, to: number): Promise<void> {
    const isWritten = await attempt(rows.slice(from, to), from);
    if (isWritten || to - from === 1) return;
    const middle = Math.ceil((from + to) / 2);
    await write(from, middle);
    await write(middle, to);
  }

  /** False when a row of the part is faulty; a single one is noted. */
  async function attempt(part: readonly R[], from: number): Promise<boolean> {
    await transaction.executeSql('savepoint part');
    try {
      outcome.written += await transaction.execute(name, toStatement(part));
      await transaction.executeSql('release savepoint part');
      return true;
    } catch (error) {
      if (!isRowFault(error)) throw error;
      await transaction.executeSql('rollback to savepoint part; release savepoint part');
      if (part.length === 1) outcome.failures.push({ row: from, ...summariseError(error) });
      return false;
    }
  }

  await write(0, rows.length);
  return outcome;
}
