import assert from 'node:assert/strict';
import { after, afterEach, before, describe, test } from 'node:test';
import { pino } from 'pino';
import { createDatabase, type Database, type DatabaseOptions, sql } from '#platform/database';
import { createMetrics } from '#platform/telemetry';
import { AppError } from '#shared/errors';
import { createTestContext, type TestContext } from '../../../tests/support/test-context.ts';
import { waitFor } from '../../../tests/support/wait-for.ts';

type Line = { readonly msg: string; readonly statement?: string; readonly takenAt?: readonly string[] };

describe('connections', () => {
  let context: TestContext;
  const opened: Database[] = [];
  const lines: Line[] = [];
  const logger = pino({ level: 'warn' }, { write: (line: string) => void lines.push(JSON.parse(line) as Line) });

  function open(options: Partial<DatabaseOptions> = {}): Database {
    const database = createDatabase({
      ...{ url: context.databaseUrl, applicationName: 'connections', maxConnections: 4, logger, metrics: createMetrics('test') },
      ...options,
    });
    opened.push(database);
    return database;
  }
  const pidOf = async (database: Database) => (await database.one<{ pid: number }>('pid', sql`select pg_backend_pid() as pid`)).pid;

  before(async () => {
    context = await createTestContext();
  });
  afterEach(async () => {
    await Promise.all(opened.splice(0).map((database) => database.close()));
    lines.length = 0;
  });
  after(() => context.close());

  test('what is set is what holds', async () => {
    const database = open({ statementTimeoutMs: 31_000, workMemMb: 17 });
    const rows = await database.query<{ name: string; setting: string }>(
      'settings',
      sql`select name, setting from pg_settings where name in ('statement_timeout', 'lock_timeout',
          'idle_in_transaction_session_timeout', 'work_mem', 'jit', 'application_name')`,
    );
    assert.deepEqual(Object.fromEntries(rows.map(({ name, setting }) => [name, setting])), {
      statement_timeout: '31000',
      lock_timeout: '10000',
      idle_in_transaction_session_timeout: '300000',
      work_mem: String(17 * 1024),
      jit: 'off',
      application_name: 'connections',
    });
  });

  test('a connection that the server ended while it idled is replaced unseen', async () => {
    const database = open({ checkAfterIdleMs: 0 });
    for (let round = 0; round < 10; round += 1) {
      const pid = await pidOf(database);
      await context.database.query('end', sql<object>`select pg_terminate_backend(${pid})`);
      assert.notEqual(await pidOf(database), pid);
    }
  });

  test('connections that died without a word are replaced unseen, all of them at the first that is noticed', async () => {
    const database = open({ checkAfterIdleMs: 0 });
    const sleeps = Array.from({ length: 4 }, () =>
      database.one<{ pid: number }>('pid', sql`select pg_backend_pid() as pid, pg_sleep(0.1)`),
    );
    const pids = (await Promise.all(sleeps)).map(({ pid }) => pid);
    assert.equal(new Set(pids).size, 4);
    for (const pid of pids) process.kill(pid, 'SIGSTOP');
    try {
      assert.ok(!pids.includes(await pidOf(database)));
      assert.equal(database.poolFigures().total, 1);
    } finally {
      for (const pid of pids) process.kill(pid, 'SIGCONT');
    }
  });

  test('whoever finds no free connection in time is told so, and when to come again', async () => {
    const database = open({ maxConnections: 1, acquireTimeoutMs: 100 });
    // The time is short for making one, too.
    await waitFor('a connection', () => pidOf(database).catch(() => undefined));
    await database.transaction(async () => {
      await assert.rejects(database.query('second', sql<object>`select 1`), (error: unknown) => {
        assert.ok(error instanceof AppError);
        assert.deepEqual([error.code, error.status, error.retryAfterSeconds], ['database_busy', 503, 5]);
        return true;
      });
      await assert.rejects(database.query('third', sql<object>`select 1`), /Too many requests/);
    });
    assert.equal(lines.filter(({ msg }) => msg.startsWith('every connection to the database is in use')).length, 1, 'said once');
    await database.query('fourth', sql<object>`select 1`);
  });

  test('a connection that is held for long is logged once, with where it was taken and what ran last', async () => {
    const database = open({ heldWarningMs: 40 });
    await database.transaction(async function holdTheConnection(tx) {
      await tx.query('held.read', sql<object>`select 1`);
      await waitFor('the warning', () => lines.length > 0);
    });
    await database.query('held.slow', sql<object>`select pg_sleep(0.5)`);
    await waitFor('the second warning', () => lines.length > 1);
    const [held, slow] = lines;
    assert.equal(held?.msg, 'a database connection is held for long');
    assert.match(held?.statement ?? '', /^(begin|held\.read)$/);
    assert.match((held?.takenAt ?? []).join('\n'), /connections\.db\.test\.ts/);
    assert.equal(slow?.statement, 'held.slow');
    assert.equal(lines.length, 2);
  });

  test('the base stays open, what is beyond it goes when nobody needs it', async () => {
    const database = open({ baseConnections: 2, idleTimeoutMs: 50 });
    await Promise.all(Array.from({ length: 4 }, () => database.query('sleep', sql<object>`select pg_sleep(0.1)`)));
    await waitFor('the burst to be over', () => database.poolFigures().total === 2);
    await database.query('ask', sql<object>`select 1`);
    assert.equal(database.poolFigures().total, 2);
  });

  test('a connection past its lifetime is retired', async () => {
    const database = open({ connectionLifetimeS: 0.05 });
    const pid = await pidOf(database);
    await waitFor('another connection', async () => (await pidOf(database)) !== pid);
  });

  test("what work leaves open on the driver's own connection is thrown away with it", async () => {
    const database = open({ maxConnections: 1 });
    const pid = await pidOf(database);
    await database.withClient('open.transaction', async (client) => void (await client.query('begin')));
    assert.notEqual(await pidOf(database), pid);
    const second = await pidOf(database);
    await assert.rejects(
      database.withClient('failing.work', async () => {
        throw new Error('in the middle');
      }),
      /in the middle/,
    );
    assert.notEqual(await pidOf(database), second);
    const third = await pidOf(database);
    assert.equal(await database.withClient('sound.work', async (client) => (await client.query('select 5 as n')).rows[0].n), 5);
    assert.equal(await pidOf(database), third);
  });

  test('a transaction in which a statement failed is no success, whatever became of its error', async () => {
    const database = open();
    await assert.rejects(
      database.transaction(async (tx) => {
        await tx.query('broken', sql<object>`select 1 / 0`).catch(() => undefined);
      }),
      (error: unknown) => error instanceof AppError && error.code === 'transaction_aborted',
    );
  });
});
