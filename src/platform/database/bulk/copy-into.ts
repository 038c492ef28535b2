import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import pg from 'pg';
import { from as copyFrom } from 'pg-copy-streams';
import { AppError } from '#shared/errors';
import type { Database } from '../database.ts';
import { translateDatabaseError } from '../database-errors.ts';
import { summariseError } from '../monitor/error-summary.ts';
import { toCopyLine } from './copy-text.ts';

export type CopyTable = { readonly schema?: string; readonly name: string };

export type CopyOptions = {
  /** Of the whole copy, the time that the rows take to come included; an hour unless told. */
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal;
};

type Rows = AsyncIterable<readonly unknown[]> | Iterable<readonly unknown[]>;

const defaultTimeoutMs = 3_600_000;
const pieceLength = 65_536;
/** NAMEDATALEN − 1: PostgreSQL cuts off what is longer, and it might then be another's name. */
const maxNameBytes = 63;

/**
 * Writes rows into a table by COPY, the fastest way in, as they come: no more of them are taken than the server keeps up with.
 * All of them or none: the first faulty row ends it. Where single rows may be faulty there is `upsertInBatches`.
 *
 * @param rows values in the order of the columns
 * @returns the number of rows written
 * @throws AppError `copy_row_invalid` (422) with the number of the faulty row, from 0, and no value of it;
 *   `database_unavailable`; what `rows` throws; the signal's reason
 */
export async function copyInto(
  database: Pick<Database, 'withClient' | 'monitor'>,
  name: string,
  table: CopyTable,
  columns: readonly string[],
  rows: Rows,
  { timeoutMs = defaultTimeoutMs, signal }: CopyOptions = {},
): Promise<number> {
  const statement = `copy ${quoteTable(table)} (${columns.map(quoteName).join(', ')}) from stdin`;
  signal?.throwIfAborted();
  const started = performance.now();
  try {
    const count = await database.withClient(name, async (client) => {
      await client.query(`begin; set local statement_timeout = ${Math.ceil(timeoutMs)}`);
      try {
        // The driver's own limit on a statement is for short ones: later than the server's, it finds what is silent.
        const copy = Object.assign(copyFrom(statement), { query_timeout: timeoutMs + 10_000 });
        const lines = Readable.from(toPieces(rows, columns.length), { objectMode: true, highWaterMark: 1 });
        await pipeline(lines, client.query(copy), signal === undefined ? {} : { signal });
        await client.query('commit');
        return copy.rowCount;
      } catch (error) {
        await client.query('rollback');
        throw error;
      }
    });
    database.monitor.recordStream(name, performance.now() - started, count);
    return count;
  } catch (error) {
    database.monitor.recordStream(name, performance.now() - started, 0, error);
    throw signal?.aborted ? signal.reason : describeFailure(error);
  }
}

function quoteName(name: string): string {
  if (name === '' || name.includes('\0') || Buffer.byteLength(name) > maxNameBytes) {
    throw new AppError('invalid_identifier', 'The name of a table or column is empty, too long or not a name.');
  }
  return pg.escapeIdentifier(name);
}

function quoteTable({ schema, name }: CopyTable): string {
  return schema === undefined ? quoteName(name) : `${quoteName(schema)}.${quoteName(name)}`;
}

/** Lines together in pieces of some size: a message of the protocol for each row would cost more than the row. */
async function* toPieces(rows: Rows, columnCount: number): AsyncGenerator<Buffer, void, undefined> {
  let piece = '';
  let index = 0;
  for await (const row of rows) {
    if (row.length !== columnCount) {
      throw new AppError('copy_row_invalid', `Row ${index} has ${row.length} values for ${columnCount} columns. Nothing was written.`, {
        status: 422,
      });
    }
    piece += toCopyLine(row);
    index += 1;
    if (piece.length >= pieceLength) {
      yield Buffer.from(piece);
      piece = '';
    }
  }
  if (piece !== '') yield Buffer.from(piece);
}

/** The server says in which line it stopped, and repeats that line: only its number is told. */
function describeFailure(error: unknown): unknown {
  const translated = translateDatabaseError(error);
  if (!(translated instanceof pg.DatabaseError)) return translated;
  const [, line] = /^COPY [^\n]*?, line (\d+)/.exec(translated.where ?? '') ?? [];
  if (line === undefined || !/^2[23]/.test(translated.code ?? '')) return translated;
  const { code, message } = summariseError(translated);
  return new AppError('copy_row_invalid', `Row ${Number(line) - 1}: ${message} (${code}). Nothing was written.`, { status: 422 });
}
