import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { sql } from '#platform/database';
import type { Position } from '#platform/http-server';
import { readPlans, takesAll } from '../../../../tests/support/query-plans.ts';
import { createTestContext, type TestContext } from '../../../../tests/support/test-context.ts';
import { listIssues } from './issue-store.ts';

let t: TestContext;

const insert = (rows: ReturnType<typeof sql>) =>
  t.database.execute(
    'test.issues',
    sql`insert into newsletter_issues (id, issue_key, subject, template_id, status, created_at)
        select id::uuid, id, 'Plants', ${templateId}::uuid, status, at from (${rows}) as row (id, status, at)`,
  );
let templateId = '';

before(async () => {
  t = await createTestContext();
  templateId = t.clock.newId();
  await t.database.execute(
    'test.template',
    sql`insert into newsletter_templates (id, name, mjml, text_template, created_at, updated_at)
        values (${templateId}::uuid, 'test', '', '', now(), now())`,
  );
  await insert(sql`select gen_random_uuid()::text, case when number % 100 = 0 then 'failed' else 'sent' end,
                          timestamptz '2026-01-01' + number * interval '1 minute' from generate_series(1, 20000) as number`);
  await t.database.execute('test.analyze', sql`analyze newsletter_issues`);
});
after(() => t.close());

test('a page of the campaigns is read from an index, however many there are', async () => {
  const position = { at: new Date('2026-01-08'), id: t.clock.newId() };
  const steps = await readPlans(t.database, async (planner) => {
    for (const before of [undefined, position]) {
      for (const status of [undefined, 'sent', 'failed'] as const) await listIssues(planner, { status, before, limit: 20 });
    }
  });
  assert.deepEqual(steps.filter(takesAll), []);
});

test('campaigns of one millisecond come once each, page by page', async () => {
  const idOf = (n: number) => `00000000-0000-4000-8000-00000000000${n}`;
  // The ids go against the times within the millisecond, and with them where those are the same.
  const times = ['.001', '.0010', '.001002', '.001002', '.001001', '.001999', '.000999'];
  const newest = sql.join(
    times.map((time, n) => sql`select ${idOf(n)}::text, 'draft'::text, ${`2027-01-01T00:00:00${time}Z`}::timestamptz`),
    sql` union all `,
  );
  await insert(sql`${newest}`);
  for (const limit of [1, 2, 3]) {
    const found: string[] = [];
    let position: Position | undefined;
    do {
      const rows = await listIssues(t.database, { status: 'draft', before: position, limit });
      const page = rows.slice(0, limit);
      found.push(...page.map(({ id }) => id));
      const last = page.at(-1);
      position = rows.length > limit && last !== undefined ? { at: last.createdAt, id: last.id } : undefined;
    } while (position !== undefined);
    assert.deepEqual(found, [5, 3, 2, 4, 1, 0, 6].map(idOf), `limit ${limit}`);
  }
});

test('after a campaign that is gone, none is left out', async () => {
  const [first, second] = await listIssues(t.database, { status: 'draft', limit: 1 });
  assert.ok(first !== undefined && second !== undefined);
  await t.database.execute('test.remove', sql`delete from newsletter_issues where id = ${first.id}::uuid`);
  const rows = await listIssues(t.database, { status: 'draft', before: { at: first.createdAt, id: first.id }, limit: 1 });
  assert.equal(rows[0]?.id, second.id);
});
