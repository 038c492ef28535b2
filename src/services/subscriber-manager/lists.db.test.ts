import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { sql } from '#platform/database';
import { readPlans, takesAll } from '../../../tests/support/query-plans.ts';
import { createTestContext, type TestContext } from '../../../tests/support/test-context.ts';
import { listSegments } from './segments/segment-store.ts';
import { listSubscribers } from './subscribers/subscriber-store.ts';
import { listSuppressions } from './suppressions/suppression-store.ts';

let t: TestContext;

before(async () => {
  t = await createTestContext();
  await t.database.execute(
    'test.subscribers',
    sql`insert into subscribers (id, email, status, subscription_date, tags, source, created_at, updated_at)
        select gen_random_uuid(), number || '@example.org',
               case when number % 10 = 0 then 'bounced' when number % 100 = 1 then 'pending' else 'active' end, at, array['tag'], 'test', at, at
        from generate_series(1, 20000) as number, lateral (select timestamptz '2026-01-01' + number * interval '1 minute' as at) as time`,
  );
  await t.database.execute(
    'test.segments',
    sql`insert into subscriber_segments (id, name, rules, created_at, updated_at)
        select id, email, '{"all": []}', created_at, created_at from subscribers`,
  );
  await t.database.execute(
    'test.suppressions',
    sql`insert into suppressions (address, reason, created_at)
        select case when status = 'active' then 'erased:' || md5(email) else 'x' || email end, 'test', created_at from subscribers`,
  );
  await t.database.execute('test.analyze', sql`analyze subscribers, subscriber_segments, suppressions`);
});
after(() => t.close());

test('a page of a list is read from an index, however many subscribers, segments and suppressions there are', async () => {
  const limit = 20;
  const before = { at: new Date('2026-01-08'), id: t.clock.newId() };
  const filters = [{}, { before }, { status: 'active' }, { status: 'bounced', before }, { status: 'erased' }, { tag: 'tag' }] as const;
  const steps = await readPlans(t.database, async (planner) => {
    for (const filter of filters) await listSubscribers(planner, { limit, ...filter });
    for (const position of [undefined, before]) await listSegments(planner, position, limit);
  });
  assert.deepEqual(steps.filter(takesAll), []);
});

test('suppressions are read past the keys of erased people, not through them', async () => {
  for (const after of [undefined, 'm@example.org']) {
    const steps = await readPlans(t.database, (planner) => listSuppressions(planner, { after, limit: 20 }));
    assert.deepEqual(
      steps.map(({ type, index }) => index ?? type),
      ['Limit', 'suppressions_addresses'],
    );
  }
});
