import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { copyInto, sql } from '#platform/database';
import { createTestContext, type TestContext } from '../../../../tests/support/test-context.ts';
import { readAudience, readCohorts, readIndexedAudience } from './audience-store.ts';
import { compileRule } from './compile-rules.ts';
import { fillRules } from './fill-rules.ts';
import { compileBits } from './rule-facets.ts';
import type { SegmentRules } from './rule-types.ts';
import { createSegmentIndex, type SegmentIndex } from './segment-index.ts';
import { createSegmentService, type SegmentService } from './segment-service.ts';
import {
  createRandom,
  defineCustomFields,
  insertSubscribers,
  randomRules,
  randomSubscriber,
  replaceSubscriber,
} from './testing/random-subscribers.ts';

let t: TestContext;
let index: SegmentIndex;
let segments: SegmentService;
const random = createRandom(7);
const people = 400;
const since = new Date('2025-10-20T00:00:00Z');

before(async () => {
  t = await createTestContext();
  t.clock.set('2026-11-25T10:00:00Z');
  index = createSegmentIndex(t);
  segments = createSegmentService({ ...t, jobs: { ...t.jobs, send: async () => null } });
  await defineCustomFields(t.database);
  await insertSubscribers(
    t.database,
    Array.from({ length: people }, (_, number) => randomSubscriber(random, number)),
  );
});
after(() => t.close());

const run = (statement: ReturnType<typeof sql>) => t.database.execute('test.run', statement);

/** Counts by the index, which must know the rules, and by the table. */
async function compare(rules: SegmentRules): Promise<boolean> {
  const rule = await fillRules(t.database, rules, t.clock.now());
  const condition = compileRule(rule, undefined);
  const plain = await readAudience(t.database, condition);
  assert.equal((await segments.preview(rules)).audience, plain.audience, JSON.stringify(rules));
  const bits = compileBits(rule);
  const indexed = bits && (await readIndexedAudience(t.database, bits, condition));
  if (indexed === undefined) return false;
  assert.equal(indexed.audience, plain.audience, JSON.stringify(rules));
  assert.equal(indexed.sample.length, Math.min(10, plain.audience), JSON.stringify(rules));
  const members = await t.database.query<{ id: string }>('test.members', sql`select id from subscribers where ${condition}`);
  const ids = new Set(members.map(({ id }) => id));
  assert.ok(indexed.sample.every(({ id }) => ids.has(id)));
  return true;
}

const saved: { id: string; rules: SegmentRules }[] = [];

async function compareAll(): Promise<void> {
  let known = 0;
  for (let count = 0; count < 12; count += 1) known += Number(await compare(randomRules(random)));
  assert.ok(known > 2, 'most rules are answered by the index');
  for (const { id, rules } of saved) {
    const rule = await fillRules(t.database, rules, t.clock.now());
    const plain = await readCohorts(t.database, compileRule(rule, undefined), since);
    assert.deepEqual((await segments.countCohorts(id, since)).cohorts, plain.cohorts, JSON.stringify(rules));
  }
}

const randomEmail = () => sql`(select email from subscribers order by md5(id::text || ${random(1e6)}) limit 1)`;

const changes: (() => Promise<unknown>)[] = [
  () => insertSubscribers(t.database, [randomSubscriber(random, 100_000 + random(1e9))]),
  async () => {
    const { email } = await t.database.one<{ email: string }>('test.pick', sql`select ${randomEmail()} as email`);
    await replaceSubscriber(t.database, email, randomSubscriber(random, 0));
  },
  () => run(sql`update subscribers set email = 'moved' || md5(email) || '@example.com' where email = ${randomEmail()}`),
  () => run(sql`delete from subscribers where email = ${randomEmail()}`),
  () => run(sql`insert into suppressions (address, reason, created_at) select lower(${randomEmail()}), '', now() on conflict do nothing`),
  () =>
    run(sql`insert into suppressions (address, reason, created_at, expires_at)
            select lower(${randomEmail()}), '', now(), now() + interval '1 day' on conflict do nothing`),
  () => run(sql`delete from suppressions where address = (select min(address) from suppressions)`),
  () => run(sql`insert into suppressions (address, reason, created_at) values ('@closed.example', '', now()) on conflict do nothing`),
  () => run(sql`delete from suppressions where address = '@closed.example'`),
  () => run(sql`insert into suppressions (address, reason, created_at) values ('*.example.org', '', now()) on conflict do nothing`),
  () => run(sql`delete from suppressions where address = '*.example.org'`),
  () => run(sql`update subscribers set tags = tags || array['mosses'] where country = 'BG' and random() < 0.1`),
  () =>
    t.database
      .transaction(async (tx) => {
        await tx.execute('test.run', sql`update subscribers set status = 'bounced'`);
        await tx.execute('test.run', sql`insert into suppressions (address, reason, created_at) values ('@example.org', '', now())`);
        throw new Error('rolled back');
      })
      .catch(() => undefined),
];

test('counts, samples and cohorts are those of the table, whatever changed since the index was written', async () => {
  await compareAll();
  await index.refresh();
  await compareAll();
  for (const rules of [
    { all: [] },
    { all: [{ field: 'tags', operator: 'contains_any', value: ['shrimp', 'mosses'] }] },
    { all: [{ customField: 'litres', operator: 'at_least', value: 100 }] },
    { not: { field: 'subscriptionDate', operator: 'in_last_days', value: 300 } },
  ]) {
    const { id } = await segments.create({ name: JSON.stringify(rules), rules });
    saved.push({ id, rules });
  }
  for (let round = 0; round < 12; round += 1) {
    for (let count = 0; count < 8; count += 1) await changes[random(changes.length)]?.();
    await compareAll();
    if (round % 2 === 0) {
      await index.refresh();
      const { left } = await t.database.one<{ left: number }>('test.left', sql`select count(*) as left from subscriber_changes`);
      assert.equal(left, 0);
      await compareAll();
    }
  }
  const { tracked } = await t.database.one<{ tracked: number }>('test.tracked', sql`select count(*) as tracked from segment_tracks`);
  assert.equal(tracked, saved.length);
});

test('another day makes other cohorts of a segment that counts days back', async () => {
  t.clock.advance(20 * 86_400_000);
  await compareAll();
  await index.refresh();
  await compareAll();
});

test('rows that come by COPY are counted', async () => {
  const columns = ['id', 'email', 'status', 'subscription_date', 'tags', 'source', 'created_at', 'updated_at'];
  async function* rows() {
    for (let number = 0; number < 300; number += 1) {
      const at = new Date('2026-11-01T00:00:00Z');
      yield [t.clock.newId(), `copied${number}@example.com`, 'active', at, ['copied'], 'import', at, at];
    }
  }
  await copyInto(t.database, 'test.copy', { name: 'subscribers' }, columns, rows());
  const rules = { all: [{ field: 'tags', operator: 'contains_any', value: ['copied'] }] };
  assert.equal((await segments.preview(rules)).audience, 300);
  await index.refresh();
  assert.ok(await compare(rules));
  assert.equal((await segments.preview(rules)).audience, 300);
});

test('a pause and a suppression that run out count again, without any change of the subscriber', async () => {
  const rules = { all: [{ field: 'tags', operator: 'contains_any', value: ['pausing'] }] };
  await insertSubscribers(t.database, [
    {
      ...randomSubscriber(random, 900_001),
      status: 'active',
      tags: ['pausing'],
      email: 'paused@pause.example',
      paused_until: '2999-01-01',
    },
    { ...randomSubscriber(random, 900_002), status: 'active', tags: ['pausing'], email: 'barred@pause.example', paused_until: null },
  ]);
  await run(
    sql`insert into suppressions (address, reason, created_at, expires_at) values ('barred@pause.example', '', now(), '2999-01-01')`,
  );
  await index.refresh();
  assert.equal((await segments.preview(rules)).audience, 0);
  // As if the time had come: the triggers are passed by, since time passes without them.
  await t.database.transaction(async (tx) => {
    await tx.execute('test.run', sql`set local session_replication_role = replica`);
    await tx.execute('test.run', sql`update subscribers set paused_until = now() where email = 'paused@pause.example'`);
    await tx.execute('test.run', sql`update suppressions set expires_at = now() where address = 'barred@pause.example'`);
    await tx.execute(
      'test.run',
      sql`update subscriber_ordinals set revisit_at = now() where revisit_at = '2999-01-01'
      and subscriber_id in (select id from subscribers where email like '%@pause.example')`,
    );
  });
  assert.equal((await segments.preview(rules)).audience, 2);
  await index.refresh();
  assert.ok(await compare(rules));
});

test('writers beside each other and beside the index lose nothing', async () => {
  const write = async (writer: number) => {
    for (let count = 0; count < 15; count += 1) {
      const number = 2_000_000 + writer * 1000 + count;
      await insertSubscribers(t.database, [randomSubscriber(random, number)]);
      await changes[random(changes.length)]?.().catch((error: unknown) => {
        // Two statements over many rows may lock them in different orders; one of them is rolled back.
        if (!(error instanceof Error && 'code' in error && error.code === '40P01')) throw error;
      });
    }
  };
  const refresh = async () => {
    for (let count = 0; count < 10; count += 1) await index.refresh();
  };
  await Promise.all([write(0), write(1), write(2), refresh()]);
  await compareAll();
  await index.refresh();
  await compareAll();
});

test('a field with more values than have bit strings is still counted exactly', async () => {
  await run(sql`insert into subscribers (id, email, status, subscription_date, tags, source, created_at, updated_at)
    select gen_random_uuid(), 'many' || n || '@example.com', 'active', now(), array['tag' || n], 'test', now(), now()
    from generate_series(1, 1100) as n`);
  await index.refresh();
  for (const number of [1, 500, 999, 1100]) await compare({ all: [{ field: 'tags', operator: 'contains_any', value: [`tag${number}`] }] });
  await compare({ not: { field: 'tags', operator: 'contains_any', value: ['tag1', 'tag1100'] } });
  await compareAll();
});

test('what an erased person alone had is forgotten', async () => {
  const known = () =>
    t.database.query('test.facets', sql<{ value: string }>`select value from subscriber_facets where value = 's:Nobody else lives here'`);
  const custom_fields = { city: 'Nobody else lives here' };
  const at = 'alone@example.com';
  await insertSubscribers(t.database, [{ ...randomSubscriber(random, 1), email: at, status: 'active', paused_until: null, custom_fields }]);
  await index.refresh();
  assert.equal((await known()).length, 1);
  await run(sql`update subscribers set status = 'erased', email = 'erased:x', custom_fields = '{}' where email = ${at}`);
  await index.refresh();
  assert.deepEqual(await known(), []);
  assert.ok(await compare({ all: [{ customField: 'city', operator: 'equals', value: 'Nobody else lives here' }] }));
});
