import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, test } from 'node:test';
import { sql } from '#platform/database';
import { createTestContext, type TestContext } from '../../../../tests/support/test-context.ts';
import { deliverBatchJob } from '../distributor-jobs.ts';
import type { AudienceRow } from '../distributor-types.ts';
import { addReaders } from '../testing/newsroom.ts';
import { takeChains } from './chain-store.ts';
import { claimAt } from './claim.ts';
import { claimDeliveries, moveDeliveries, releaseClaim, type Transition } from './claim-store.ts';
import { countDeliveries, countSent, createPartition, type EnqueueOptions, enqueueStatement, releaseToWinner } from './delivery-store.ts';
import { enqueueRecipients, markSentByEvent, requeueFailed, resolveUncertain } from './ledger-changes.ts';
import { shortenReason } from './outcomes.ts';

let t: TestContext;
let templateId: string;

before(async () => {
  t = await createTestContext();
  templateId = t.clock.newId();
  await t.jobs.prepare([deliverBatchJob]);
  await t.database.execute(
    'test.template',
    sql`insert into newsletter_templates (id, name, mjml, text_template, created_at, updated_at) values (${templateId}, 'x', '', '', now(), now())`,
  );
});
after(() => t.close());
beforeEach(() =>
  t.database.execute('test.clear', sql`truncate deliveries, newsletter_issues, delivery_chains, subscribers, pgboss.job cascade`),
);

async function addIssue(status = 'sending'): Promise<string> {
  const id = t.clock.newId();
  await t.database.execute(
    'test.issue',
    sql`insert into newsletter_issues (id, issue_key, subject, template_id, status, created_at, started_at, finished_at)
        values (${id}, ${id}, 'x', ${templateId}, ${status}, now(), now(), case when ${status} = 'sent' then now() end)`,
  );
  await createPartition(t.database, id);
  return id;
}

const everybody = sql<AudienceRow>`select id, split_part(email, '@', 2) as host, timezone, send_hour, frequency from subscribers`;
const fill = (issueId: string, options?: EnqueueOptions) =>
  t.database.execute('test.fill', enqueueStatement(issueId, t.clock.now(), options)(everybody));

const to = (subscriberId: string, status: Transition['status'], more: Partial<Transition> = {}): Transition => ({
  ...{ subscriberId, status, tries: 1, reason: null, failureClass: null, nextAttemptAt: null },
  ...more,
});

const rowOf = (issueId: string, subscriberId: string) =>
  t.database.one<{ status: string; reason: string | null; variant: number | null; due: string | null; claimedBy: string | null }>(
    'test.row',
    sql`select status, reason, variant, next_attempt_at::text as due, claimed_by::text as "claimedBy" from deliveries
        where issue_id = ${issueId}::uuid and subscriber_id = ${subscriberId}::uuid`,
  );

async function countByRows(issueId: string): Promise<Record<string, number>> {
  const rows = await t.database.query<{ status: string; count: number }>(
    'test.count',
    sql`select status, count(*) as count from deliveries where issue_id = ${issueId}::uuid group by status`,
  );
  return Object.fromEntries(rows.map(({ status, count }) => [status, count]));
}

async function assertCounted(issueId: string): Promise<void> {
  const { total, ...counts } = await countDeliveries(t.database, issueId);
  const found = await countByRows(issueId);
  assert.deepEqual(Object.fromEntries(Object.entries(counts).filter(([, count]) => count !== 0)), found);
  assert.equal(
    total,
    Object.values(found).reduce((sum, count) => sum + count, 0),
  );
}

describe('a row of the ledger', () => {
  test('is at most 300 bytes, however long what it says', async () => {
    const readers = await addReaders(t, 1, `${'long'.repeat(10)}@${'host'.repeat(15)}.${'name'.repeat(12)}.`);
    const id = await addIssue();
    await fill(id);
    const [subscriberId = ''] = readers;
    const claim = claimAt(t.clock, id, t.clock.newId());
    await claimDeliveries(t.database, claim, 10);
    await moveDeliveries(t.database, claim, [
      to(subscriberId, 'queued', {
        reason: shortenReason(`450 ${'ü'.repeat(900)}`),
        failureClass: 'transient',
        nextAttemptAt: t.clock.now(),
      }),
    ]);
    const again = claimAt(t.clock, id, t.clock.newId());
    await claimDeliveries(t.database, again, 10);
    await moveDeliveries(t.database, again, [
      to(subscriberId, 'sending', { tries: 0, reason: shortenReason('ü'.repeat(900)), failureClass: 'transient' }),
    ]);
    const { bytes, status } = await t.database.one<{ bytes: number; status: string }>(
      'test.bytes',
      sql`select pg_column_size(d.*) as bytes, status from deliveries d`,
    );
    assert.equal(status, 'sending');
    assert.ok(bytes <= 300, `${bytes} bytes`);
    const indexes = await t.database.query<{ name: string }>(
      'test.indexes',
      sql`select indexrelid::regclass::text as name from pg_index where indrelid = 'deliveries'::regclass order by 1`,
    );
    assert.deepEqual(
      indexes.map(({ name }) => name),
      ['deliveries_open', 'deliveries_pkey'],
    );
  });
});

describe('the counts of an issue', () => {
  test('follow every change of its rows, whoever makes it, also when it is rolled back', async () => {
    const readers = await addReaders(t, 60);
    const id = await addIssue();
    await fill(id);
    await assertCounted(id);
    await Promise.all(
      [0, 1, 2].map(async () => {
        const claim = claimAt(t.clock, id, t.clock.newId());
        const { claimed } = await claimDeliveries(t.database, claim, 15);
        const ids = claimed.map(({ subscriberId }) => subscriberId);
        await moveDeliveries(
          t.database,
          claim,
          ids.slice(0, 10).map((reader) => to(reader, 'sending', { tries: 0 })),
        );
        await moveDeliveries(t.database, claim, [
          ...ids.slice(0, 4).map((reader) => to(reader, 'sent')),
          ...ids.slice(4, 6).map((reader) => to(reader, 'failed')),
          ...ids.slice(6, 7).map((reader) => to(reader, 'uncertain')),
          ...ids.slice(10, 12).map((reader) => to(reader, 'skipped', { tries: 0 })),
        ]);
      }),
    );
    await assertCounted(id);
    await assert.rejects(
      t.database.transaction(async (tx) => {
        await tx.execute('test.all', sql`update deliveries set status = 'sent', claimed_by = null, next_attempt_at = null`);
        throw new Error('never mind');
      }),
    );
    await assertCounted(id);
    await t.database.execute('test.delete', sql`delete from deliveries where subscriber_id = any(${readers.slice(0, 20)}::uuid[])`);
    await assertCounted(id);
    assert.equal(await countSent(t.database), (await countByRows(id)).sent);
    await t.database.execute('test.truncate', sql`truncate deliveries`);
    await assertCounted(id);
  });
});

describe('a claim', () => {
  test('behind a place in the queue takes what is behind it, and from the start what has come back', async () => {
    await addReaders(t, 30);
    const id = await addIssue();
    await fill(id);
    const claim = claimAt(t.clock, id, t.clock.newId());
    const first = await claimDeliveries(t.database, claim, 10);
    await releaseClaim(t.database, claim);
    const ids = (claimed: typeof first) => claimed.claimed.map(({ subscriberId }) => subscriberId).sort();
    const second = await claimDeliveries(t.database, claimAt(t.clock, id, t.clock.newId()), 100, first.last);
    const rest = await claimDeliveries(t.database, claimAt(t.clock, id, t.clock.newId()), 100);
    assert.equal(new Set([...ids(second), ...ids(rest)]).size, 30);
  });

  test('takes nothing before its time, and nothing that waits for something else', async () => {
    const readers = await addReaders(t, 3);
    const id = await addIssue();
    const at = sql<Date>`case audience.id when ${readers[0]}::uuid then ${t.clock.now()}::timestamptz
      when ${readers[1]}::uuid then ${new Date(t.clock.now().getTime() + 3600_000)}::timestamptz else 'infinity' end`;
    await fill(id, { sendAt: at, variant: sql<number | null>`case audience.id when ${readers[2]}::uuid then null else 1 end` });
    const { claimed } = await claimDeliveries(t.database, claimAt(t.clock, id, t.clock.newId()), 10);
    assert.deepEqual(
      claimed.map(({ subscriberId, variant }) => ({ subscriberId, variant })),
      [{ subscriberId: readers[0], variant: 1 }],
    );
  });
});

test('readers that wait for a winner get it, a part at a time', async () => {
  const readers = await addReaders(t, 5);
  const id = await addIssue();
  await fill(id, { sendAt: sql<Date>`'infinity'`, variant: sql<number | null>`null::int` });
  assert.deepEqual(
    [await releaseToWinner(t.database, id, 2, 3), await releaseToWinner(t.database, id, 2, 3), await releaseToWinner(t.database, id, 2, 3)],
    [3, 2, 0],
  );
  const { claimed } = await claimDeliveries(t.database, claimAt(t.clock, id, t.clock.newId()), 10);
  assert.deepEqual(
    claimed.map(({ variant }) => variant),
    readers.map(() => 2),
  );
});

test('readers who want mail weekly or monthly are skipped when an issue reached them lately, and the ledger says why', async () => {
  const [daily = '', weekly = '', monthly = ''] = await addReaders(t, 3);
  const setFrequency = (id: string, frequency: string) =>
    t.database.execute('test.frequency', sql`update subscribers set frequency = ${frequency} where id = ${id}::uuid`);
  await setFrequency(weekly, 'weekly');
  await setFrequency(monthly, 'monthly');
  const earlier = await addIssue();
  await fill(earlier);
  const reachedAgo = (days: number) =>
    t.database.execute(
      'test.reached',
      sql`update deliveries set status = 'sent', next_attempt_at = null, changed_at = now() - make_interval(days => ${days}::int)
          where issue_id = ${earlier}::uuid`,
    );
  const statusesAfter = async (days: number) => {
    await reachedAgo(days);
    const id = await addIssue();
    await fill(id);
    const rows = await Promise.all([daily, weekly, monthly].map((reader) => rowOf(id, reader)));
    await t.database.execute('test.drop', sql`delete from deliveries where issue_id = ${id}::uuid`);
    return rows.map(({ status, reason }) => `${status} ${reason ?? ''}`.trim());
  };
  assert.deepEqual(await statusesAfter(1), ['queued', 'skipped frequency', 'skipped frequency']);
  assert.deepEqual(await statusesAfter(7), ['queued', 'queued', 'skipped frequency']);
  assert.deepEqual(await statusesAfter(28), ['queued', 'queued', 'queued']);
  const uncapped = await addIssue();
  await reachedAgo(1);
  await fill(uncapped, { isCapped: false });
  assert.deepEqual(await countByRows(uncapped), { queued: 3 });
});

describe('changes from outside', () => {
  const statusOf = async (id: string) =>
    (await t.database.one<{ status: string }>('test.status', sql`select status from newsletter_issues where id = ${id}::uuid`)).status;
  const countJobs = async () =>
    (await t.database.one<{ count: number }>('test.jobs', sql`select count(*) as count from pgboss.job where name = 'deliver-batch'`))
      .count;
  const inTransaction = <T>(work: Parameters<typeof t.database.transaction<T>>[0]) => t.database.transaction(work);
  const set = (id: string, subscriberId: string, status: string, failureClass: string | null = null) =>
    t.database.execute(
      'test.set',
      sql`update deliveries set status = ${status}, next_attempt_at = null, claimed_by = null, failure_class = ${failureClass}
          where issue_id = ${id}::uuid and subscriber_id = ${subscriberId}::uuid`,
    );

  test('recipients that are added to an issue that was sent open it again, each once', async () => {
    const [one = '', two = '', three = ''] = await addReaders(t, 3);
    const id = await addIssue('sent');
    const add = (readers: string[]) => inTransaction((tx) => enqueueRecipients(t, tx, id, readers, t.clock.now()));
    assert.equal(await add([one, two]), 2);
    assert.equal(await statusOf(id), 'sending');
    assert.equal(await countJobs(), 1);
    assert.equal(await add([two, three]), 1);
    assert.deepEqual(await countByRows(id), { queued: 3 });
    await t.database.execute('test.rest', sql`update delivery_chains set alive_at = now() + interval '1 minute'`);
    assert.equal(await add([one]), 0);
    assert.equal(await countJobs(), 1);
  });

  test('a chain that rests is woken for what is added', async () => {
    const [one = ''] = await addReaders(t, 1);
    const id = await addIssue();
    const later = new Date(t.clock.now().getTime() + 60_000);
    await inTransaction((tx) => takeChains(tx, id, 2, later));
    await inTransaction((tx) => enqueueRecipients(t, tx, id, [one], t.clock.now()));
    assert.equal(await countJobs(), 1);
  });

  test('failures are queued again, but not those of addresses that do not exist', async () => {
    const [gone = '', busy = '', sent = ''] = await addReaders(t, 3);
    const id = await addIssue('sent');
    await fill(id);
    await set(id, gone, 'failed', 'hard');
    await set(id, busy, 'failed', 'transient');
    await set(id, sent, 'sent');
    assert.equal(await inTransaction((tx) => requeueFailed(t, tx, id, t.clock.now())), 1);
    assert.deepEqual(await countByRows(id), { failed: 1, queued: 1, sent: 1 });
    assert.equal(await statusOf(id), 'sending');
    assert.equal(await inTransaction((tx) => requeueFailed(t, tx, id, t.clock.now())), 0);
  });

  test('what is uncertain is decided by a person, or by an event of the provider', async () => {
    const readers = await addReaders(t, 5);
    const [one = '', two = '', three = '', four = '', five = ''] = readers;
    const id = await addIssue('sent');
    await fill(id);
    for (const reader of readers) await set(id, reader, 'uncertain');
    const resolve = (reader: string | null, decision: 'sent' | 'resend' | 'failed') =>
      inTransaction((tx) => resolveUncertain(t, tx, id, reader, decision, t.clock.now()));
    assert.equal(await resolve(one, 'sent'), 1);
    assert.equal(await resolve(one, 'resend'), 0, 'decided already');
    assert.equal(await resolve(two, 'failed'), 1);
    assert.equal(await statusOf(id), 'sent');
    assert.equal(await resolve(three, 'resend'), 1);
    assert.equal(await statusOf(id), 'sending');
    assert.equal(await markSentByEvent(t.database, id, [four, two, one], t.clock.now()), 1);
    assert.equal(await resolve(null, 'failed'), 1);
    const states = await Promise.all([one, two, three, four, five].map(async (reader) => (await rowOf(id, reader)).status));
    assert.deepEqual(states, ['sent', 'failed', 'queued', 'sent', 'failed']);
    await assertCounted(id);
  });
});
