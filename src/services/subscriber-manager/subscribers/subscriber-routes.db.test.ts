import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { sql } from '#platform/database';
import { createTestContext, type TestContext } from '../../../../tests/support/test-context.ts';
import { waitFor } from '../../../../tests/support/wait-for.ts';
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

const consent = 'Signed the paper list at the spring fair on 2026-04-12.';
const add = (body: object) => stand.call('POST', '/api/v1/subscribers', body);
const pathsOf = (json: { fields?: { path: string }[] }) => (json.fields ?? []).map(({ path }) => path).sort();

test('added without a statement: pending, and the confirmation mail goes out', async () => {
  const { status, json } = await add({ email: 'New@Example.com', name: 'Ann', country: 'gb', tags: ['Shrimp'], timezone: 'Europe/London' });
  assert.equal(status, 201);
  assert.deepEqual(
    [json.email, json.status, json.country, json.language, json.tags, json.source],
    ['New@example.com', 'pending', 'GB', 'en', ['shrimp'], 'api'],
  );
  const [mail] = await waitFor('the mail', async () => {
    const mails = await stand.mailsTo('new@example.com');
    return mails.length > 0 && mails;
  });
  assert.match(mail?.text ?? '', /\/confirm\//);
  assert.equal((await add({ email: 'new@example.com' })).status, 200, 'asking again is no conflict');
});

test('added with a statement of consent: active at once, with that statement kept', async () => {
  const { status, json } = await add({ email: 'stated@example.com', confirmedBy: consent });
  assert.equal(status, 201);
  assert.equal(json.status, 'active');
  const { json: whole } = await stand.call('GET', `/api/v1/subscribers/${json.id}`);
  assert.deepEqual(
    whole.consents.map((entry: { action: string; statement: string; origin: string }) => [entry.action, entry.statement, entry.origin]),
    [['confirmed', consent, 'key:tests']],
  );
  assert.equal((await add({ email: 'STATED@example.com', confirmedBy: consent })).json.code, 'subscriber_exists');
  assert.equal((await add({ email: 'stated@example.com' })).status, 409);
  const { json: pending } = await add({ email: 'soon@example.com' });
  const { json: confirmed } = await add({ email: 'soon@example.com', confirmedBy: consent });
  assert.deepEqual([confirmed.id, confirmed.status], [pending.id, 'active']);
});

test('a statement does not bring back who left', async () => {
  const { json } = await add({ email: 'left@example.com', confirmedBy: consent });
  const { json: left } = await stand.call('POST', `/api/v1/subscribers/${json.id}/unsubscribe`);
  assert.equal(left.status, 'unsubscribed');
  assert.equal((await stand.call('POST', `/api/v1/subscribers/${json.id}/unsubscribe`)).status, 200, 'twice is once');
  assert.equal((await add({ email: 'left@example.com', confirmedBy: consent })).json.code, 'subscriber_barred');
  await stand.call('POST', '/api/v1/suppressions', { address: '@no.example' });
  assert.equal((await add({ email: 'x@no.example', confirmedBy: consent })).json.code, 'subscriber_barred');
  assert.equal((await add({ email: 'x@no.example' })).json.code, 'address_suppressed');
});

test('every faulty field is named', async () => {
  const shape = await add({ email: 'nobody', name: 'x'.repeat(5000), colour: 'red', tags: 'shrimp', country: 'Bulgaria', language: 5 });
  assert.equal(shape.status, 400);
  assert.deepEqual(pathsOf(shape.json), ['/colour', '/country', '/email', '/language', '/name', '/tags']);
  const meaning = await add({ email: 'a..b@example.com', country: 'XX', timezone: 'Mars/Base', tags: ['a;b'], name: 'a\nb' });
  assert.equal(meaning.status, 422);
  assert.deepEqual(pathsOf(meaning.json), ['/country', '/email', '/name', '/tags', '/timezone']);
  const nul = await add({ email: 'nul@example.com', name: 'a\u0000b', confirmedBy: `${consent}\ud800` });
  assert.equal(nul.status, 422);
  assert.deepEqual(pathsOf(nul.json), ['/confirmedBy', '/name']);
  assert.equal((await stand.call('GET', '/api/v1/subscribers?q=%00')).status, 422);
  assert.equal((await stand.call('GET', '/api/v1/subscribers?status=happy')).status, 400);
  assert.equal((await stand.call('GET', '/api/v1/subscribers/not-an-id')).status, 400);
  assert.equal((await stand.call('POST', '/api/v1/subscribers', '{"email":')).status, 400);
  assert.equal((await stand.call('POST', '/api/v1/subscribers', 'null')).status, 400);
});

test('SQL and HTML are text like any other', async () => {
  const name = `Robert'); drop table subscribers; -- <img src=x onerror=alert(1)>`;
  const { json } = await add({ email: "o'hara+tag@example.com", name, confirmedBy: consent });
  assert.equal(json.name, name);
  const { json: found } = await stand.call('GET', `/api/v1/subscribers?q=${encodeURIComponent("robert'); DROP")}`);
  assert.deepEqual(
    found.items.map(({ id }: { id: string }) => id),
    [json.id],
  );
  assert.equal((await stand.call('GET', '/api/v1/subscribers?q=%25_%25')).json.items.length, 0, 'wildcards are no wildcards');
});

test('details are changed, cleared and left; address and status are not details', async () => {
  for (const [name, type] of [
    ['tank', 'text'],
    ['litres', 'number'],
    ['a', 'text'],
  ] as const) {
    assert.equal((await stand.call('POST', '/api/v1/custom-fields', { name, label: name, type })).status, 201);
  }
  const { json } = await add({ email: 'change@example.com', name: 'Ann', country: 'GB', confirmedBy: consent });
  const url = `/api/v1/subscribers/${json.id}`;
  const changed = await stand.call('PATCH', url, { country: null, tags: ['Mosses', 'mosses'], customFields: { tank: 'nano', litres: 30 } });
  assert.equal(changed.status, 200);
  assert.deepEqual(
    [changed.json.name, changed.json.country, changed.json.tags, changed.json.customFields],
    ['Ann', null, ['mosses'], { tank: 'nano', litres: 30 }],
  );
  for (const body of [
    { status: 'active' },
    { email: 'x@example.com' },
    {},
    { customFields: { a: { b: 1 } } },
    { customFields: { 'a b': 1 } },
  ]) {
    assert.equal((await stand.call('PATCH', url, body)).status, 400, JSON.stringify(body));
  }
  assert.equal((await stand.call('PATCH', url, { customFields: { a: 'x\u0000' } })).json.fields[0].path, '/customFields/a');
  assert.equal((await stand.call('PATCH', `/api/v1/subscribers/${t.clock.newId()}`, { name: 'x' })).status, 404);
});

test('lists are filtered and paged without losing or repeating anybody', async () => {
  t.clock.set('2026-11-24T10:00:00.123Z');
  for (let index = 0; index < 7; index += 1) {
    if (index === 4) t.clock.advance(1);
    await add({ email: `page-${index}@example.org`, tags: ['paged'], confirmedBy: consent });
  }
  const seen: string[] = [];
  for (let cursor: string | null = ''; cursor !== null; ) {
    const { json } = await stand.call('GET', `/api/v1/subscribers?tag=PAGED&status=active&limit=3${cursor && `&cursor=${cursor}`}`);
    seen.push(...json.items.map(({ email }: { email: string }) => email));
    cursor = json.nextCursor;
  }
  assert.deepEqual(
    seen,
    [6, 5, 4, 3, 2, 1, 0].map((index) => `page-${index}@example.org`),
  );
  assert.equal((await stand.call('GET', '/api/v1/subscribers?cursor=nonsense')).status, 422);
});

test('erasure removes the person, keeps the proof, and the address is known again without being kept', async () => {
  const email = 'Forget.Me@example.com';
  const { json } = await add({ email, name: 'Forget Me', country: 'GB', tags: ['shrimp'], confirmedBy: consent });
  await stand.call('PATCH', `/api/v1/subscribers/${json.id}`, { customFields: { note: 'Forget Me' } });
  await stand.call('POST', '/api/v1/suppressions', { address: email });
  for (let times = 0; times < 2; times += 1) assert.equal((await stand.call('DELETE', `/api/v1/subscribers/${json.id}`)).status, 204);
  const { json: rest } = await stand.call('GET', `/api/v1/subscribers/${json.id}`);
  assert.equal(rest.status, 'erased');
  assert.equal(rest.consents.length, 1);
  assert.doesNotMatch(JSON.stringify(rest), /forget/i);
  const { traces } = await t.database.one<{ traces: number }>(
    'test.traces',
    sql`select (select count(*) from subscribers where email ilike '%forget%' or name ilike '%forget%')
             + (select count(*) from suppressions where address ilike '%forget%')
             + (select count(*) from events where payload::text ilike '%forget%')
             + (select count(*) from consents where subscriber_id = ${json.id} and ip_address is not null)
             + (select count(*) from pgboss.job where data::text ilike '%forget%') as traces`,
  );
  assert.equal(traces, 0);
  assert.equal((await stand.call('GET', '/api/v1/suppressions')).body.includes('erased:'), false);
  assert.equal((await add({ email: email.toLowerCase(), confirmedBy: consent })).json.code, 'subscriber_barred');
  assert.equal((await stand.call('PATCH', `/api/v1/subscribers/${json.id}`, { name: 'x' })).json.code, 'subscriber_erased');
  const unsubscribeUrl = stand.manager.unsubscribeUrl(json.id, null).replace(/^https?:\/\/[^/]+/, '');
  assert.equal((await stand.app.inject({ method: 'POST', url: unsubscribeUrl })).statusCode, 404);

  await stand.app.inject({ method: 'POST', url: '/subscribe', payload: { email } });
  const mails = await waitFor('the mail', async () => {
    const all = await stand.mailsTo(email);
    return all.length > 0 && all;
  });
  const confirm = /http:\/\/localhost:1(\/confirm\/\S+)/.exec(mails.at(-1)?.text ?? '')?.[1] ?? '';
  assert.equal((await stand.app.inject({ method: 'POST', url: confirm })).statusCode, 200, 'the person may come back');
  assert.equal((await stand.call('GET', '/api/v1/subscribers?q=forget.me')).json.items[0].status, 'active');
});

test('suppressions: added once, listed by pages, removed; what is no address is refused', async () => {
  const first = await stand.call('POST', '/api/v1/suppressions', { address: 'Some@Example.NET', reason: 'asked by letter' });
  assert.equal(first.status, 201);
  assert.equal(first.json.address, 'some@example.net');
  const second = await stand.call('POST', '/api/v1/suppressions', { address: 'some@example.net', reason: 'other' });
  assert.deepEqual([second.status, second.json.reason], [200, 'asked by letter']);
  for (let index = 0; index < 4; index += 1) await stand.call('POST', '/api/v1/suppressions', { address: `s${index}@example.net` });
  const seen: string[] = [];
  for (let cursor: string | null = ''; cursor !== null; ) {
    const { json } = await stand.call('GET', `/api/v1/suppressions?limit=2${cursor && `&cursor=${cursor}`}`);
    seen.push(...json.items.map(({ address }: { address: string }) => address));
    cursor = json.nextCursor;
  }
  assert.equal(new Set(seen).size, seen.length);
  for (const address of ['some@example.net', 's0@example.net', 's3@example.net']) assert.ok(seen.includes(address), address);
  for (const address of ['nobody', '@', '@@example.com', 'erased:abc', 'a@b', '@example.com\u0000']) {
    const { status, json } = await stand.call('POST', '/api/v1/suppressions', { address });
    assert.ok([400, 422].includes(status), address);
    assert.deepEqual(pathsOf(json), ['/address']);
  }
  const long = `${'l'.repeat(64)}@${`${'d'.repeat(58)}.`.repeat(3)}example`;
  assert.equal((await stand.call('POST', '/api/v1/suppressions', { address: long })).status, 201);
  assert.equal((await stand.call('DELETE', `/api/v1/suppressions?address=${encodeURIComponent(long)}`)).status, 204);
  assert.equal((await stand.call('DELETE', '/api/v1/suppressions?address=nobody@example.net')).status, 404);
});

test('reading takes the scope to read, changing the one to write', async () => {
  for (const url of ['/api/v1/subscribers', '/api/v1/segments', '/api/v1/suppressions']) {
    assert.equal((await stand.app.inject({ url })).statusCode, 401);
  }
  assert.equal(
    (
      await stand.app.inject({
        method: 'POST',
        url: '/api/v1/subscriber-imports',
        headers: { 'content-type': 'text/csv' },
        payload: 'email\n',
      })
    ).statusCode,
    401,
  );
});
