import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { sql } from '#platform/database';
import { createTestContext, type TestContext } from '../../../tests/support/test-context.ts';
import { waitFor } from '../../../tests/support/wait-for.ts';
import { createEvents } from './events.ts';

let t: TestContext;
before(async () => {
  t = await createTestContext();
});
after(() => t.close());

const publish = (value: number, before: () => Promise<unknown> = async () => undefined) =>
  t.database.transaction(async (tx) => {
    await t.events.publish(tx, { type: 'number.noted', aggregateId: 'a', payload: { value } });
    await before();
  });

test('a slow commit is not passed over, and what waits for it comes without a nudge', async () => {
  const seen: unknown[] = [];
  await t.events.subscribe([
    { subscriber: 'slow-commit', types: ['number.noted'], handle: async ({ payload }) => void seen.push(payload) },
  ]);
  const gate = Promise.withResolvers<void>();
  const written = Promise.withResolvers<void>();
  const slow = publish(1, () => {
    written.resolve();
    return gate.promise;
  });
  await written.promise;
  await publish(2);
  // The second has committed and may not be handled yet: the first has the lower position.
  await waitFor('a look at the events', () =>
    t.database.monitor.figures().some(({ name, count }) => name === 'events.held-back' && count > 0),
  );
  assert.deepEqual(seen, []);
  gate.resolve();
  await slow;
  await waitFor('both events', () => seen.length === 2);
  assert.deepEqual(seen, [{ value: 1 }, { value: 2 }]);
});

test('a handler that fails sees its event again, and what it wrote is written once', async () => {
  await t.database.execute('test.table', sql`create table if not exists noted (value int)`);
  let attempts = 0;
  await t.events.subscribe([
    {
      subscriber: 'fails-once',
      types: ['number.failed'],
      handle: async (_event, tx) => {
        attempts += 1;
        await tx.execute('test.note', sql`insert into noted values (${attempts})`);
        if (attempts === 1) throw new Error('the first time fails');
      },
    },
  ]);
  await t.database.transaction((tx) => t.events.publish(tx, { type: 'number.failed', aggregateId: 'b', payload: {} }));
  const rows = await waitFor('the row', async () => {
    const found = await t.database.query('test.noted', sql<{ value: number }>`select value from noted`);
    return found.length > 0 && found;
  });
  assert.deepEqual(rows, [{ value: 2 }]);
});

test('two processes with one subscriber handle each event once', async () => {
  const handled: number[] = [];
  const twin = createEvents(t);
  const subscription = {
    subscriber: 'shared',
    types: ['number.shared'],
    handle: async ({ payload }: { payload: object }) => void handled.push('value' in payload ? Number(payload.value) : 0),
  };
  await t.events.subscribe([subscription]);
  await twin.subscribe([subscription]);
  try {
    for (let value = 0; value < 300; value += 1) {
      await t.database.transaction((tx) => t.events.publish(tx, { type: 'number.shared', aggregateId: 'c', payload: { value } }));
    }
    await waitFor('all events', () => handled.length >= 300);
    assert.deepEqual(
      handled,
      Array.from({ length: 300 }, (_, value) => value),
    );
  } finally {
    await twin.stop();
  }
});
