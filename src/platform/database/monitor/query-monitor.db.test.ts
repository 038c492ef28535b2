import assert from 'node:assert/strict';
import { Writable } from 'node:stream';
import { after, before, describe, test } from 'node:test';
import { pino } from 'pino';
import { createDatabase, type Database, type SlowQuery, sql } from '#platform/database';
import { createMetrics, type Metrics } from '#platform/telemetry';
import { createTestContext, type TestContext } from '../../../../tests/support/test-context.ts';
import { waitFor } from '../../../../tests/support/wait-for.ts';
import { readGenericPlan } from './query-plan.ts';

const secret = 'hunter2@example.org';

describe('the query monitor', () => {
  let context: TestContext;
  let database: Database;
  let metrics: Metrics;
  const lines: Record<string, unknown>[] = [];

  before(async () => {
    context = await createTestContext();
    metrics = createMetrics('monitor-test');
    const destination = new Writable({
      write(chunk: Buffer, _encoding, callback) {
        lines.push(JSON.parse(chunk.toString()));
        callback();
      },
    });
    database = createDatabase({
      url: context.databaseUrl,
      applicationName: 'aquascene-monitor',
      maxConnections: 4,
      connectTimeoutMs: 10_000,
      statementTimeoutMs: 60_000,
      lockTimeoutMs: 10_000,
      idleInTransactionTimeoutMs: 60_000,
      // Nothing takes less, so that everything is slow.
      slowQueryMs: 0,
      logger: pino({ level: 'debug' }, destination),
      metrics,
    });
    await database.execute('notes.create', sql`create table notes (id int primary key, owner text not null unique)`);
    await database.execute('notes.fill', sql`insert into notes select n, 'owner ' || n from generate_series(1, 100) n`);
  });
  after(async () => {
    await database.close();
    await context.close();
  });

  const figuresOf = (name: string) => database.monitor.figures().find((figures) => figures.name === name);
  const linesOf = (name: string, message: string) => lines.filter((line) => line.query === name && line.msg === message);

  test('keeps count, rows and durations of every name', async () => {
    for (let run = 0; run < 5; run += 1) await database.query('notes.list', sql<object>`select * from notes where id <= ${10}`);
    const figures = figuresOf('notes.list');
    assert.ok(figures !== undefined);
    assert.deepEqual([figures.count, figures.errors, figures.rows], [5, 0, 50]);
    const { minMs, p50Ms, p95Ms, p99Ms, maxMs, meanMs, totalMs } = figures;
    assert.ok(0 < minMs && minMs <= p50Ms && p50Ms <= p95Ms && p95Ms <= p99Ms && p99Ms <= maxMs, JSON.stringify(figures));
    assert.ok(Math.abs(meanMs * 5 - totalMs) < 1e-6);
  });

  test('keeps the last ten failures, newest first, and no value of a parameter anywhere', async () => {
    for (let run = 0; run < 12; run += 1)
      await assert.rejects(database.query('notes.find', sql<object>`select ${`${secret} ${run}`}::text::int`));
    const taken = 'owner 1';
    await assert.rejects(database.execute('notes.add', sql`insert into notes values (1000, ${taken})`));
    const figures = figuresOf('notes.find');
    assert.equal(figures?.errors, 12);
    assert.equal(figures.lastErrors.length, 10);
    assert.deepEqual([figures.lastErrors[0]?.code, figures.lastErrors[0]?.message], ['22P02', 'text that is not of the type']);
    assert.match(figuresOf('notes.add')?.lastErrors[0]?.message ?? '', /unique violation \(table notes, constraint notes_owner_key\)/);
    const told = JSON.stringify([database.monitor.figures(), lines]);
    assert.doesNotMatch(told, /hunter2/);
    assert.doesNotMatch(told, /owner 1/);
  });

  test('logs a slow statement with the state of the process, and tells who wants to know', async () => {
    const heard: SlowQuery[] = [];
    const unsubscribe = database.monitor.onSlow((report) => heard.push(report));
    await database.query('notes.slow', sql<object>`select * from notes`);
    const report = await waitFor('the report', () => heard.find(({ name }) => name === 'notes.slow'));
    unsubscribe();
    assert.equal(report.rows, 100);
    assert.equal(report.errorCode, null);
    assert.ok(report.process.rssBytes > 0 && report.process.cpuPercent >= 0 && (report.process.diskFreeBytes ?? 0) > 0);
    const [line] = linesOf('notes.slow', 'slow query');
    assert.ok(line !== undefined && typeof line.process === 'object');
  });

  test('takes the generic plan once a minute, without the values and without running the statement', async () => {
    const find = () => database.query('notes.of-owner', sql<object>`select * from notes where owner = ${secret}`);
    // Plans are taken one at a time: another statement's may be under way.
    await waitFor('a plan', async () => {
      await find();
      return figuresOf('notes.of-owner')?.lastPlan;
    });
    const text = figuresOf('notes.of-owner')?.lastPlan?.text ?? '';
    assert.match(text, /notes_owner_key/);
    assert.match(text, /\(owner = \$1\)/);
    await find();
    await waitFor('all reports', () => linesOf('notes.of-owner', 'slow query').length === figuresOf('notes.of-owner')?.slow);
    assert.equal(linesOf('notes.of-owner', 'plan of a slow query').length, 1);
  });

  test('takes the plan of a write without writing, also when it failed or its transaction did', async () => {
    const add = () =>
      database.transaction(async (transaction) => {
        await transaction.execute('notes.insert-twice', sql`insert into notes values (${1}, ${'x'})`);
      });
    await waitFor('a plan', async () => {
      await assert.rejects(add());
      return figuresOf('notes.insert-twice')?.lastPlan;
    });
    assert.match(figuresOf('notes.insert-twice')?.lastPlan?.text ?? '', /Insert on notes/);
    assert.deepEqual(await database.query('notes.count', sql<object>`select count(*) as count from notes`), [{ count: 100 }]);
  });

  test('never runs the further statements of a text that has several', async () => {
    const text = "select 1; insert into notes values (2000, 'several')";
    const reading = await readGenericPlan(database.withClient, { text, parameterCount: 0 });
    assert.ok('failure' in reading && reading.failure.code === '42601', JSON.stringify(reading));
    assert.deepEqual(await database.query('notes.find-again', sql<object>`select 1 from notes where id = 2000`), []);
  });

  test('tells of statements that were over a limit in a window', async () => {
    const alerts: string[] = [];
    const unsubscribe = database.monitor.onAlert({ windowMs: 0, minimumCount: 1, errorRate: 0.5 }, ({ name, reasons }) =>
      alerts.push(`${name} ${reasons.join()}`),
    );
    await assert.rejects(database.query('notes.fail', sql<object>`select 1 / ${0}::int`));
    await assert.rejects(database.query('notes.fail', sql<object>`select 1 / ${0}::int`));
    unsubscribe();
    await assert.rejects(database.query('notes.fail', sql<object>`select 1 / ${0}::int`));
    assert.deepEqual(alerts, ['notes.fail errorRate']);
  });

  test('keeps a bounded number of names', async () => {
    const { monitor } = database;
    for (let index = 0; index < 2000; index += 1) monitor.record(`made-up.${index}`, 0, 1);
    const figures = monitor.figures();
    assert.equal(figures.length, 501);
    assert.ok((figures.find(({ name }) => name === 'other')?.count ?? 0) > 1000);
  });

  test('forgets on request, while Prometheus goes on counting', async () => {
    database.monitor.reset();
    assert.deepEqual(database.monitor.figures(), []);
    const text = await metrics.text();
    const readValue = (metric: string, query: string) =>
      Number(
        text
          .split('\n')
          .find((line) => line.startsWith(`${metric}{`) && line.includes(`query="${query}"`))
          ?.split('} ')[1],
      );
    assert.equal(readValue('aquascene_db_query_seconds_count', 'notes.list'), 5);
    assert.equal(readValue('aquascene_db_query_errors_total', 'notes.find'), 12);
    assert.equal(readValue('aquascene_db_slow_queries_total', 'notes.list'), 5);
  });
});
