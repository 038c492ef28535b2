import { setTimeout as delay } from 'node:timers/promises';
import type { RawBuilder } from 'kysely';
import type { Database } from '../database.ts';
import { translateDatabaseError } from '../database-errors.ts';
import { openServerCursor, type ServerCursor } from './server-cursor.ts';

export type ChunkOptions = {
  /** Rows a chunk; 1000 unless told. Two chunks are in memory at a time. */
  readonly rowsPerChunk?: number;
  /** Ends the reading with its reason. */
  readonly signal?: AbortSignal;
};

const defaultRowsPerChunk = 1000;
/** A connection that is not quiet after this is thrown away rather than waited for. */
const quietWithinMs = 1000;

/**
 * The rows of a statement, in chunks, by a cursor of the server: memory is bound by the size of a chunk, whatever the number
 * of rows. While a chunk is worked on, the next one is read; nothing is read ahead of that. The whole reading is one snapshot, in
 * a transaction that can write nothing, so that it also holds behind PgBouncer in transaction mode. Leaving the loop early closes
 * the cursor and gives the connection back.
 *
 * A chunk has to be worked on within the server's limit on idle transactions, else the reading fails; and while it goes on it
 * holds a connection, and keeps vacuum from what was deleted since. What may take many minutes is for `readByKeyset`.
 *
 * @throws AppError `database_unavailable`; the driver's own error when the statement is wrong; the signal's reason
 */
export async function* readInChunks<R extends object>(
  database: Pick<Database, 'withClient' | 'execute' | 'monitor'>,
  name: string,
  statement: RawBuilder<R>,
  { rowsPerChunk = defaultRowsPerChunk, signal }: ChunkOptions = {},
): AsyncGenerator<R[], void, undefined> {
  signal?.throwIfAborted();
  const reading = lendCursor(database, name, statement, rowsPerChunk);
  let waitedMs = 0;
  let rowCount = 0;
  let failure: unknown;
  const timed = async <T>(work: Promise<T>): Promise<T> => {
    const started = performance.now();
    try {
      return await untilAborted(work, signal);
    } finally {
      waitedMs += performance.now() - started;
    }
  };
  try {
    const cursor = await timed(reading.cursor);
    for (let next: Promise<R[]> | undefined = reading.track(cursor.fetch()); next !== undefined; ) {
      const rows: R[] = await timed(next);
      next = rows.length < rowsPerChunk ? undefined : reading.track(cursor.fetch());
      rowCount += rows.length;
      if (rows.length > 0) yield rows;
    }
  } catch (error) {
    failure = translateDatabaseError(error);
    throw failure;
  } finally {
    await reading.giveBack();
    database.monitor.recordStream(name, waitedMs, rowCount, failure);
  }
}

const ignore = () => undefined;

/** The cursor lives inside `withClient`, whose work ends when the reader says so. */
function lendCursor<R extends object>(
  database: Pick<Database, 'withClient' | 'execute'>,
  name: string,
  statement: RawBuilder<R>,
  rowsPerChunk: number,
) {
  const opened = Promise.withResolvers<ServerCursor<R>>();
  const finished = Promise.withResolvers<void>();
  // Read ahead, a chunk may fail before anybody waits for it; a reader that is gone waits for nothing.
  opened.promise.catch(ignore);
  finished.promise.catch(ignore);
  let lastFetch: Promise<unknown> = opened.promise;
  let isLeft = false;
  const lending = database.withClient(name, async (client) => {
    if (isLeft) return;
    opened.resolve(await openServerCursor(client, statement, rowsPerChunk));
    await finished.promise;
    await client.query('rollback');
  });
  lending.catch(opened.reject);

  /** The server would go on for a reader that is gone, until its own limit ends the statement. */
  async function stopLeftBehind(): Promise<void> {
    isLeft = true;
    finished.reject(new Error('The reader left while the server worked for it.'));
    await lending.catch(ignore);
    const cursor = await Promise.race([opened.promise, Promise.resolve(undefined)]);
    await cursor?.cancel(database);
  }

  return {
    cursor: opened.promise,
    track(fetch: Promise<R[]>): Promise<R[]> {
      fetch.catch(ignore);
      lastFetch = fetch;
      return fetch;
    },
    async giveBack(): Promise<void> {
      const isQuiet = await Promise.race([
        lastFetch.then(
          () => true,
          () => true,
        ),
        delay(quietWithinMs, false, { ref: false }),
      ]);
      if (isQuiet) {
        finished.resolve();
        // The reader has its own failure, or none: a connection that was lost is thrown away.
        await lending.catch(ignore);
      } else {
        // Not waited for: it takes as long as the server does. What fails in it the statement's time limit ends.
        void stopLeftBehind().catch(ignore);
      }
    },
  };
}

async function untilAborted<T>(work: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return await work;
  const aborted = Promise.withResolvers<never>();
  const onAbort = () => aborted.reject(signal.reason);
  signal.addEventListener('abort', onAbort, { once: true });
  try {
    signal.throwIfAborted();
    return await Promise.race([work, aborted.promise]);
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
}
