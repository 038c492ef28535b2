import { type RawBuilder, sql } from 'kysely';
import type pg from 'pg';
import { compileStatement } from '../compile-statement.ts';
import type { Queryable } from '../database.ts';

export type ServerCursor<R> = {
  /** The next rows; fewer than `rowsPerChunk` are the last ones. */
  fetch(): Promise<R[]>;
  /**
   * Makes the server stop what it does for this cursor, by way of another connection. To be called when the cursor's own one
   * has been thrown away: then nobody else's statement can run there.
   */
  cancel(database: Pick<Queryable, 'execute'>): Promise<void>;
};

let opened = 0;

/**
 * Opens a cursor in a transaction that can write nothing; whoever lent the connection ends it.
 *
 * A cursor of SQL, not a portal of the protocol that is read in pieces: for the server and for the driver such a portal is one
 * statement from its first row to its last, to which their time limits apply as a whole, the reader's own time included. Here each
 * fetch is a statement of its own.
 */
export async function openServerCursor<R extends object>(
  client: pg.PoolClient,
  statement: RawBuilder<R>,
  rowsPerChunk: number,
): Promise<ServerCursor<R>> {
  const { text, values } = compileStatement(statement);
  opened += 1;
  const name = `chunks_${process.pid}_${opened}`;
  const fetchText = `fetch forward ${rowsPerChunk} from ${name}`;
  // All rows are wanted: by default the plan would be one that has the first tenth of them soon.
  await client.query('begin read only; set local cursor_tuple_fraction = 1');
  // Not the driver's `processID`, which behind PgBouncer is no backend.
  const { rows } = await client.query<{ pid: number }>('select pg_backend_pid() as pid');
  const pid = rows[0]?.pid ?? 0;
  await client.query(`declare ${name} no scroll cursor for ${text}`, values);
  return {
    fetch: async () => (await client.query<R>(fetchText)).rows,
    async cancel(database) {
      await database.execute(
        'chunks.cancel',
        sql`select pg_cancel_backend(pid) from pg_stat_activity where pid = ${pid} and query = ${fetchText} and state = 'active'`,
      );
    },
  };
}
