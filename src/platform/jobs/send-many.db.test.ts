import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { createTestContext, type TestContext } from '../../../tests/support/test-context.ts';
import { defineJob } from './index.ts';

const job = defineJob<{ readonly number: number }>('count-stones');
let t: TestContext;

before(async () => {
  t = await createTestContext();
  await t.jobs.prepare([job]);
});
after(() => t.close());

const listNumbers = async () =>
  (await t.jobs.list({ name: job.name, limit: 100 })).map(({ data }) => (data as { number: number }).number).sort((a, b) => a - b);

test('many jobs are sent at once, each with its own data, and only if the transaction commits', async () => {
  const jobs = [1, 2, 3].map((number) => ({ data: { number }, startAfter: new Date(Date.now() + number * 60_000) }));
  await assert.rejects(
    t.database.transaction(async (tx) => {
      await t.jobs.sendMany(tx, job, jobs);
      throw new Error('rolled back');
    }),
    /rolled back/,
  );
  assert.deepEqual(await listNumbers(), []);
  await t.database.transaction((tx) => t.jobs.sendMany(tx, job, jobs));
  await t.database.transaction((tx) => t.jobs.sendMany(tx, job, []));
  assert.deepEqual(await listNumbers(), [1, 2, 3]);
});
