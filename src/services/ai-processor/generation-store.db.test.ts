import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { sql } from '#platform/database';
import { readPlans, takesAll } from '../../../tests/support/query-plans.ts';
import { createTestContext, type TestContext } from '../../../tests/support/test-context.ts';
import { listRequests } from './generation-store.ts';

let t: TestContext;

before(async () => {
  t = await createTestContext();
  await t.database.execute(
    'test.requests',
    sql`insert into generation_requests (id, request_key, brief, status, created_at)
        select gen_random_uuid(), 'key ' || number, '{}', case when number % 1000 = 0 then 'failed' else 'written' end,
               timestamptz '2026-01-01' + number * interval '1 minute'
        from generate_series(1, 20000) as number`,
  );
  await t.database.execute('test.analyze', sql`analyze generation_requests`);
});
after(() => t.close());

test('a page of the list is read from an index, however many requests there are', async () => {
  const before = { at: new Date('2026-01-08'), id: t.clock.newId() };
  const steps = await readPlans(t.database, async (planner) => {
    for (const filter of [{}, { before }, { status: 'written' }, { status: 'failed' }, { status: 'failed', before }] as const) {
      await listRequests(planner, { limit: 20, ...filter });
    }
  });
  assert.deepEqual(steps.filter(takesAll), []);
});
