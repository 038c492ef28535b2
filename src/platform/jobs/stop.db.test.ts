import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { createJobs, defineJob, registerJob } from '#platform/jobs';
import { createTestContext, type TestContext } from '../../../tests/support/test-context.ts';
import { waitFor } from '../../../tests/support/wait-for.ts';

const longJob = defineJob<{ readonly name: string }>('test-long', { retryLimit: 0 });
const lastingJob = defineJob<{ readonly name: string }>('test-lasting');

// Ends only a stop that hangs: one that goes well is over long before, however busy the machine is.
const patienceMs = 60_000;

let context: TestContext;
before(async () => {
  context = await createTestContext();
  await context.jobs.prepare([longJob, lastingJob]);
});
after(() => context.close());

/** A process of its own, as far as the queue can tell. */
const createOther = () => createJobs({ ...context, isSupervisor: false });

test('a job that is interrupted by the stop is put back: the next process has it at once, and no try is lost', async () => {
  const begun = Promise.withResolvers<void>();
  const first = await createOther();
  await first.work([
    registerJob(longJob, (_, { signal }) => {
      begun.resolve();
      return new Promise((_resolve, reject) => {
        signal.addEventListener('abort', () => reject(new Error('called off')));
      });
    }),
  ]);
  const id = await context.jobs.send(context.database, longJob, { name: 'one' });
  assert.ok(id);
  await begun.promise;
  await first.stop(patienceMs);
  assert.equal((await context.jobs.find(id)).state, 'created');

  const retries: number[] = [];
  const second = await createOther();
  await second.work([registerJob(longJob, async (_, { retryCount }) => void retries.push(retryCount))]);
  await waitFor('the job', async () => (await context.jobs.find(id)).state === 'completed');
  await second.stop(patienceMs);
  assert.deepEqual(retries, [0]);
  assert.deepEqual(await context.jobs.deadLetters(10), []);
});

test('a job that ends its work when it is told to is done', async () => {
  const begun = Promise.withResolvers<void>();
  const jobs = await createOther();
  await jobs.work([
    registerJob(lastingJob, (_, { signal }) => {
      begun.resolve();
      return new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve()));
    }),
  ]);
  const id = await context.jobs.send(context.database, lastingJob, { name: 'two' });
  assert.ok(id);
  await begun.promise;
  await jobs.stop(patienceMs);
  assert.equal((await context.jobs.find(id)).state, 'completed');
});

test('a job that does not hear is put back after the time given', async () => {
  const begun = Promise.withResolvers<void>();
  const ended = Promise.withResolvers<void>();
  const jobs = await createOther();
  await jobs.work([
    registerJob(lastingJob, () => {
      begun.resolve();
      return ended.promise;
    }),
  ]);
  const id = await context.jobs.send(context.database, lastingJob, { name: 'three' });
  assert.ok(id);
  await begun.promise;
  await jobs.stop(1000);
  assert.equal((await context.jobs.find(id)).state, 'retry');
  ended.resolve();
});
