import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { createTestContext, type TestContext } from '../../../tests/support/test-context.ts';
import { createDatabase, type Database, sql } from './index.ts';
import { createPreparedStatements } from './prepared-statements.ts';

let t: TestContext;
let database: Database;
before(async () => {
  t = await createTestContext();
  // One connection, so that each statement meets what the ones before have left on it.
  database = createDatabase({ url: t.databaseUrl, applicationName: 'prepared', maxConnections: 1, logger: t.logger, metrics: t.metrics });
});
after(async () => {
  await database.close();
  await t.close();
});

const listPrepared = () =>
  database.query('test.list', sql<{ statement: string }>`select statement from pg_prepared_statements where name like ${'aquascene%'}`);

test('a statement that is run again and again is prepared, and gives the same rows', async () => {
  const add = (a: number) => database.one('test.add', sql<{ sum: number }>`select ${a}::int + 1 as sum`);
  for (let count = 0; count < 6; count += 1) assert.equal((await add(count)).sum, count + 1);
  const statements = await listPrepared();
  assert.equal(statements.filter(({ statement }) => statement.includes('+ 1 as sum')).length, 1);
});

test('statements of one name and several texts do not get into each other’s way', async () => {
  for (let count = 0; count < 5; count += 1) {
    assert.deepEqual(await database.query('test.same', sql<object>`select ${1}::int as one`), [{ one: 1 }]);
    assert.deepEqual(await database.query('test.same', sql<object>`select ${2}::int as two`), [{ two: 2 }]);
  }
});

test('a table that changes under a prepared statement fails no read', async () => {
  await database.execute('test.create', sql`create table changing (id int, name text)`);
  await database.execute('test.insert', sql`insert into changing values (1, 'moss')`);
  const read = () => database.query('test.read', sql<object>`select * from changing where id = ${1}`);
  for (let count = 0; count < 4; count += 1) assert.deepEqual(await read(), [{ id: 1, name: 'moss' }]);
  await t.database.execute('test.alter', sql`alter table changing add column colour text default 'green'`);
  for (let count = 0; count < 4; count += 1) assert.deepEqual(await read(), [{ id: 1, name: 'moss', colour: 'green' }]);
});

test('a transaction that meets such a change fails whole, and the next one goes through', async () => {
  await database.execute('test.create', sql`create table shifting (id int)`);
  const write = () =>
    database.transaction(async (tx) => {
      await tx.execute('test.insert', sql`insert into shifting values (${1})`);
      return tx.query('test.read', sql<object>`select * from shifting where id = ${1}`);
    });
  for (let count = 0; count < 4; count += 1) await write();
  await t.database.execute('test.alter', sql`alter table shifting add column name text`);
  await assert.rejects(write());
  assert.equal((await write()).length, 5);
});

test('what is run once or twice is not prepared, and no more than a bounded number is', () => {
  const prepared = createPreparedStatements();
  assert.equal(prepared.nameOf('select 1'), undefined);
  assert.equal(prepared.nameOf('select 1'), undefined);
  const name = prepared.nameOf('select 1');
  assert.match(name ?? '', /^aquascene_[\w-]{24}$/);
  assert.equal(prepared.nameOf('select 1'), name);
  const named = new Set<string>();
  for (let text = 0; text < 5000; text += 1) {
    for (let run = 0; run < 4; run += 1) named.add(prepared.nameOf(`select ${text}`) ?? '');
  }
  named.delete('');
  assert.equal(named.size, 100);
});
