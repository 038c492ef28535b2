import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { createTestContext, type TestContext } from '../../../tests/support/test-context.ts';
import { waitFor } from '../../../tests/support/wait-for.ts';
import { defineJob, registerJob } from './index.ts';

const job = defineJob<{ readonly number: number }>('look-at-tank', { retryDelaySeconds: 1 });
// Shorter than the interval at which workers look for themselves.
const limitMs = 20_000;

let context: TestContext;
const handled: number[] = [];
before(async () => {
  context = await createTestContext();
  await context.jobs.prepare([job]);
  const handler = async ({ number }: { readonly number: number }, { retryCount }: { readonly retryCount: number }) => {
    if (number === 3 && retryCount === 0) throw new Error('once more');
    handled.push(number);
  };
  await context.jobs.work([registerJob(job, handler, 2)]);
});
after(() => context.close());

test('jobs that come due in silence are found: delayed ones and retries, more than there are workers', async () => {
  const startAfter = new Date(Date.now() + 1000);
  for (const number of [1, 2, 3, 4, 5]) await context.jobs.send(context.database, job, { number }, { startAfter });
  await waitFor('all jobs', () => handled.length >= 5, limitMs);
  assert.deepEqual(handled.toSorted(), [1, 2, 3, 4, 5]);
});
