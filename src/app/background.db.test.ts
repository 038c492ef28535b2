/** What a client does with a 202: it goes to its Location until the job has ended. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { sql } from '#platform/database';
import { createBackground, defineJob, jobLocation, registerJob } from '#platform/jobs';
import { waitFor } from '../../tests/support/wait-for.ts';
import { createTestEngine, problemIn, send, type TestEngine } from './testing/test-engine.ts';

const growMoss = defineJob<{ readonly days: number }>('grow-moss', { retryLimit: 0 });

let engine: TestEngine;
let headers: Record<string, string>;
let go: PromiseWithResolvers<void>;

before(async () => {
  engine = await createTestEngine();
  headers = { 'x-api-key': await engine.createKey(['jobs:read', 'sources:write']) };
  await engine.t.jobs.prepare([growMoss]);
  await engine.t.jobs.work([
    registerJob(growMoss, async ({ days }) => {
      await go.promise;
      if (days < 0) throw new Error('moss does not shrink');
      return { height: days * 2 };
    }),
  ]);
});
after(() => engine.close());

const get = async (url: string) => {
  const answer = await send(engine.server, { url, headers });
  return { ...answer, json: JSON.parse(answer.body) };
};

async function follow(days: number) {
  go = Promise.withResolvers();
  const { jobId } = await createBackground(engine.t).run(growMoss, { days });
  const location = jobLocation(jobId);
  await waitFor('the job to run', async () => (await get(location)).json.state === 'active');
  go.resolve();
  return waitFor('the job to end', async () => {
    const { json } = await get(location);
    return json.state === 'completed' || json.state === 'failed' ? json : undefined;
  });
}

test('a job is followed over HTTP from the queue to its result', async () => {
  const { name, state, output, startedAt, completedAt } = await follow(4);
  assert.deepEqual([name, state, output], ['grow-moss', 'completed', { height: 8 }]);
  assert.ok(startedAt <= completedAt);
});

test('a job that failed shows its error, and no stack', async () => {
  const { state, output } = await follow(-1);
  assert.equal(state, 'failed');
  assert.deepEqual([output.code, output.message, 'stack' in output], ['job_failed', 'moss does not shrink', false]);
});

test('the Location of a 202 leads to the job; of one that is no longer kept it is said so', async () => {
  const source = await send(engine.server, {
    method: 'POST',
    url: '/api/v1/sources',
    headers,
    payload: { url: 'https://example.org/moss' },
  });
  const { id } = JSON.parse(source.body);
  const answer = await send(engine.server, { method: 'POST', url: `/api/v1/sources/${id}/crawl`, headers });
  assert.equal(answer.status, 202, answer.body);
  const { status, jobId } = JSON.parse(answer.body);
  const location = String(answer.headers.location);
  assert.deepEqual([status, location], ['queued', jobLocation(jobId)]);
  assert.equal((await get(location)).json.name, 'crawl-target');
  await engine.t.database.execute('test.forget', sql`delete from pgboss.job where id = ${jobId}::uuid`);
  const gone = await get(location);
  assert.equal(gone.status, 404);
  assert.equal(problemIn(gone, location).code, 'job_not_found');
  assert.match(gone.body, /kept for 7 days/);
});
