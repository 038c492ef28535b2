import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { createDatabase, type Database, sql, storeSessionSettings } from '#platform/database';
import { createJobs, defineJob, registerJob } from '#platform/jobs';
import { createMetrics } from '#platform/telemetry';
import { AppError } from '#shared/errors';
import { type PgBouncer, pgbouncer, startPgBouncer } from '../../../tests/support/pgbouncer.ts';
import { reasonToSkip } from '../../../tests/support/programs.ts';
import { createTestContext, type TestContext } from '../../../tests/support/test-context.ts';
import { waitFor } from '../../../tests/support/wait-for.ts';

const settings = { statementTimeoutMs: 1500, lockTimeoutMs: 1200, idleInTransactionTimeoutMs: 90_000, workMemMb: 48, isJitOn: false };

describe('behind PgBouncer in transaction mode', { skip: reasonToSkip(pgbouncer) }, () => {
  let context: TestContext;
  let pooler: PgBouncer;
  let database: Database;

  before(async () => {
    context = await createTestContext();
    await storeSessionSettings(context.databaseUrl, settings);
    pooler = await startPgBouncer(context.databaseUrl);
    database = createDatabase({
      ...{ url: pooler.url, directUrl: context.databaseUrl, isPooled: true, applicationName: 'behind-pooler', maxConnections: 4 },
      ...{ logger: context.logger, metrics: createMetrics('test'), ...settings },
    });
    await database.execute('notes.create', sql`create table notes (id int)`);
  });
  after(async () => {
    await database.close();
    await pooler.stop();
    await context.close();
  });

  test('the settings hold for every statement, alone or in a transaction', async () => {
    const read = sql<{ name: string; setting: string }>`
      select name, setting from pg_settings
      where name in ('statement_timeout', 'lock_timeout', 'idle_in_transaction_session_timeout', 'work_mem', 'jit') order by name`;
    const wanted = {
      idle_in_transaction_session_timeout: '90000',
      jit: 'off',
      lock_timeout: '1200',
      statement_timeout: '1500',
      work_mem: String(48 * 1024),
    };
    const asObject = (rows: { name: string; setting: string }[]) => Object.fromEntries(rows.map(({ name, setting }) => [name, setting]));
    assert.deepEqual(asObject(await database.query('settings.read', read)), wanted);
    assert.deepEqual(asObject(await database.transaction((tx) => tx.query('settings.read', read))), wanted);
    await assert.rejects(database.query('health.sleep', sql<object>`select pg_sleep(600)`), /statement timeout/);
  });

  test('the server knows who asks', async () => {
    const row = await database.one<{ name: string }>('who', sql`select current_setting('application_name') as name`);
    assert.equal(row.name, 'behind-pooler');
  });

  test('storing the settings again changes nothing, other values do', async () => {
    await storeSessionSettings(context.databaseUrl, { ...settings, workMemMb: 32 });
    await storeSessionSettings(context.databaseUrl, settings);
    await storeSessionSettings(context.databaseUrl, settings);
    const rows = await context.database.query<{ setting: string }>(
      'settings.stored',
      sql`select unnest(setconfig) as setting from pg_db_role_setting
          where setdatabase = (select oid from pg_database where datname = current_database())`,
    );
    assert.deepEqual(rows.map(({ setting }) => setting).sort(), [
      'idle_in_transaction_session_timeout=90000ms',
      'jit=off',
      'lock_timeout=1200ms',
      'statement_timeout=1500ms',
      'work_mem=48MB',
    ]);
  });

  test('more transactions than the pooler has connections all commit', async () => {
    await Promise.all(
      Array.from({ length: 60 }, (_, id) =>
        database.transaction(async (tx) => {
          await tx.execute('notes.add', sql`insert into notes values (${id})`);
          await tx.query('notes.read', sql<object>`select id from notes where id = ${id}`);
        }),
      ),
    );
    const { count } = await database.one<{ count: number }>('notes.count', sql`select count(*) as count from notes`);
    assert.equal(count, 60);
  });

  test('jobs run, and are heard of at once by the direct way', async () => {
    const job = defineJob<{ value: number }>('behind-pooler');
    const jobs = await createJobs({ database, isSupervisor: true, logger: context.logger, metrics: createMetrics('test') });
    const seen: number[] = [];
    await jobs.prepare([job]);
    await jobs.work([registerJob(job, async ({ value }) => void seen.push(value))]);
    await database.transaction((tx) => jobs.send(tx, job, { value: 3 }));
    await waitFor('the job', () => seen.length > 0);
    assert.deepEqual(seen, [3]);
    await jobs.stop(5000);
  });

  test('notifications arrive', async () => {
    const heard: string[] = [];
    const listener = await database.listen('pooled', (payload) => void heard.push(payload));
    await database.query('notify', sql<object>`select pg_notify('pooled', 'hello')`);
    await waitFor('the notification', () => heard.includes('hello'));
    await listener.close();
  });

  test('when it is restarted what runs fails as an outage, and the next statements go through', async () => {
    const running = database.transaction(async (tx) => {
      await tx.execute('notes.add', sql`insert into notes values (1000)`);
      await pooler.kill();
      await tx.execute('notes.add', sql`insert into notes values (1001)`);
    });
    const isOutage = (error: unknown) => error instanceof AppError && error.code === 'database_unavailable';
    await assert.rejects(running, isOutage);
    await assert.rejects(database.query('notes.count', sql<object>`select count(*) from notes`), isOutage);
    await pooler.start();
    const ids = sql<{ id: number }>`select id from notes where id >= 1000`;
    assert.deepEqual(await database.query('notes.read', ids), [], 'nothing of the transaction was kept');
  });
});
