import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { type Queryable, sql } from '#platform/database';
import { type PlanStep, readPlans } from '../../../../tests/support/query-plans.ts';
import { createTestContext, type TestContext } from '../../../../tests/support/test-context.ts';
import { listSubscribers } from '../subscribers/subscriber-store.ts';
import { readIndexedAudience, readTrackedCohorts } from './audience-store.ts';
import { compileRule } from './compile-rules.ts';
import { fillRules } from './fill-rules.ts';
import { compileBits } from './rule-facets.ts';
import { createSegmentIndex } from './segment-index.ts';

let t: TestContext;

before(async () => {
  t = await createTestContext();
  await t.database.execute(
    'test.subscribers',
    sql`insert into subscribers (id, email, name, status, subscription_date, country, language, tags, source, created_at, updated_at)
        select gen_random_uuid(), md5(number::text) || '@host' || number % 50 || '.example', 'Name ' || number, 'active', at,
               case when number % 2 = 0 then 'BG' else 'HU' end, 'bg', array['tag' || number % 5], 'test', at, at
        from generate_series(1, 20000) as number, lateral (select timestamptz '2026-01-01' + number * interval '10 minutes' as at) as time`,
  );
  await createSegmentIndex(t).refresh();
  await t.database.execute('test.analyze', sql`analyze`);
});
after(() => t.close());

/** Answers what must give a row with this one. */
const answering = (planner: Queryable, row: object): Queryable => ({
  ...planner,
  one: async <R extends object>(name: string, statement: Parameters<Queryable['one']>[1]) => {
    await planner.query(name, statement);
    return row as R;
  },
});

const large = new Set(['subscribers', 'subscriber_ordinals', 'subscriber_bitmaps']);
const takesWhole = ({ type, table }: PlanStep): boolean => type === 'Seq Scan' && table !== undefined && large.has(table);

test('a page of a search is read from the indexes of addresses and names', async () => {
  const last = await t.database.one<{ id: string; at: Date }>('test.last', sql`select id, created_at as at from subscribers limit 1`);
  const steps = await readPlans(t.database, async (planner) => {
    for (const before of [undefined, last]) await listSubscribers(planner, { q: 'ab', limit: 20, before });
  });
  assert.deepEqual(steps.filter(takesWhole), []);
  const indexes = new Set(steps.map(({ index }) => index));
  assert.ok(indexes.has('subscribers_email_prefix') && indexes.has('subscribers_name_prefix'));
});

test('a preview and the cohorts of a saved segment go through no whole table, whoever changed and whatever was suppressed', async () => {
  const rules = {
    all: [
      { field: 'country', operator: 'equals', value: 'BG' },
      { field: 'subscriptionDate', operator: 'after', value: '2026-02-01' },
    ],
  };
  const rule = await fillRules(t.database, rules, t.clock.now());
  const bits = compileBits(rule);
  assert.ok(bits !== undefined);
  const condition = compileRule(rule, undefined);
  const steps = await readPlans(t.database, async (planner) => {
    await readIndexedAudience(answering(planner, { isKnown: true }), bits, condition);
    const segment = { segmentId: t.clock.newId(), rule };
    await readTrackedCohorts(answering(planner, { isTracked: false }), segment, condition, new Date('2026-01-15'));
  });
  assert.deepEqual(steps.filter(takesWhole), []);
});
