import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, before, test } from 'node:test';
import { sql } from '#platform/database';
import { createTestContext, type TestContext } from '../../../tests/support/test-context.ts';
import { waitFor } from '../../../tests/support/wait-for.ts';
import { createProcessShare } from './process-share.ts';

let t: TestContext;
before(async () => {
  t = await createTestContext();
});
after(() => t.close());

// So seldom that no row expires while a test runs on a slow machine: what is to be stale is made so.
const seldom = { heartbeatMs: 600_000 };
const makeShare = (options: { heartbeatMs: number; id?: string }) =>
  createProcessShare({ database: t.database, logger: t.logger, id: randomUUID(), ...options });

test('processes count one another, and one that leaves is no longer counted', async () => {
  const often = { heartbeatMs: 200 };
  const one = makeShare(often);
  await one.start();
  assert.equal(one.processes(), 1);
  const others = [makeShare(often), makeShare(often)];
  for (const other of others) await other.start();
  // With heartbeats this short a slow machine may miss some: it is enough that the counts come to be right.
  await waitFor('all to count all', () => [one, ...others].every((share) => share.processes() === 3));
  for (const other of others) await other.stop();
  await waitFor('one to be alone again', () => one.processes() === 1);
  await one.stop();
  assert.deepEqual(await t.database.query('test.rows', sql<{ id: string }>`select id from api_processes`), []);
});

test('one that died without a word is no longer counted once its heartbeat is old, by the clock of the database', async () => {
  const dead = makeShare(seldom);
  await dead.start();
  const live = makeShare(seldom);
  await live.start();
  assert.equal(live.processes(), 2);
  await t.database.execute('test.age', sql`update api_processes set heartbeat_at = now() - interval '1 hour'`);
  const third = makeShare(seldom);
  await third.start();
  assert.equal(third.processes(), 1);
  const rows = await t.database.query('test.rows', sql<{ id: string }>`select id from api_processes`);
  assert.equal(rows.length, 1, 'the old rows are gone');
  for (const share of [dead, live, third]) await share.stop();
});

test('many that were all stale beat at the same time, and none fails', async () => {
  const ids = Array.from({ length: 8 }, () => randomUUID());
  for (let round = 0; round < 5; round += 1) {
    await t.database.execute('test.age', sql`update api_processes set heartbeat_at = now() - interval '1 hour'`);
    const shares = ids.map((id) => makeShare({ ...seldom, id }));
    await Promise.all(shares.map((share) => share.start()));
    for (const share of shares.slice(1)) await share.stop();
  }
  await t.database.execute('test.clear', sql`delete from api_processes`);
});
