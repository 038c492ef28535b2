import pg from 'pg';
import { type Database, sql } from '#platform/database';
import { waitFor } from './wait-for.ts';

/** A place in the database at which whoever comes by is held, in the middle of a transaction. */
export type DatabaseHold = {
  /** Resolves when so many connections are held. */
  reached(connections?: number): Promise<void>;
  /** Lets go, and holds nobody from here on. */
  release(): Promise<void>;
  /** Ends the held with their connections, as the end of their machine would, and holds nobody from here on. */
  abandon(): Promise<void>;
};

let lastKey = 7000;

/**
 * Holds each transaction that writes a row of the table for which the condition over `new` and `old` is met.
 * @param change such as `update of rows_done`
 */
export async function holdAt(
  { database, databaseUrl }: { readonly database: Database; readonly databaseUrl: string },
  { table, change, when }: { readonly table: string; readonly change: string; readonly when: string },
): Promise<DatabaseHold> {
  const key = ++lastKey;
  const holder = new pg.Client({ connectionString: databaseUrl });
  // Ends with the database when a test fails before it lets go.
  holder.on('error', () => undefined);
  await holder.connect();
  await holder.query(`select pg_advisory_lock(${key})`);
  await holder.query(`create function test_hold_${key}() returns trigger language plpgsql
    as 'begin perform pg_advisory_xact_lock_shared(${key}); return null; end'`);
  await holder.query(
    `create trigger test_hold_${key} after ${change} on ${table} for each row when (${when}) execute function test_hold_${key}()`,
  );
  // A database under test is one of several on its server.
  const held = sql`select pid from pg_locks where locktype = 'advisory' and objid = ${key}::int::oid and not granted
    and database = (select oid from pg_database where datname = current_database())`;
  const release = async () => {
    await holder.query(`select pg_advisory_unlock(${key})`);
    await holder.end();
  };
  return {
    release,
    async reached(connections = 1) {
      await waitFor(`${connections} transactions that are held`, async () => {
        const found = await database.query('test.find-held', sql<object>`${held}`);
        return found.length >= connections;
      });
    },
    async abandon() {
      await database.query('test.end-held', sql<object>`select pg_terminate_backend(pid, 10000) from (${held}) as held`);
      await release();
    },
  };
}
