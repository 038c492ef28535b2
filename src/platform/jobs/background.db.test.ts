import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { sql } from '#platform/database';
import { createTestContext, type TestContext } from '../../../tests/support/test-context.ts';
import { type Background, createBackground, defineJob } from './index.ts';

const sortStones = defineJob<{ readonly count: number }>('sort-stones');
const trimMoss = defineJob<{ readonly tank: string }>('trim-moss', { isKeyed: true });

let t: TestContext;
let background: Background;

before(async () => {
  t = await createTestContext();
  await t.jobs.prepare([sortStones, trimMoss]);
  background = createBackground(t);
});
after(() => t.close());

const countJobs = async (name: string) => (await t.jobs.list({ name, limit: 100 })).length;

test('the answer names the job, which is there with its data', async () => {
  const { status, jobId } = await background.run(sortStones, { count: 3 });
  const job = await t.jobs.find(jobId);
  assert.deepEqual([status, job.name, job.state, job.data], ['queued', 'sort-stones', 'created', { count: 3 }]);
});

test('with a transaction the job is there if and only if it commits', async () => {
  const before = await countJobs(sortStones.name);
  await assert.rejects(
    t.database.transaction(async (transaction) => {
      await background.run(sortStones, { count: 1 }, { transaction });
      throw new Error('rolled back');
    }),
    /rolled back/,
  );
  assert.equal(await countJobs(sortStones.name), before);
  const { jobId } = await t.database.transaction((transaction) => background.run(sortStones, { count: 2 }, { transaction }));
  assert.deepEqual((await t.jobs.find(jobId)).data, { count: 2 });
});

test('where the key is taken, the answer names the job that has it, from whichever side it is asked', async () => {
  const first = await background.run(trimMoss, { tank: 'a' }, { singletonKey: 'a' });
  const answers = await Promise.all(Array.from({ length: 5 }, () => background.run(trimMoss, { tank: 'a' }, { singletonKey: 'a' })));
  for (const answer of answers) assert.deepEqual(answer, first);
  const other = await background.run(trimMoss, { tank: 'b' }, { singletonKey: 'b' });
  assert.notEqual(other.jobId, first.jobId);
  assert.equal(await countJobs(trimMoss.name), 2);
});

test('the same id is sent once', async () => {
  const id = t.clock.newId();
  for (let index = 0; index < 2; index += 1)
    assert.deepEqual(await background.run(sortStones, { count: 7 }, { id }), { status: 'queued', jobId: id });
  assert.equal((await t.database.query('test.jobs', sql<object>`select from pgboss.job where id = ${id}::uuid`)).length, 1);
});

test('of a job that is no longer kept, or never was, it is said how long jobs are kept', async () => {
  const { jobId } = await background.run(sortStones, { count: 0 });
  await t.database.execute('test.delete', sql`delete from pgboss.job where id = ${jobId}::uuid`);
  await assert.rejects(t.jobs.find(jobId), { code: 'job_not_found', status: 404, message: /kept for 7 days/ });
  const [queue] = await t.database.query<{ seconds: number }>(
    'test.queue',
    sql`select deletion_seconds as seconds from pgboss.queue where name = ${sortStones.name}`,
  );
  assert.equal(queue?.seconds, 7 * 24 * 3600);
});
