import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { type Database, sql } from '#platform/database';
import { createTestContext, type TestContext } from '../../../../tests/support/test-context.ts';
import { addReaders } from '../testing/newsroom.ts';
import { claimAt } from './claim.ts';
import {
  claimDeliveries,
  claimInterrupted,
  moveDeliveries,
  nextDueAt,
  releaseClaim,
  releaseExpiredClaims,
  renewLease,
  skipCancelled,
} from './claim-store.ts';
import { analysePartition, createPartition } from './delivery-store.ts';

const recipients = 20_000;

let t: TestContext;
let issueId: string;
let readers: string[];

before(async () => {
  t = await createTestContext();
  issueId = t.clock.newId();
  const templateId = t.clock.newId();
  await t.database.execute(
    'test.template',
    sql`insert into newsletter_templates (id, name, mjml, text_template, created_at, updated_at) values (${templateId}, 'x', '', '', now(), now())`,
  );
  await t.database.execute(
    'test.issue',
    sql`insert into newsletter_issues (id, issue_key, subject, template_id, status, created_at)
        values (${issueId}, 'x', 'x', ${templateId}, 'sending', now())`,
  );
  readers = await addReaders(t, recipients);
  await Promise.all([createPartition(t.database, issueId), createPartition(t.database, issueId)]);
  await t.database.execute(
    'test.fill',
    sql`insert into deliveries (issue_id, subscriber_id, next_attempt_at, changed_at) select ${issueId}::uuid, id, now(), now() from subscribers`,
  );
  await analysePartition(t.database, issueId);
  // Now the statistics are of the beginning, and the table is of the end: a few are left at the far side of it.
  await t.database.execute(
    'test.nearly-done',
    sql`update deliveries set status = 'sent', next_attempt_at = null where subscriber_id <> all(${readers.slice(-150)}::uuid[])`,
  );
});
after(() => t.close());

/** A database that explains what it does, and does it. */
function explaining(plans: string[]): Database {
  const explain = async (statement: ReturnType<typeof sql>) => {
    const rows = await t.database.query(
      'test.explain',
      sql<{ 'QUERY PLAN': string }>`explain (analyze, costs off, timing off) ${statement}`,
    );
    plans.push(rows.map((row) => row['QUERY PLAN']).join('\n'));
  };
  return {
    ...t.database,
    query: async (_, statement) => {
      await explain(statement);
      return [];
    },
    one: async <R extends object>(_: string, statement: ReturnType<typeof sql>) => {
      await explain(statement);
      return { due: null } as R;
    },
    execute: async (_, statement) => {
      await explain(statement);
      return 0;
    },
  };
}

test('late in an issue, and whatever the statistics say, no statement of a batch reads the ledger from end to end', async () => {
  const plans: string[] = [];
  const database = explaining(plans);
  const claim = claimAt(t.clock, issueId, t.clock.newId());
  await claimDeliveries(database, claim, 100);
  const moved = readers
    .slice(-5)
    .map((subscriberId) => ({ subscriberId, status: 'sending', tries: 0, reason: null, failureClass: null, nextAttemptAt: null }) as const);
  await moveDeliveries(database, claim, moved);
  await renewLease(database, claim, claim.leaseUntil);
  await nextDueAt(database, issueId, claim.now);
  await releaseClaim(database, claim);
  await releaseExpiredClaims(database, issueId, claim.now);
  await claimInterrupted(database, claim, 100);
  await skipCancelled(database, issueId, claim.now, 100);
  assert.equal(plans.length, 8);
  for (const plan of plans) {
    assert.doesNotMatch(plan, /Seq Scan on deliveries/, plan);
    for (const [, rows = ''] of plan.matchAll(/actual rows=(\d+)/g)) assert.ok(Number(rows) <= 200, plan);
    for (const [, rows = ''] of plan.matchAll(/Rows Removed by [\w ]+: (\d+)/g)) assert.ok(Number(rows) <= 200, plan);
  }
});

test('claims of several workers at once never overlap', async () => {
  await t.database.execute(
    'test.again',
    sql`update deliveries set status = 'queued', next_attempt_at = now(), claimed_by = null where subscriber_id = any(${readers.slice(-150)}::uuid[])`,
  );
  const claims = await Promise.all([1, 2, 3, 4].map(() => claimDeliveries(t.database, claimAt(t.clock, issueId, t.clock.newId()), 50)));
  const ids = claims.flatMap(({ claimed }) => claimed).map(({ subscriberId }) => subscriberId);
  assert.equal(new Set(ids).size, ids.length);
  assert.ok(ids.length <= 150);
});

test('what the mail server accepted is sent, even when the claim was lost meanwhile; nothing else moves without the claim', async () => {
  const [subscriberId = ''] = readers;
  const move = (status: 'sent' | 'failed' | 'queued') =>
    moveDeliveries(t.database, claimAt(t.clock, issueId, t.clock.newId()), [
      { subscriberId, status, tries: 1, reason: null, failureClass: null, nextAttemptAt: null },
    ]);
  for (const status of ['queued', 'claimed', 'sending', 'uncertain']) {
    await t.database.execute(
      'test.set',
      sql`update deliveries set status = ${status},
            claimed_by = case when ${status} in ('claimed', 'sending') then ${t.clock.newId()}::uuid end,
            next_attempt_at = case when ${status} <> 'uncertain' then now() end
          where subscriber_id = ${subscriberId}::uuid`,
    );
    assert.deepEqual(await move('failed'), [], status);
    assert.deepEqual(await move('queued'), [], status);
    assert.deepEqual(await move('sent'), [{ subscriberId, status: 'sent' }], status);
  }
  assert.deepEqual(await move('sent'), [], 'once');
});
