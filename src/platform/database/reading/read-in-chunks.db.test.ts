import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { copyInto, createDatabase, type Database, readByKeyset, readInChunks, sql } from '#platform/database';
import { AppError } from '#shared/errors';
import { pgbouncer, startPgBouncer } from '../../../../tests/support/pgbouncer.ts';
import { reasonToSkip } from '../../../../tests/support/programs.ts';
import { createTestContext, type TestContext } from '../../../../tests/support/test-context.ts';
import { waitFor } from '../../../../tests/support/wait-for.ts';

type Counted = { n: number };

const countTo = (limit: number) => sql<Counted>`select n::bigint as n from generate_series(1, ${limit}::bigint) n`;

describe('reading in chunks', () => {
  let context: TestContext;
  /** Two connections: one that is kept would be missed. */
  let database: Database;

  before(async () => {
    context = await createTestContext();
    database = createDatabase({
      url: context.databaseUrl,
      applicationName: 'aquascene-chunks',
      maxConnections: 2,
      connectTimeoutMs: 10_000,
      statementTimeoutMs: 60_000,
      lockTimeoutMs: 10_000,
      idleInTransactionTimeoutMs: 60_000,
      logger: context.logger,
      metrics: context.metrics,
    });
  });
  after(async () => {
    await database.close();
    await context.close();
  });

  const openCursors = async () => {
    const { count } = await database.one<{ count: number }>(
      'cursors.count',
      sql`select count(*) as count from pg_stat_activity
          where application_name = 'aquascene-chunks' and (state like 'idle in transaction%' or query like 'fetch%' and state = 'active')`,
    );
    return count;
  };

  test('gives every row once, in order, with the types that a query gives', async () => {
    const chunks = await Array.fromAsync(readInChunks(database, 'numbers.read', countTo(2500), { rowsPerChunk: 1000 }));
    assert.deepEqual(
      chunks.map((chunk) => chunk.length),
      [1000, 1000, 500],
    );
    const numbers = chunks.flat().map(({ n }) => n);
    assert.deepEqual(
      numbers,
      [...Array(2500).keys()].map((index) => index + 1),
    );
    const figures = database.monitor.figures().find(({ name }) => name === 'numbers.read');
    assert.deepEqual([figures?.count, figures?.rows], [1, 2500]);
  });

  test('gives no chunk when there is no row, and no empty one at the end', async () => {
    assert.deepEqual(await Array.fromAsync(readInChunks(database, 'numbers.read', countTo(0))), []);
    const chunks = await Array.fromAsync(readInChunks(database, 'numbers.read', countTo(4), { rowsPerChunk: 2 }));
    assert.deepEqual(
      chunks.map((chunk) => chunk.length),
      [2, 2],
    );
  });

  test('reads no further than one chunk ahead of its reader', async () => {
    // Each row that the server makes leaves a lock behind, which another connection can count.
    const rows = sql<{ lock: string }>`select pg_advisory_xact_lock_shared(4711, n)::text as lock from generate_series(1, 500) n`;
    const made = async () =>
      (await database.one<{ count: number }>('locks.count', sql`select count(*) as count from pg_locks where classid = 4711`)).count;
    let taken = 0;
    for await (const chunk of readInChunks(database, 'locks.take', rows, { rowsPerChunk: 100 })) {
      taken += chunk.length;
      assert.ok((await made()) <= taken + 100);
      if (taken < 500) await waitFor('the next chunk', async () => (await made()) === taken + 100);
    }
    assert.equal(taken, 500);
  });

  test('gives its connection back when it is left early', async () => {
    for (let round = 0; round < 5; round += 1) {
      for await (const chunk of readInChunks(database, 'numbers.leave', countTo(1_000_000), { rowsPerChunk: 10 })) {
        assert.equal(chunk.length, 10);
        break;
      }
    }
    assert.equal(await openCursors(), 0);
    assert.equal(database.poolFigures().total - database.poolFigures().idle, 0);
  });

  test('ends with the reason of the signal, and what the server still did is stopped', async () => {
    const controller = new AbortController();
    const reason = new Error('enough');
    const reading = Array.fromAsync(
      readInChunks(database, 'numbers.abort', sql<Counted>`select 1 as n from generate_series(1, 10) n where pg_sleep(50) is not null`, {
        signal: controller.signal,
      }),
    );
    await waitFor('the reading', async () => (await openCursors()) > 0);
    controller.abort(reason);
    await assert.rejects(reading, (error) => error === reason);
    await waitFor('an end of it on the server', async () => (await openCursors()) === 0);
    assert.equal(database.monitor.figures().find(({ name }) => name === 'numbers.abort')?.errors, 1);
  });

  test('refuses at once with a signal that has been given already', async () => {
    const signal = AbortSignal.abort(new Error('before'));
    await assert.rejects(Array.fromAsync(readInChunks(database, 'numbers.read', countTo(1), { signal })), /before/);
  });

  test('passes on what is wrong with the statement, at its start and in its middle, and the pool is whole after it', async () => {
    await assert.rejects(
      Array.fromAsync(readInChunks(database, 'numbers.wrong', sql<Counted>`select nothing`)),
      /"nothing" does not exist/,
    );
    const middle = sql<Counted>`select 1 / (500 - n) as n from generate_series(1, 1000) n`;
    let rows = 0;
    await assert.rejects(async () => {
      for await (const chunk of readInChunks(database, 'numbers.wrong', middle, { rowsPerChunk: 100 })) rows += chunk.length;
    }, /division by zero/);
    assert.equal(rows, 400);
    assert.equal(database.monitor.figures().find(({ name }) => name === 'numbers.wrong')?.errors, 2);
    assert.equal(await openCursors(), 0);
  });

  test('goes on for longer than a single statement may', async () => {
    const { databaseUrl, logger, metrics } = context;
    const statementTimeoutMs = 3000;
    const limited = createDatabase({
      url: databaseUrl,
      applicationName: 'aquascene-limited',
      maxConnections: 1,
      statementTimeoutMs,
      logger,
      metrics,
    });
    const started = performance.now();
    let rows = 0;
    // Each row takes 0.2 s, so that all of them take 3.6 s at least, and each chunk of one far less than the limit.
    const slow = sql<object>`select n from generate_series(1, 18) n where pg_sleep(0.2) is not null`;
    for await (const chunk of readInChunks(limited, 'numbers.slow', slow, { rowsPerChunk: 1 })) rows += chunk.length;
    await limited.close();
    assert.equal(rows, 18);
    assert.ok(performance.now() - started > statementTimeoutMs);
  });

  test('can write nothing', async () => {
    await database.execute('notes.create', sql`create table notes (id int primary key)`);
    await assert.rejects(
      Array.fromAsync(readInChunks(database, 'notes.add', sql<Counted>`insert into notes values (1) returning id as n`)),
    );
    assert.deepEqual(await database.query('notes.list', sql<object>`select id from notes`), []);
  });

  test('sees one state of the database from its first chunk to its last', async () => {
    await database.execute('notes.fill', sql`insert into notes select n from generate_series(1, 100) n`);
    let rows = 0;
    for await (const chunk of readInChunks(database, 'notes.read', sql<object>`select id from notes`, { rowsPerChunk: 10 })) {
      if (rows === 0) await database.execute('notes.delete', sql`delete from notes`);
      rows += chunk.length;
    }
    assert.equal(rows, 100);
  });

  test('tells of a connection that is lost while it reads as of an outage', async () => {
    await assert.rejects(
      async () => {
        for await (const _ of readInChunks(database, 'numbers.lost', countTo(100_000), { rowsPerChunk: 10 })) {
          await database.query(
            'backends.end',
            sql<object>`select pg_terminate_backend(pid) from pg_stat_activity
                        where application_name = 'aquascene-chunks' and state like 'idle in transaction%' and pid <> pg_backend_pid()`,
          );
        }
      },
      (error) => error instanceof AppError && error.code === 'database_unavailable',
    );
  });
});

describe('reading in chunks and copying in behind PgBouncer in transaction mode', { skip: reasonToSkip(pgbouncer) }, () => {
  test('several readers share one connection of the server, one after the other', { timeout: 120_000 }, async () => {
    const context = await createTestContext();
    const pooler = await startPgBouncer(context.databaseUrl, { poolSize: 1 });
    const { logger, metrics } = context;
    const database = createDatabase({
      url: pooler.url,
      isPooled: true,
      applicationName: 'aquascene-pooled',
      maxConnections: 4,
      logger,
      metrics,
    });
    try {
      await context.database.execute('notes.create', sql`create table notes (id int primary key)`);
      const readings = Array.from({ length: 4 }, async () =>
        (await Array.fromAsync(readInChunks(database, 'numbers.read', countTo(2500)))).flat().map(({ n }) => n),
      );
      const numbers = Array.from({ length: 2500 }, (_, index) => index + 1);
      for (const read of await Promise.all(readings)) assert.deepEqual(read, numbers);
      const rows = Array.from({ length: 5000 }, (_, id) => [id]);
      assert.equal(await copyInto(database, 'notes.copy', { name: 'notes' }, ['id'], rows), 5000);
    } finally {
      await database.close();
      await pooler.stop();
      await context.close();
    }
  });
});

describe('reading by keyset', () => {
  let context: TestContext;
  /** Its connections are nobody else's. */
  let database: Database;
  before(async () => {
    context = await createTestContext();
    const { databaseUrl, logger, metrics } = context;
    database = createDatabase({ url: databaseUrl, applicationName: 'aquascene-keyset', maxConnections: 2, logger, metrics });
    await database.execute('notes.create', sql`create table notes (id int primary key)`);
    await database.execute('notes.fill', sql`insert into notes select n from generate_series(1, 25) n`);
  });
  after(async () => {
    await database.close();
    await context.close();
  });

  const pages = (rowsPerPage: number, signal?: AbortSignal) =>
    readByKeyset(database, 'notes.page', {
      rowsPerPage,
      toStatement: (after: number | undefined, limit) =>
        sql<{ id: number }>`select id from notes where id > ${after ?? 0} order by id limit ${limit}`,
      keyOf: ({ id }) => id,
      ...(signal && { signal }),
    });

  test('gives every row once, whether or not the last page is full', async () => {
    for (const rowsPerPage of [10, 5, 25, 100]) {
      const ids = (await Array.fromAsync(pages(rowsPerPage))).flat().map(({ id }) => id);
      assert.deepEqual(
        ids,
        [...Array(25).keys()].map((index) => index + 1),
      );
    }
  });

  test('holds no connection while a page is worked on, and sees what comes behind it', async () => {
    const ids: number[] = [];
    for await (const page of pages(10)) {
      assert.equal(database.poolFigures().total - database.poolFigures().idle, 0);
      if (ids.length === 0) await database.execute('notes.add', sql`insert into notes values (26)`);
      ids.push(...page.map(({ id }) => id));
    }
    assert.equal(ids.at(-1), 26);
  });

  test('says so when its pages do not advance', async () => {
    const stuck = readByKeyset(database, 'notes.stuck', {
      rowsPerPage: 5,
      toStatement: (_after: number | undefined, limit) => sql<{ id: number }>`select id from notes order by id limit ${limit}`,
      keyOf: ({ id }) => id,
    });
    await assert.rejects(Array.fromAsync(stuck), (error) => error instanceof AppError && error.code === 'keyset_stuck');
  });

  test('ends with the reason of the signal', async () => {
    const controller = new AbortController();
    await assert.rejects(async () => {
      for await (const _ of pages(5, controller.signal)) controller.abort(new Error('enough'));
    }, /enough/);
  });
});
