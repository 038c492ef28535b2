import pg from 'pg';

// Any constant: it only has to be the same in every process that migrates.
const advisoryLockKey = 7_209_114_533;
const connectTimeoutMs = 10_000;

/** Processes that change the schema or its settings at once wait for one another. Needs the server itself: no pooler keeps such a lock. */
export async function withMigrationLock<T>(url: string, work: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client({ connectionString: url, application_name: 'aquascene-migrate', connectionTimeoutMillis: connectTimeoutMs });
  // A connection that is lost fails the statement that runs; unheard, the event would end the process besides.
  client.on('error', () => undefined);
  await client.connect();
  try {
    // An index over many rows takes longer than any statement of a request may: stored limits are none for migrations.
    await client.query('set statement_timeout = 0; set lock_timeout = 0; set idle_in_transaction_session_timeout = 0');
    await client.query('select pg_advisory_lock($1)', [advisoryLockKey]);
    return await work(client);
  } finally {
    await client.end();
  }
}
