import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { createDatabase, type Database, sql } from '#platform/database';
import { AppError } from '#shared/errors';
import { startTcpProxy, type TcpProxy } from '../../../tests/support/tcp-proxy.ts';
import { createTestContext, type TestContext } from '../../../tests/support/test-context.ts';
import { waitFor } from '../../../tests/support/wait-for.ts';

// The watch gives up after 8 s at the latest; what is above it is for a machine that is busy.
const limitMs = 20_000;
const isUnavailable = (error: unknown) => error instanceof AppError && error.code === 'database_unavailable' && error.status === 503;

describe('a database that falls silent', () => {
  let context: TestContext;
  let proxy: TcpProxy;
  let database: Database;

  before(async () => {
    context = await createTestContext();
    const url = new URL(context.databaseUrl);
    proxy = await startTcpProxy({ targetPort: Number(url.port) });
    url.port = String(proxy.port);
    database = createDatabase({
      url: url.toString(),
      applicationName: 'aquascene-silent',
      maxConnections: 3,
      connectTimeoutMs: 10_000,
      statementTimeoutMs: 60_000,
      lockTimeoutMs: 10_000,
      idleInTransactionTimeoutMs: 60_000,
      logger: context.logger,
      metrics: context.metrics,
    });
    await database.execute('notes.create', sql`create table notes (id int primary key)`);
  });
  after(async () => {
    proxy.set('open');
    await database.close();
    await proxy.close();
    await context.close();
  });

  const insertWithin = (work: () => Promise<void>) =>
    database.transaction(async (transaction) => {
      await transaction.execute('notes.add', sql`insert into notes values (1)`);
      await work();
      await transaction.execute('notes.add', sql`insert into notes values (2)`);
    });

  test('nobody waits for ever, newcomers are told at once, and it goes on when it answers', { timeout: 60_000 }, async () => {
    let notifications = 0;
    const listener = await database.listen('silence', () => void (notifications += 1));
    const silenced = Promise.withResolvers<void>();
    const started = performance.now();
    const waiting = await Promise.allSettled([
      insertWithin(async () => {
        proxy.set('silent');
        silenced.resolve();
      }),
      silenced.promise.then(() => database.query('health.ask', sql<object>`select 1`)),
      // More than there are connections: these wait for one.
      ...Array.from({ length: 4 }, () => silenced.promise.then(() => database.query('health.ask', sql<object>`select 1`))),
    ]);
    for (const outcome of waiting) assert.ok(outcome.status === 'rejected' && isUnavailable(outcome.reason), JSON.stringify(outcome));
    assert.ok(performance.now() - started < limitMs, `${performance.now() - started} ms`);

    const refusedFrom = performance.now();
    await assert.rejects(database.query('health.ask', sql<object>`select 1`), isUnavailable);
    assert.ok(performance.now() - refusedFrom < 1000, 'while the silence is known nobody waits');

    const heard = notifications;
    proxy.set('open');
    await waitFor('an answer', () =>
      database.query('health.ask', sql<object>`select 1`).then(
        () => true,
        () => false,
      ),
    );
    assert.deepEqual(await database.query('notes.list', sql<object>`select id from notes`), [], 'the transaction was rolled back');
    await waitFor('the listener', () => notifications > heard);
    await listener.close();
  });

  test('a statement that is slow, but of a server that answers, is waited for', { timeout: 60_000 }, async () => {
    const rows = await database.query<{ pg_sleep: string }>('health.sleep', sql`select pg_sleep(4)`);
    assert.equal(rows.length, 1);
  });

  test('connections that are cut fail what runs on them only', async () => {
    await assert.rejects(
      insertWithin(async () => proxy.set('cut')),
      isUnavailable,
    );
    proxy.set('open');
    assert.deepEqual(await database.query('notes.list', sql<object>`select id from notes`), []);
  });

  test('a slow and narrow network is no outage', { timeout: 60_000 }, async () => {
    proxy.setLatency(300);
    proxy.setBandwidth(100_000);
    try {
      const [row] = await database.query<{ text: string }>('text.make', sql`select repeat('x', 100000) as text`);
      assert.equal(row?.text.length, 100_000);
    } finally {
      proxy.setLatency(0);
      proxy.setBandwidth(undefined);
    }
  });
});
