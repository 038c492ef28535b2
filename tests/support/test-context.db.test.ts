import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { sql } from '#platform/database';
import { defineJob, registerJob } from '#platform/jobs';
import { createTestContext, type TestContext } from './test-context.ts';
import { waitFor } from './wait-for.ts';

let t: TestContext;
before(async () => {
  t = await createTestContext();
});
after(() => t.close());

test('a job and an event exist if and only if the transaction commits', async () => {
  const job = defineJob<{ value: number }>('note-value');
  const seenByJob: number[] = [];
  const seenByEvent: object[] = [];
  await t.jobs.prepare([job]);
  await t.jobs.work([registerJob(job, async ({ value }) => void seenByJob.push(value))]);
  await t.events.subscribe([{ subscriber: 'test', types: ['value.noted'], handle: async (event) => void seenByEvent.push(event.payload) }]);
  const write = (value: number, fails: boolean) =>
    t.database.transaction(async (tx) => {
      await t.jobs.send(tx, job, { value });
      await t.events.publish(tx, { type: 'value.noted', aggregateId: 'a', payload: { value } });
      if (fails) throw new Error('rolled back');
    });
  await assert.rejects(write(1, true), /rolled back/);
  await write(2, false);
  await waitFor('the job', () => seenByJob.length > 0);
  await waitFor('the event', () => seenByEvent.length > 0);
  assert.deepEqual(seenByJob, [2]);
  assert.deepEqual(seenByEvent, [{ value: 2 }]);
});

test('a failing job ends among the dead letters with its error, and can be redriven', async () => {
  const job = defineJob<{ id: string }>('fail-once', { retryLimit: 0 });
  let isBroken = true;
  let done = 0;
  await t.jobs.prepare([job]);
  await t.jobs.work([
    registerJob(job, async () => {
      if (isBroken) throw new Error('no such luck');
      done += 1;
    }),
  ]);
  await t.jobs.send(t.database, job, { id: 'x' });
  const [letter] = await waitFor('the dead letter', async () => {
    const letters = await t.jobs.deadLetters(10);
    return letters.length > 0 && letters;
  });
  assert.match(JSON.stringify(letter?.output), /no such luck/);
  isBroken = false;
  assert.equal(await t.jobs.redrive('fail-once'), 1);
  await waitFor('the redriven job', () => done === 1);
});

test('bigint, numeric, date and arrays come back as numbers, text and lists', async () => {
  const row = await t.database.one<{ n: number; m: number; d: string; a: string[] }>(
    'test.types',
    sql`select 5::bigint as n, 1.5::numeric as m, date '2026-01-02' as d, ${['x', 'y']}::text[] as a`,
  );
  assert.deepEqual(row, { n: 5, m: 1.5, d: '2026-01-02', a: ['x', 'y'] });
});

test('raw access answers with the rows of every statement, as the job queue needs it', async () => {
  const { rows } = await t.database.executeSql('select 1 as a; select 2 as b');
  assert.deepEqual(rows, [{ a: 1 }, { b: 2 }]);
});
