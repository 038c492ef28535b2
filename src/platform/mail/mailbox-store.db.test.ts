import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { sql } from '#platform/database';
import type { Position } from '#platform/http-server';
import { readPlans, takesAll } from '../../../tests/support/query-plans.ts';
import { createTestContext, type TestContext } from '../../../tests/support/test-context.ts';
import { listMessages } from './mailbox-store.ts';

let t: TestContext;

const insert = (rows: ReturnType<typeof sql>) =>
  t.database.execute(
    'test.messages',
    sql`insert into mailbox_messages (id, envelope_from, envelope_to, subject, message_id, received_at, size_bytes, raw)
        select id::uuid, 'engine@example.org', address, 'Plants', '', at, 1, 'x' from (${rows}) as row (id, address, at)`,
  );

before(async () => {
  t = await createTestContext();
  await insert(sql`select gen_random_uuid()::text, number || '@example.org',
                          timestamptz '2026-01-01' + number * interval '1 minute' from generate_series(1, 20000) as number`);
  await t.database.execute('test.analyze', sql`analyze mailbox_messages`);
});
after(() => t.close());

test('a page of the mailbox is read from an index, however much it holds', async () => {
  const position = { at: new Date('2026-01-08'), id: t.clock.newId() };
  const steps = await readPlans(t.database, async (planner) => {
    for (const before of [undefined, position]) await listMessages(planner, { search: '', before, limit: 50 });
  });
  assert.deepEqual(steps.filter(takesAll), []);
  // Not read from its start up to the page either.
  const { plan } = await t.database
    .one('test.explain', sql<{ 'QUERY PLAN': unknown }>`explain (format json) ${await statementOf(position)}`)
    .then((row) => ({ plan: JSON.stringify(row['QUERY PLAN']) }));
  assert.match(plan, /"Index Cond":"\(ROW\(received_at, id\) </);
});

/** The statement that asks for the page after this position. */
async function statementOf(before: Position): Promise<ReturnType<typeof sql>> {
  let found: ReturnType<typeof sql> | undefined;
  await readPlans(t.database, async (planner) => {
    await listMessages(
      {
        ...planner,
        query: (_name, statement) => {
          found = statement as ReturnType<typeof sql>;
          return Promise.resolve([]);
        },
      },
      { search: '', before, limit: 50 },
    );
  });
  assert.ok(found);
  return found;
}

test('mails of one millisecond come once each, page by page', async () => {
  const idOf = (n: number) => `00000000-0000-4000-8000-00000000000${n}`;
  // The ids go against the times within the millisecond, and with them where those are the same.
  const times = ['.001', '.0010', '.001002', '.001002', '.001001', '.001999', '.000999'];
  const rows = times.map(
    (time, n) => sql`select ${idOf(n)}::text, 'same@example.com'::text, ${`2027-01-01T00:00:00${time}Z`}::timestamptz`,
  );
  await insert(sql`${sql.join(rows, sql` union all `)}`);
  for (const limit of [1, 2, 3]) {
    const found: string[] = [];
    let position: Position | undefined;
    do {
      const messages = await listMessages(t.database, { search: 'same@', before: position, limit });
      const page = messages.slice(0, limit);
      found.push(...page.map(({ id }) => id));
      const last = page.at(-1);
      position = messages.length > limit && last !== undefined ? { at: last.receivedAt, id: last.id } : undefined;
    } while (position !== undefined);
    assert.deepEqual(found, [5, 3, 2, 4, 1, 0, 6].map(idOf), `limit ${limit}`);
  }
});
