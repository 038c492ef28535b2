import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { sql } from '#platform/database';
import { readPlans, takesAll } from '../../../../tests/support/query-plans.ts';
import { createTestContext, type TestContext } from '../../../../tests/support/test-context.ts';
import { waitFor } from '../../../../tests/support/wait-for.ts';
import { createCleaning } from '../subscribers/clean-subscribers.ts';
import { readRecipients } from '../subscribers/subscriber-store.ts';
import { startTestStand, type TestStand } from '../testing/test-stand.ts';

let t: TestContext;
let stand: TestStand;
before(async () => {
  t = await createTestContext();
  stand = await startTestStand(t);
});
after(async () => {
  await stand.close();
  await t.close();
});

const consent = 'Signed the paper list at the fair.';
async function addReader(email: string): Promise<string> {
  const { json, status } = await stand.call('POST', '/api/v1/subscribers', { email, confirmedBy: consent });
  assert.equal(status, 201, JSON.stringify(json));
  return json.id;
}
const statusOf = async (id: string) => (await stand.call('GET', `/api/v1/subscribers/${id}`)).json.status;
const obstacleOf = async (id: string) => (await stand.manager.findRecipients(t.database, [id]))[0]?.obstacle;
const audience = async () => {
  const ids: string[] = [];
  await t.database.transaction(async (tx) => {
    await stand.manager.enqueueAudience(tx, {
      insertFrom: (select) => sql`insert into idempotency_keys (caller, key, request_hash, created_at)
        select 'test', id::text, '\\x00', now() from (${select}) audience`,
    });
    ids.push(...(await tx.query<{ key: string }>('test.audience', sql`delete from idempotency_keys returning key`)).map(({ key }) => key));
  });
  return ids;
};

test('an address, its domain or a domain above it: no path leads mail there', async () => {
  const ids = new Map<string, string>();
  for (const host of ['plain.example', 'closed.example', 'a.b.deep.example', 'deep.example']) ids.set(host, await addReader(`x@${host}`));
  for (const address of ['X@Plain.example', '@closed.example', '*.deep.example']) {
    assert.equal((await stand.call('POST', '/api/v1/suppressions', { address })).status, 201, address);
  }
  const reached = await audience();
  for (const [host, id] of ids) {
    const isOpen = host === 'deep.example';
    assert.equal(await obstacleOf(id), isOpen ? null : 'suppressed', host);
    assert.equal(await stand.manager.isSuppressed(`X@${host.toUpperCase()}`), !isOpen, host);
    assert.equal(reached.includes(id), isOpen, host);
  }
  assert.equal((await stand.call('POST', '/api/v1/subscribers', { email: 'new@c.deep.example' })).json.code, 'address_suppressed');
  for (const address of ['*.', '@', '*.a b', '@x', 'a@b@c', '*.example.org\r\n@x.org', 'erased:abc', `@${'p\u0430ypal'}.com`]) {
    assert.ok((await stand.call('POST', '/api/v1/suppressions', { address })).status >= 400, address);
  }
});

test('a suppression may end; until then it stands, and afterwards it is swept up and can be renewed', async () => {
  const id = await addReader('while@example.com');
  const expiresAt = new Date(t.clock.now().getTime() + 3600_000).toISOString();
  const { json } = await stand.call('POST', '/api/v1/suppressions', { address: 'while@example.com', note: 'on holiday', expiresAt });
  assert.deepEqual([json.expiresAt, json.note, json.source], [expiresAt, 'on holiday', 'manual']);
  assert.equal(await obstacleOf(id), 'suppressed');
  const past = { address: 'past@example.com', expiresAt: '2020-01-01T00:00:00Z' };
  assert.equal((await stand.call('POST', '/api/v1/suppressions', past)).json.fields[0].path, '/expiresAt');
  await t.database.execute(
    'test.end',
    sql`update suppressions set expires_at = now() - interval '1 second' where address = 'while@example.com'`,
  );
  assert.equal(await obstacleOf(id), null);
  assert.equal((await stand.call('POST', '/api/v1/suppressions', { address: 'while@example.com' })).status, 201);
  await t.database.execute(
    'test.end',
    sql`update suppressions set expires_at = now() - interval '1 second' where address = 'while@example.com'`,
  );
  const { suppressions } = await createCleaning(t)({}, { signal: new AbortController().signal });
  assert.equal(suppressions, 1);
});

test('a complaint ends all mail, tells the others, and only force lifts its suppression', async () => {
  const id = await addReader('angry@example.com');
  for (let times = 0; times < 2; times += 1) {
    await t.database.transaction((tx) => stand.manager.markComplained(tx, id, 'abuse'));
  }
  assert.deepEqual([await statusOf(id), await obstacleOf(id)], ['complained', 'complained']);
  const events = await t.database.query(
    'test.events',
    sql<object>`select payload from events where type = 'subscriber.complained' and aggregate_id = ${id}`,
  );
  assert.deepEqual(events, [{ payload: { subscriberId: id, reason: 'abuse' } }]);
  const url = '/api/v1/suppressions?address=angry%40example.com';
  assert.equal((await stand.call('DELETE', url)).json.code, 'suppressed_by_complaint');
  const remove = (force: boolean) =>
    stand.call('POST', '/api/v1/suppressions/remove', { addresses: ['Angry@example.com', 'no address', 'no@example.com'], force });
  assert.deepEqual(
    (await remove(false)).json.items.map(({ outcome }: { outcome: string }) => outcome),
    ['kept', 'not_found', 'not_found'],
  );
  assert.equal(await stand.manager.isSuppressed('angry@example.com'), true);
  assert.deepEqual((await remove(true)).json.items[0], { address: 'Angry@example.com', outcome: 'removed' });
});

test('a list is imported line by line: what can be read is added, the rest is named', async () => {
  const list =
    '\ufeffone@list.example, TWO@list.example;@three.example\r\n# a comment\r\n\r\n*.four.example # and why\r\nnobody\r\none@list.example\r\nfive@list.example\u0007';
  const { status, json } = await stand.call('POST', '/api/v1/suppressions/import', {
    list: list.replace('\ufeff', ''),
    reason: 'old system',
  });
  assert.equal(status, 200);
  assert.deepEqual([json.added, json.standing, json.faulty], [4, 0, 2]);
  assert.deepEqual(
    json.faults.map(({ line, value }: { line: number; value: string }) => [line, value]),
    [
      [5, 'nobody'],
      [7, 'five@list.example\u0007'],
    ],
  );
  const again = await stand.call('POST', '/api/v1/suppressions/import', { list: 'one@list.example\ntwo@list.example' });
  assert.deepEqual([again.json.added, again.json.standing], [0, 2]);
  const { items } = (await stand.call('GET', '/api/v1/suppressions?q=one%40&source=import')).json;
  assert.deepEqual(
    items.map(({ address, reason }: { address: string; reason: string }) => [address, reason]),
    [['one@list.example', 'old system']],
  );
  assert.equal((await stand.call('GET', '/api/v1/suppressions?q=%25')).json.items.length, 0, 'wildcards are no wildcards');
});

test('many at once: each item says what became of it, and one named twice is changed once', async () => {
  const [first, second] = [await addReader('bulk1@example.com'), await addReader('bulk2@example.com')];
  const bulk = async (body: object) => (await stand.call('POST', '/api/v1/subscribers/bulk', body)).json;
  const outcomes = (json: { items: { outcome: string }[] }) => json.items.map(({ outcome }) => outcome);
  const everybody = { ids: [first, t.clock.newId()], emails: ['BULK2@example.com', 'bulk1@example.com', 'nobody', 'unknown@example.com'] };
  const tagged = await bulk({ action: 'tag', tags: ['Club'], ...everybody });
  assert.deepEqual(outcomes(tagged), ['changed', 'not_found', 'changed', 'changed', 'refused', 'not_found']);
  assert.deepEqual(outcomes(await bulk({ action: 'tag', tags: ['club'], ids: [first] })), ['unchanged']);
  assert.deepEqual(outcomes(await bulk({ action: 'untag', tags: ['club'], ids: [first, second] })), ['changed', 'changed']);
  assert.deepEqual(outcomes(await bulk({ action: 'unsubscribe', ids: [first, first] })), ['changed', 'changed']);
  assert.equal(await statusOf(first), 'unsubscribed');
  const withdrawn = await t.database.query(
    'test.consents',
    sql<object>`select 1 from consents where subscriber_id = ${first}::uuid and action = 'withdrawn'`,
  );
  assert.equal(withdrawn.length, 1);
  assert.deepEqual(outcomes(await bulk({ action: 'suppress', ids: [second], emails: ['stranger@example.com'] })), ['changed', 'changed']);
  assert.deepEqual([await obstacleOf(second), await stand.manager.isSuppressed('stranger@example.com')], ['suppressed', true]);
  for (const body of [
    { action: 'tag', ids: [first] },
    { action: 'unsubscribe', ids: [first], tags: ['x'] },
    { action: 'tag', tags: ['x'] },
    { action: 'explode', ids: [first] },
    { action: 'untag', tags: ['a;b'], ids: [first] },
    { action: 'unsubscribe', emails: Array.from({ length: 1001 }, (_, index) => `${index}@example.com`) },
  ]) {
    assert.ok([400, 422].includes((await stand.call('POST', '/api/v1/subscribers/bulk', body)).status), JSON.stringify(body).slice(0, 80));
  }
});

test('the record of consents cannot be changed or deleted; only the device is forgotten, with its person', async () => {
  const id = await addReader('record@example.com');
  const refuses = (statement: ReturnType<typeof sql>) => assert.rejects(t.database.execute('test.tamper', statement), /consents|on record/);
  await refuses(sql`update consents set statement = 'x' where subscriber_id = ${id}::uuid`);
  await refuses(sql`update consents set given_at = now() where subscriber_id = ${id}::uuid`);
  await refuses(sql`update consents set ip_address = '10.0.0.1' where subscriber_id = ${id}::uuid`);
  await refuses(sql`delete from consents where subscriber_id = ${id}::uuid`);
  await refuses(sql`delete from subscribers where id = ${id}::uuid`);
  await t.database.execute(
    'test.device',
    sql`insert into consents (id, subscriber_id, action, statement, origin, ip_address, user_agent, given_at)
    values (${t.clock.newId()}, ${id}::uuid, 'confirmed', 'x', 'form', '192.0.2.1', 'Browser', now())`,
  );
  assert.equal((await stand.call('DELETE', `/api/v1/subscribers/${id}`)).status, 204);
  const rows = await t.database.query<{ ip: string | null; agent: string | null }>(
    'test.rows',
    sql`select ip_address as ip, user_agent as agent from consents where subscriber_id = ${id}::uuid`,
  );
  assert.deepEqual(rows, [
    { ip: null, agent: null },
    { ip: null, agent: null },
  ]);
});

test('requests that nobody confirmed in 30 days are deleted, and nobody else', async () => {
  const add = async (email: string) => (await stand.call('POST', '/api/v1/subscribers', { email })).json.id;
  const old = await add('never@example.com');
  const left = await add('left-pending@example.com');
  await stand.call('POST', `/api/v1/subscribers/${left}/unsubscribe`);
  const active = await addReader('kept@example.com');
  t.clock.advance(29 * 24 * 3600_000);
  const clean = async () => (await createCleaning(t)({}, { signal: new AbortController().signal })).unconfirmed;
  assert.equal(await clean(), 0);
  t.clock.advance(2 * 24 * 3600_000);
  const recent = await add('recent@example.com');
  const deleted = await clean();
  assert.ok(deleted >= 1);
  const ids = (await t.database.query<{ id: string }>('test.left', sql`select id from subscribers`)).map(({ id }) => id);
  assert.deepEqual(
    [old, left, active, recent].map((id) => ids.includes(id)),
    [false, true, true, true],
  );
  assert.equal(await clean(), 0);
});

test('a custom field goes only with its values, and a choice only when nobody has it', async () => {
  const { json: field } = await stand.call('POST', '/api/v1/custom-fields', {
    name: 'level',
    label: 'Level',
    type: 'choice',
    choices: ['new', 'old'],
  });
  const url = `/api/v1/custom-fields/${field.id}`;
  const id = await addReader('field@example.com');
  assert.equal((await stand.call('PATCH', `/api/v1/subscribers/${id}`, { customFields: { level: 'old' } })).status, 200);
  assert.equal(
    (await stand.call('PATCH', `/api/v1/subscribers/${id}`, { customFields: { level: 'ancient' } })).json.fields[0].path,
    '/customFields/level',
  );
  assert.equal((await stand.call('PATCH', url, { choices: ['new'] })).json.code, 'field_in_use');
  assert.equal((await stand.call('PATCH', url, { choices: ['old', 'older'], label: 'How long' })).status, 200);
  assert.equal((await stand.call('DELETE', url)).json.code, 'field_in_use');
  assert.equal((await stand.call('DELETE', `${url}?values=delete`)).status, 204);
  assert.equal((await stand.call('DELETE', url)).status, 404);
  await waitFor('the values to go', async () => {
    const { json } = await stand.call('GET', `/api/v1/subscribers/${id}`);
    return !('level' in json.customFields);
  });
  for (const body of [
    { name: 'Level', label: 'x', type: 'text' },
    { name: 'x', label: 'x', type: 'list' },
    { name: 'x', label: 'a\nb', type: 'text' },
  ]) {
    assert.ok((await stand.call('POST', '/api/v1/custom-fields', body)).status >= 400);
  }
  for (const body of [
    { name: 'x', label: 'x', type: 'choice' },
    { name: 'x', label: 'x', type: 'text', choices: ['a'] },
  ]) {
    assert.equal((await stand.call('POST', '/api/v1/custom-fields', body)).json.fields[0].path, '/choices');
  }
});

test('recipients are read by their ids from indexes, however many suppressions there are', async () => {
  await t.database.execute(
    'test.many',
    sql`insert into subscribers (id, email, status, subscription_date, source, created_at, updated_at)
        select gen_random_uuid(), number || '@many.example', 'active', now(), 'test', now(), now() from generate_series(1, 20000) as number`,
  );
  await t.database.execute(
    'test.suppressions',
    sql`insert into suppressions (address, reason, created_at) select number || '@other.example', 'x', now() from generate_series(1, 20000) as number`,
  );
  await t.database.execute('test.analyze', sql`analyze subscribers, suppressions`);
  const rows = await t.database.query<{ id: string }>(
    'test.ids',
    sql`select id from subscribers where email like '%@many.example' limit 1000`,
  );
  const steps = await readPlans(t.database, async (planner) => {
    await readRecipients(
      planner,
      rows.map(({ id }) => id),
    );
  });
  assert.deepEqual(steps.filter(takesAll), []);
});
