import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { sql } from '#platform/database';
import { createTestContext, type TestContext } from '../../../../tests/support/test-context.ts';
import { startTestStand, type TestStand } from '../testing/test-stand.ts';
import type { EngagementRule } from './rule-types.ts';
import { createSegmentIndex } from './segment-index.ts';
import { createSegmentService } from './segment-service.ts';
import { createRandom, insertSubscribers, randomSubscriber } from './testing/random-subscribers.ts';

let t: TestContext;
let stand: TestStand;

const list = `email,country,language,tags,subscription_date
bg-shrimp@example.com,BG,bg,shrimp;mosses,2026-01-10
bg-iwagumi@example.com,BG,en,iwagumi,2026-02-10
de-shrimp@example.com,DE,de,shrimp,2026-03-10
us-old@example.com,US,en-US,low-light,2025-03-10
left@example.com,BG,bg,shrimp,2026-01-10
suppressed@example.com,BG,bg,shrimp,2026-01-10
domain@closed.example,BG,bg,shrimp,2026-01-10
`;

before(async () => {
  t = await createTestContext();
  stand = await startTestStand(t);
  await stand.importCsv(list);
  await stand.call('POST', `/api/v1/subscribers/${await idOf('left@example.com')}/unsubscribe`);
  await stand.call('POST', '/api/v1/suppressions', { address: 'SUPPRESSED@example.com' });
  await stand.call('POST', '/api/v1/suppressions', { address: '@closed.example' });
  await stand.call('POST', '/api/v1/subscribers', { email: 'pending@example.com' });
});
after(async () => {
  await stand.close();
  await t.close();
});

async function idOf(email: string): Promise<string> {
  return (await t.database.one<{ id: string }>('test.id', sql`select id from subscribers where email = ${email}`)).id;
}

type Rule = { field: string; operator: string; value: unknown };
const preview = (...all: Rule[]) => stand.call('POST', '/api/v1/segments/preview', { rules: { all } });
const countOf = async (...all: Rule[]) => (await preview(...all)).json.audience;

/** Inserts the audience into a table as the distributor does and says who stands there. */
async function enqueue(segmentId?: string | null): Promise<{ count: number; emails: string[] }> {
  return t.database.transaction(async (tx) => {
    await tx.execute('test.make', sql`create temporary table audience (id uuid primary key) on commit drop`);
    const count = await stand.manager.enqueueAudience(tx, {
      ...(segmentId !== undefined && { segmentId }),
      insertFrom: (audience) => sql`insert into audience (id) select audience.id from (${audience}) audience on conflict do nothing`,
    });
    const rows = await tx.query<{ email: string }>('test.read', sql`select email from audience join subscribers using (id) order by email`);
    return { count, emails: rows.map(({ email }) => email) };
  });
}

test('everybody who may be written to: no pending, unsubscribed or suppressed one', async () => {
  const everybody = ['bg-iwagumi@example.com', 'bg-shrimp@example.com', 'de-shrimp@example.com', 'us-old@example.com'];
  assert.deepEqual(await enqueue(), { count: 4, emails: everybody });
  assert.deepEqual(await enqueue(null), { count: 4, emails: everybody });
  assert.equal(await countOf(), 4);
});

test('rules: all of them hold', async () => {
  assert.equal(await countOf({ field: 'country', operator: 'equals', value: 'BG' }), 2);
  assert.equal(await countOf({ field: 'tags', operator: 'contains_any', value: ['shrimp', 'iwagumi'] }), 3);
  assert.equal(await countOf({ field: 'language', operator: 'in', value: ['de', 'en-US'] }), 2);
  assert.equal(await countOf({ field: 'subscriptionDate', operator: 'before', value: '2026-02-10' }), 2);
  assert.equal(await countOf({ field: 'subscriptionDate', operator: 'after', value: '2026-02-10' }), 2);
  assert.equal(
    await countOf(
      { field: 'country', operator: 'in', value: ['BG', 'DE'] },
      { field: 'tags', operator: 'contains_any', value: ['shrimp'] },
    ),
    2,
  );
  assert.equal(await countOf({ field: 'status', operator: 'equals', value: 'unsubscribed' }), 0, 'no rule reaches who left');
});

test('rules are values, never SQL', async () => {
  for (const value of ["BG' or true --", "'; drop table subscribers; --", 'BG") or ("1"="1', '$1', '%']) {
    assert.equal(await countOf({ field: 'country', operator: 'equals', value }), 0, value);
    assert.equal(await countOf({ field: 'tags', operator: 'contains_any', value: [value, '}', '{shrimp}', '"'] }), 0, value);
  }
  for (const field of ['email', "status' or true --", 'id; drop table subscribers']) {
    assert.equal((await preview({ field, operator: 'equals', value: 'x' })).json.fields[0].path, '/rules/all/0/field', field);
  }
  assert.equal((await preview({ field: 'tags', operator: 'contains_any', value: ['a\u0000'] })).status, 422);
  assert.equal((await preview({ field: 'country', operator: 'before', value: '2026-01-01' })).json.fields[0].path, '/rules/all/0/operator');
  assert.equal((await preview(...Array.from({ length: 101 }, () => ({ field: 'country', operator: 'equals', value: 'BG' })))).status, 422);
  assert.equal((await stand.call('POST', '/api/v1/segments/preview', { rules: [] })).status, 400);
  assert.equal((await stand.call('POST', '/api/v1/segments', { name: 'a\r\nb', rules: { all: [] } })).status, 400);
});

test('a segment is made, found with its audience, changed, used and removed', async () => {
  const rules = { all: [{ field: 'tags', operator: 'contains_any', value: ['shrimp'] }] };
  const { status, json } = await stand.call('POST', '/api/v1/segments', { name: ' Shrimp keepers ', rules });
  assert.equal(status, 201);
  assert.equal(json.name, 'Shrimp keepers');
  assert.deepEqual(json.rules, rules);
  assert.equal((await stand.call('GET', `/api/v1/segments/${json.id}`)).json.audience, 2);
  assert.deepEqual((await enqueue(json.id)).emails, ['bg-shrimp@example.com', 'de-shrimp@example.com']);

  assert.equal((await stand.call('POST', '/api/v1/segments', { name: 'Shrimp keepers', rules })).json.code, 'segment_name_taken');
  const { json: other } = await stand.call('POST', '/api/v1/segments', { name: 'Bulgaria', rules: { all: [] } });
  assert.equal((await stand.call('PATCH', `/api/v1/segments/${other.id}`, { name: 'Shrimp keepers' })).json.code, 'segment_name_taken');
  const narrowed = { all: [{ field: 'country', operator: 'equals', value: 'BG' }] };
  assert.deepEqual((await stand.call('PATCH', `/api/v1/segments/${other.id}`, { rules: narrowed })).json.rules, narrowed);
  assert.equal(
    (await stand.call('PATCH', `/api/v1/segments/${other.id}`, { rules: { all: [{ ...narrowed.all[0], operator: 'after' }] } })).status,
    422,
  );

  const seen: string[] = [];
  for (let cursor: string | null = ''; cursor !== null; ) {
    const { json: page } = await stand.call('GET', `/api/v1/segments?limit=1${cursor && `&cursor=${cursor}`}`);
    seen.push(...page.items.map(({ name }: { name: string }) => name));
    cursor = page.nextCursor;
  }
  assert.deepEqual(seen, ['Bulgaria', 'Shrimp keepers']);

  await t.database.execute(
    'test.issue',
    sql`with template as (insert into newsletter_templates values (${t.clock.newId()}, 't', '', '', now(), now()) returning id)
        insert into newsletter_issues (id, issue_key, subject, template_id, segment_id, created_at)
        select ${t.clock.newId()}::uuid, 'k', 's', id, ${json.id}::uuid, now() from template`,
  );
  assert.equal((await stand.call('DELETE', `/api/v1/segments/${json.id}`)).json.code, 'segment_in_use');
  assert.equal((await stand.call('DELETE', `/api/v1/segments/${other.id}`)).status, 204);
  assert.equal((await stand.call('DELETE', `/api/v1/segments/${other.id}`)).status, 404);
  await assert.rejects(enqueue(other.id), { code: 'not_found' });
});

test('recipients are read as they stand now, each with what is in the way', async () => {
  const emails = ['bg-shrimp@example.com', 'left@example.com', 'suppressed@example.com', 'domain@closed.example', 'pending@example.com'];
  const ids = await Promise.all(emails.map(idOf));
  const recipients = await stand.manager.findRecipients(t.database, [...ids, t.clock.newId()]);
  assert.deepEqual(Object.fromEntries(recipients.map(({ email, obstacle }) => [email, obstacle])), {
    'bg-shrimp@example.com': null,
    'left@example.com': 'unsubscribed',
    'suppressed@example.com': 'suppressed',
    'domain@closed.example': 'suppressed',
    'pending@example.com': 'pending',
  });
});

test('a preview says how many, who some of them are, and when that was so', async () => {
  const { json } = await preview({ field: 'country', operator: 'equals', value: 'BG' });
  assert.equal(json.audience, 2);
  assert.deepEqual(json.sample.map(({ email }: { email: string }) => email).sort(), ['bg-iwagumi@example.com', 'bg-shrimp@example.com']);
  assert.ok(Math.abs(new Date(json.asOf).getTime() - Date.now()) < 3_600_000);
});

test('segments name segments: as these stand now, never back to themselves, and none is removed while it is named', async () => {
  const add = async (name: string, rules: object) => (await stand.call('POST', '/api/v1/segments', { name, rules })).json;
  const shrimp = await add('Named', { all: [{ field: 'tags', operator: 'contains_any', value: ['shrimp'] }] });
  const outside = await add('Naming', { all: [{ not: { field: 'country', operator: 'equals', value: 'BG' } }, { segment: shrimp.id }] });
  assert.equal((await stand.call('GET', `/api/v1/segments/${outside.id}`)).json.audience, 1);
  const circle = await stand.call('PATCH', `/api/v1/segments/${shrimp.id}`, { rules: { any: [{ all: [] }, { segment: outside.id }] } });
  assert.deepEqual(circle.json.fields, [{ path: '/rules/any/1/segment', message: 'names a segment that leads back to itself' }]);
  assert.deepEqual((await stand.call('GET', `/api/v1/segments/${shrimp.id}`)).json.usedBy, [
    { kind: 'segment', id: outside.id, name: 'Naming' },
  ]);
  assert.equal((await stand.call('DELETE', `/api/v1/segments/${shrimp.id}`)).json.code, 'segment_in_use');
  await stand.call('PATCH', `/api/v1/segments/${shrimp.id}`, {
    rules: { all: [{ field: 'tags', operator: 'contains_any', value: ['iwagumi'] }] },
  });
  assert.equal((await stand.call('GET', `/api/v1/segments/${outside.id}`)).json.audience, 0);
  const missing = await stand.call('POST', '/api/v1/segments/preview', { rules: { not: { segment: t.clock.newId() } } });
  assert.deepEqual(missing.json.fields, [{ path: '/rules/not/segment', message: 'names a segment that does not exist' }]);
  assert.equal((await stand.call('DELETE', `/api/v1/segments/${outside.id}`)).status, 204);
  assert.equal((await stand.call('DELETE', `/api/v1/segments/${shrimp.id}`)).status, 204);
});

test('cohorts of a segment by country, language and month, before they are kept counted and after', async () => {
  const { json: segment } = await stand.call('POST', '/api/v1/segments', { name: 'Cohorts', rules: { all: [] } });
  const cohorts = async (since: string) => (await stand.call('GET', `/api/v1/segments/${segment.id}/cohorts?since=${since}`)).json.cohorts;
  const expected = [
    { country: 'BG', language: 'bg', month: '2026-01-01', count: 1 },
    { country: 'BG', language: 'en', month: '2026-02-01', count: 1 },
    { country: 'DE', language: 'de', month: '2026-03-01', count: 1 },
  ];
  assert.deepEqual(await cohorts('2025-04-01'), expected);
  await createSegmentIndex(t).refresh();
  const { tracked } = await t.database.one<{ tracked: boolean }>(
    'test.tracked',
    sql`select exists (select 1 from segment_tracks where segment_id = ${segment.id}::uuid) as tracked`,
  );
  assert.ok(tracked);
  assert.deepEqual(await cohorts('2025-04-01'), expected);
  assert.deepEqual(await cohorts('2026-02-10'), expected.slice(1));
  assert.deepEqual(await cohorts('2026-02-11'), expected.slice(2));
  assert.equal((await stand.call('GET', `/api/v1/segments/${segment.id}/cohorts?since=2026-02-30`)).status, 400);
  assert.equal((await stand.call('GET', `/api/v1/segments/${t.clock.newId()}/cohorts`)).status, 404);
});

test('the segments of recipients are read with them', async () => {
  const add = async (name: string, rules: object) => (await stand.call('POST', '/api/v1/segments', { name, rules })).json.id;
  const shrimp = await add('Of shrimp', { all: [{ field: 'tags', operator: 'contains_any', value: ['shrimp'] }] });
  const bulgaria = await add('Of Bulgaria', { all: [{ field: 'country', operator: 'equals', value: 'BG' }] });
  const ids = await Promise.all(['bg-shrimp@example.com', 'de-shrimp@example.com', 'us-old@example.com'].map(idOf));
  const recipients = await stand.manager.findRecipients(t.database, ids, [shrimp, bulgaria, t.clock.newId()]);
  assert.deepEqual(Object.fromEntries(recipients.map(({ email, segments }) => [email, [...segments].sort()])), {
    'bg-shrimp@example.com': [shrimp, bulgaria].sort(),
    'de-shrimp@example.com': [shrimp],
    'us-old@example.com': [],
  });
});

test('what readers opened is asked of the distributor, where there is one', async () => {
  const rules = { all: [{ not: { engagement: 'opened', inLastDays: 7 } }, { field: 'country', operator: 'equals', value: 'BG' }] };
  const refused = await stand.call('POST', '/api/v1/segments/preview', { rules });
  assert.equal(refused.json.fields[0].path, '/rules');
  const opener = await idOf('bg-shrimp@example.com');
  const asked: EngagementRule[] = [];
  const service = createSegmentService({
    ...t,
    engagement: (rule, subscriberId) => {
      asked.push(rule);
      return sql<boolean>`(${subscriberId} in (select ${opener}::uuid))`;
    },
  });
  assert.equal((await service.preview(rules)).audience, 1);
  assert.equal((await service.preview({ all: [{ engagement: 'clicked', times: 2 }] })).audience, 1);
  assert.deepEqual(
    asked.map(({ kind, times }) => [kind, times]),
    [
      ['opened', 1],
      ['clicked', 2],
    ],
  );
});

test('pages of a search: by the letters of the address, then of the name, each once', async () => {
  await insertSubscribers(
    t.database,
    Array.from({ length: 30 }, (_, number) => ({
      ...randomSubscriber(createRandom(3), number),
      email: number < 15 ? `Zed_${String(number).padStart(2, '0')}@example.com` : `other${number}@example.com`,
      name: number < 15 ? (number < 5 ? 'Zed_' : null) : `ZED_ ${String(100 - number)}`,
    })),
  );
  const seen: string[] = [];
  for (let cursor: string | null = ''; cursor !== null; ) {
    const { json: page } = await stand.call('GET', `/api/v1/subscribers?limit=4&q=zed_${cursor && `&cursor=${cursor}`}`);
    seen.push(...page.items.map(({ email }: { email: string }) => email));
    cursor = page.nextCursor;
  }
  assert.deepEqual(seen, [
    ...Array.from({ length: 15 }, (_, number) => `Zed_${String(number).padStart(2, '0')}@example.com`),
    ...Array.from({ length: 15 }, (_, number) => `other${29 - number}@example.com`),
  ]);
  assert.deepEqual((await stand.call('GET', '/api/v1/subscribers?q=zed%25')).json.items, []);
});
