import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, test } from 'node:test';
import { type BatchOptions, BulkInterrupted, copyInto, type Database, sql, upsertInBatches } from '#platform/database';
import { AppError } from '#shared/errors';
import { createTestContext, type TestContext } from '../../../../tests/support/test-context.ts';

let context: TestContext;
let database: Database;

before(async () => {
  context = await createTestContext();
  database = context.database;
});
after(() => context.close());

describe('copying rows in', () => {
  before(async () => {
    await database.execute(
      'notes.create',
      sql`create table "odd ""Notes" (id bigint primary key, "te xt" text, at timestamptz, data jsonb, tags text[], raw bytea, ratio double precision, ok boolean)`,
    );
  });
  beforeEach(() => database.execute('notes.empty', sql`truncate "odd ""Notes"`));

  const table = { name: 'odd "Notes' };
  const read = () =>
    database.query<{ id: number; text: string | null }>('notes.list', sql`select id, "te xt" as text from "odd ""Notes" order by id`);

  test('keeps every value as it was, under any name', async () => {
    const at = new Date('2026-01-02T03:04:05.678Z');
    const text = 'tab\t line\n return\r back\\slash \\N \\. "quotes" \u0001 🐟';
    const row = [1, text, at, { a: [1, 'x\n'] }, ['a,b', '"', null, '\\'], Buffer.from([0, 10, 92, 255]), 0.1, true];
    const columns = ['id', 'te xt', 'at', 'data', 'tags', 'raw', 'ratio', 'ok'];
    assert.equal(await copyInto(database, 'notes.copy', table, columns, [row, [2, '\\N', null, null, [], null, Number.NaN, undefined]]), 2);
    const rows = await database.query<Record<string, unknown>>('notes.read', sql`select * from "odd ""Notes" order by id`);
    assert.deepEqual(Object.values(rows[0] ?? {}), row);
    assert.deepEqual(Object.values(rows[1] ?? {}), [2, '\\N', null, null, [], null, Number.NaN, null]);
  });

  test('takes no more of an endless source than the server keeps up with, and nothing stays when the source fails', async () => {
    let given = 0;
    async function* source() {
      for (; given < 20_000; given += 1) yield [given, 'x'.repeat(100)];
      throw new Error('source failed');
    }
    await assert.rejects(copyInto(database, 'notes.copy', table, ['id', 'te xt'], source()), /source failed/);
    assert.deepEqual(await read(), []);
  });

  test('names the faulty row, without its values, and writes none', async () => {
    const rows = [
      [1, 'a'],
      ['hunter2', 'b'],
    ];
    await assert.rejects(copyInto(database, 'notes.copy', table, ['id', 'te xt'], rows), (error) => {
      assert.ok(error instanceof AppError && error.code === 'copy_row_invalid');
      assert.match(error.message, /^Row 1: text that is not of the type \(22P02\)/);
      assert.doesNotMatch(error.message, /hunter2/);
      assert.equal(error.cause, undefined);
      return true;
    });
    await assert.rejects(copyInto(database, 'notes.copy', table, ['id'], [[1], [2], [1]]), /^AppError: Row 2: unique violation/);
    await assert.rejects(copyInto(database, 'notes.copy', table, ['id', 'te xt'], [[1, 'a'], [2]]), /Row 1 has 1 values for 2 columns/);
    assert.deepEqual(await read(), []);
  });

  test('takes no name for more than a name', async () => {
    await assert.rejects(
      copyInto(database, 'notes.copy', { name: 'x" from stdin; drop table notes; --' }, ['id'], [[1]]),
      /does not exist/,
    );
    await assert.rejects(copyInto(database, 'notes.copy', { name: 'x'.repeat(64) }, ['id'], [[1]]), /name of a table/);
    await assert.rejects(copyInto(database, 'notes.copy', table, [''], [[1]]), /name of a table/);
    assert.equal(await copyInto(database, 'notes.copy', { schema: 'public', ...table }, ['id'], [[7]]), 1);
  });

  test('ends with the reason of the signal', async () => {
    const controller = new AbortController();
    async function* source() {
      for (let id = 0; ; id += 1) {
        if (id === 5000) controller.abort(new Error('enough'));
        yield [id, 'x'.repeat(100)];
      }
    }
    await assert.rejects(copyInto(database, 'notes.copy', table, ['id', 'te xt'], source(), { signal: controller.signal }), /enough/);
    assert.deepEqual(await read(), []);
  });
});

describe('upserting in batches', () => {
  type Reader = { readonly email: string; readonly age: number };

  before(async () => {
    await database.execute('parents.create', sql`create table countries (code text primary key)`);
    await database.execute('countries.add', sql`insert into countries values ('NL')`);
    await database.execute(
      'readers.create',
      sql`create table readers (
            email text primary key check (email like '%@%'), age int not null check (age < 200),
            country text not null default 'NL' references countries deferrable initially deferred)`,
    );
  });
  beforeEach(() => database.execute('readers.empty', sql`truncate readers`));

  const toStatement = (rows: readonly Reader[]) =>
    sql`insert into readers (email, age)
        select * from unnest(${rows.map(({ email }) => email)}::text[], ${rows.map(({ age }) => age)}::int[])
        on conflict (email) do update set age = excluded.age`;
  const write = (rows: BatchOptions<Reader>['rows'], options: Partial<BatchOptions<Reader>> = {}) =>
    upsertInBatches(database, 'readers.upsert', { rows, toStatement, batchRows: 100, ...options });
  const count = async () => (await database.one<{ count: number }>('readers.count', sql`select count(*) as count from readers`)).count;
  const readers = (length: number): Reader[] => Array.from({ length }, (_, index) => ({ email: `r${index}@x.org`, age: index % 100 }));

  test('writes all rows, of any iterable, whatever is left for the last batch', async () => {
    async function* source() {
      yield* readers(250);
    }
    assert.deepEqual(await write(source()), { taken: 250, written: 250, failedCount: 0, failed: [] });
    assert.equal(await count(), 250);
    assert.deepEqual(await write([]), { taken: 0, written: 0, failedCount: 0, failed: [] });
  });

  test('reports every faulty row with its place and no value of it, and writes the others', async () => {
    const rows = readers(250);
    const faulty = [0, 99, 100, 137, 138, 249];
    for (const index of faulty) rows[index] = { email: `hunter${index}`, age: 1 };
    rows[50] = { email: 'old@x.org', age: 300 };
    const result = await write(rows);
    assert.deepEqual(
      result.failed.map(({ row }) => row),
      [0, 50, 99, 100, 137, 138, 249],
    );
    assert.deepEqual([result.taken, result.written, result.failedCount], [250, 243, 7]);
    assert.deepEqual(result.failed[0], {
      row: 0,
      code: '23514',
      message: 'check violation (table readers, constraint readers_email_check)',
    });
    assert.doesNotMatch(JSON.stringify(result), /hunter/);
    assert.equal(await count(), 243);
  });

  test('writes the same key twice one after the other: the last one stays', async () => {
    const result = await write([
      { email: 'a@x.org', age: 1 },
      { email: 'b@x.org', age: 2 },
      { email: 'a@x.org', age: 3 },
    ]);
    assert.deepEqual([result.written, result.failedCount], [3, 0]);
    const row = await database.one<{ age: number }>('readers.find', sql`select age from readers where email = 'a@x.org'`);
    assert.equal(row.age, 3);
  });

  test('finds the row that a deferred constraint is against', async () => {
    const toCountry = (rows: readonly Reader[]) =>
      sql`insert into readers (email, age, country)
          select email, age, case age when 7 then 'XX' else 'NL' end
          from unnest(${rows.map(({ email }) => email)}::text[], ${rows.map(({ age }) => age)}::int[]) as given (email, age)`;
    const result = await write(readers(20), { toStatement: toCountry });
    assert.deepEqual(
      result.failed.map(({ row, code }) => [row, code]),
      [[7, '23503']],
    );
    assert.equal(await count(), 19);
  });

  test('keeps a bounded number of failures and counts all', async () => {
    const rows = readers(300).map((reader) => ({ ...reader, email: 'none' }));
    const result = await write(rows, { maxFailures: 5 });
    assert.deepEqual([result.failedCount, result.failed.length, result.failed.at(-1)?.row], [300, 5, 4]);
  });

  test('says what was done when a row is not to blame', async () => {
    async function* source() {
      yield* readers(150);
      throw new AppError('source_lost', 'The source is gone.', { status: 503, retryable: true });
    }
    await assert.rejects(write(source()), (error) => {
      assert.ok(error instanceof BulkInterrupted && error.status === 503 && error.retryable);
      assert.deepEqual(error.result, { taken: 100, written: 100, failedCount: 0, failed: [] });
      return true;
    });
    assert.equal(await count(), 100);
    await assert.rejects(
      write(readers(10), { toStatement: () => sql`insert into nowhere values (1)` }),
      (error) => error instanceof BulkInterrupted && error.result.taken === 0,
    );
  });

  test('ends between two batches with the signal', async () => {
    const controller = new AbortController();
    async function* source() {
      yield* readers(100);
      controller.abort(new Error('enough'));
      yield* readers(100);
    }
    await assert.rejects(
      write(source(), { signal: controller.signal }),
      (error) => error instanceof BulkInterrupted && error.cause instanceof Error && error.cause.message === 'enough',
    );
    assert.equal(await count(), 100);
  });
});
