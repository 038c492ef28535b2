import assert from 'node:assert/strict';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { sql } from '#platform/database';
import { createTestContext, type TestContext } from '../../../../tests/support/test-context.ts';
import { startTestStand, type TestStand } from '../testing/test-stand.ts';

const sampleFile = path.resolve(import.meta.dirname, '../../../../packs/aquascaping/sample-subscribers.csv');
const source = { source: 'list', actor: 'tests' };

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

const importCsv = async (csv: string) => {
  const { status, json } = await stand.call('POST', '/api/v1/subscribers/import?source=list', csv, 'text/csv');
  assert.equal(status, 200, JSON.stringify(json));
  return json;
};
const rowOf = (email: string) =>
  t.database.maybeOne<{ id: string; status: string; name: string | null; country: string | null; language: string; tags: string[] }>(
    'test.row',
    sql`select id, status, name, country, language, tags from subscribers where lower(email) = lower(${email})`,
  );

test('the sample list: a thousand active subscribers, each with the record of consent; a second time changes nothing', async () => {
  assert.deepEqual(await stand.manager.importFile(sampleFile, source), { created: 1000, updated: 0, skipped: 0, faulty: 0, faults: [] });
  const counts = () =>
    t.database.one<Record<string, number>>(
      'test.counts',
      sql`select (select count(*) from subscribers where status = 'active' and email ~ '@(example\\.(com|org|net)|[a-z-]+\\.example)$') as active,
                 (select count(*) from consents where action = 'imported' and origin = 'list by tests') as consents,
                 (select count(distinct country) from subscribers) as countries,
                 (select count(*) from subscribers where subscription_date < created_at and timezone is not null and tags <> '{}') as detailed`,
    );
  const first = await counts();
  assert.equal(first.active, 1000);
  assert.equal(first.consents, 1000);
  assert.equal(first.detailed, 1000);
  assert.ok((first.countries ?? 0) >= 20);
  assert.equal(await stand.manager.countActive(), 1000);
  assert.deepEqual(await stand.manager.importFile(sampleFile, source), { created: 0, updated: 0, skipped: 1000, faulty: 0, faults: [] });
  assert.deepEqual(await counts(), first);
});

test('what the list says is taken over, what it leaves open stays, tags are added', async () => {
  await importCsv('email,name,country,tags\nmerge@example.com,Anna,BG,shrimp\n');
  const result = await importCsv('email,name,country,language,tags\nMERGE@example.com,,DE,de,mosses\n');
  assert.equal(result.updated, 1);
  const { name, country, language, tags } = (await rowOf('merge@example.com')) ?? {};
  assert.deepEqual({ name, country, language, tags }, { name: 'Anna', country: 'DE', language: 'de', tags: ['shrimp', 'mosses'] });
});

test('an address that stands twice is one subscriber, and the later line is taken over', async () => {
  const result = await importCsv('email,name\ntwice@example.com,First\nTwice@Example.com,Second\n');
  assert.deepEqual([result.created, result.updated], [1, 1]);
  assert.equal((await rowOf('twice@example.com'))?.name, 'Second');
});

test('faulty rows are named and change nothing; the others are imported', async () => {
  const result = await importCsv(
    'email,name,country\ngood-1@example.com,"O\'Brien; drop table subscribers",IE\nnobody,x,IE\na"b,c,d\nshort@example.com\ngood-2@example.com,<b>B</b>,\nbad@example.com,x,XX\n',
  );
  assert.deepEqual([result.created, result.faulty], [2, 4]);
  assert.deepEqual(
    result.faults.map(({ line, field }: { line: number; field: string | null }) => [line, field]),
    [
      [3, 'email'],
      [4, null],
      [5, null],
      [7, 'country'],
    ],
  );
  assert.equal((await rowOf('good-1@example.com'))?.name, "O'Brien; drop table subscribers");
  assert.equal(await rowOf('bad@example.com'), undefined);
});

test('a packed body with another delimiter is imported, and one that is too large unpacked is refused', async () => {
  const post = (text: string, query: string) => stand.call('POST', `/api/v1/subscribers/import?${query}`, gzipSync(text), 'text/csv');
  const imported = await post('email;name\npacked@example.com;Packed\n', 'delimiter=%3B');
  assert.equal(imported.json.created, 1, imported.body);
  assert.equal((await rowOf('packed@example.com'))?.name, 'Packed');
  assert.equal((await post('email\n', 'delimiter=x')).status, 400);
  const bomb = await post(`email\n${'nobody\n'.repeat(1_000_000)}`, 'delimiter=,');
  assert.deepEqual([bomb.status, bomb.json.code], [413, 'file_too_large']);
});

test('a quote that is not closed takes nothing from the rows before it', async () => {
  const result = await importCsv(`email,name\nbefore@example.com,Anna\nopen@example.com,"${'x\n'.repeat(50_000)}`);
  assert.deepEqual([result.created, result.faulty, result.faults[0].line], [1, 1, 3]);
});

test('no import brings anybody back: unsubscribed, bounced, complained, suppressed by address or domain, erased', async () => {
  const emails = [
    'left@example.com',
    'bounced@example.com',
    'complained@example.com',
    'suppressed@example.com',
    'x@barred.example',
    'erased@example.com',
  ];
  const csv = `email,name\n${emails.map((email) => `${email},Back\n`).join('')}`;
  assert.equal((await importCsv(csv.replaceAll('Back', ''))).created, 6);
  const idOf = async (email: string) => (await rowOf(email))?.id ?? '';
  await stand.call('POST', `/api/v1/subscribers/${await idOf('left@example.com')}/unsubscribe`);
  const bounced = await idOf('bounced@example.com');
  await t.database.transaction((tx) => stand.manager.markBounced(tx, bounced, '5.1.1'));
  await stand.call('DELETE', '/api/v1/suppressions?address=bounced@example.com');
  await t.database.execute('test.complain', sql`update subscribers set status = 'complained' where email = 'complained@example.com'`);
  await stand.call('POST', '/api/v1/suppressions', { address: 'Suppressed@example.com' });
  await stand.call('POST', '/api/v1/suppressions', { address: '@barred.example' });
  assert.equal((await stand.call('DELETE', `/api/v1/subscribers/${await idOf('erased@example.com')}`)).status, 204);

  const result = await importCsv(csv.replace('erased@', 'Erased@'));
  assert.deepEqual([result.created, result.updated, result.skipped], [0, 0, 6]);
  assert.equal(await rowOf('erased@example.com'), undefined);
  for (const [email, status] of [
    ['left@example.com', 'unsubscribed'],
    ['bounced@example.com', 'bounced'],
    ['complained@example.com', 'complained'],
  ] as const) {
    assert.equal((await rowOf(email))?.status, status, email);
    assert.equal((await rowOf(email))?.name, null, email);
  }
});

test('a pending subscriber on a list becomes active, with the record of it', async () => {
  const { json } = await stand.call('POST', '/api/v1/subscribers', { email: 'pending@example.com' });
  assert.equal((await importCsv('email\npending@example.com\n')).updated, 1);
  const { json: after } = await stand.call('GET', `/api/v1/subscribers/${json.id}`);
  assert.equal(after.status, 'active');
  assert.deepEqual(
    after.consents.map(({ action }: { action: string }) => action),
    ['requested', 'imported'],
  );
});

test('two imports of the same list at once make each subscriber once', async () => {
  const emails = Array.from({ length: 700 }, (_, index) => `race-${index}@example.com`);
  const forwards = `email\n${emails.join('\n')}\n`;
  const backwards = `email\n${emails.toReversed().join('\n')}\n`;
  const results = await Promise.all([importCsv(forwards), importCsv(backwards), importCsv(forwards)]);
  assert.equal(
    results.reduce((sum, { created }) => sum + created, 0),
    700,
  );
  const { count } = await t.database.one<{ count: number }>(
    'test.race',
    sql`select count(*) as count from consents join subscribers s on s.id = subscriber_id where s.email like 'race-%'`,
  );
  assert.equal(count, 700);
});

test('only so many faults are given one by one; all are counted', async () => {
  const result = await importCsv(`email\n${'nobody\n'.repeat(150)}`);
  assert.equal(result.faulty, 150);
  assert.equal(result.faults.length, 100);
});

test('what is no list is refused as a whole: a wrong header, another type, a body too large, a file that is not there', async () => {
  const before = await stand.manager.countActive();
  const post = (body: string, type: string) => stand.call('POST', '/api/v1/subscribers/import', body, type);
  assert.equal((await post('a@example.com\n', 'text/csv')).status, 422);
  assert.equal((await post('email,status\na@example.com,x\n', 'text/csv')).json.code, 'csv_invalid');
  assert.equal((await post('{"email":"a@example.com"}', 'application/json')).status, 415);
  assert.equal((await post(`email\n${'x'.repeat(1_100_000)}`, 'text/csv')).status, 413);
  assert.equal((await stand.call('POST', '/api/v1/subscribers/import')).status, 400);
  await assert.rejects(stand.manager.importFile('/nowhere/list.csv', source), { code: 'file_unreadable' });
  await assert.rejects(stand.manager.importFile(import.meta.dirname, source), { code: 'file_unreadable' });
  assert.equal(await stand.manager.countActive(), before);
});
