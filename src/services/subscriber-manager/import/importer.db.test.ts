import assert from 'node:assert/strict';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { sql } from '#platform/database';
import { createTestContext, type TestContext } from '../../../../tests/support/test-context.ts';
import { waitFor } from '../../../../tests/support/wait-for.ts';
import { startTestStand, type TestStand } from '../testing/test-stand.ts';
import { tendImportsJob } from './import-jobs.ts';

const sampleFile = path.resolve(import.meta.dirname, '../../../../packs/aquascaping/sample-subscribers.csv');
const source = { source: 'list' };

const nothing = { created: 0, updated: 0, unchanged: 0, skipped: {}, faulty: 0, faults: [] };

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

const importCsv = (csv: string | Buffer, options = {}) => stand.importCsv(csv, options);
/** By the API: handed in, worked off by the job, and at its end. */
async function upload(body: string | Buffer, query = '', type = 'text/csv') {
  const { status, json } = await stand.call('POST', `/api/v1/subscriber-imports?${query}`, body, type);
  assert.equal(status, 202, JSON.stringify(json));
  return waitFor('the end of the import', async () => {
    const view = (await stand.call('GET', `/api/v1/subscriber-imports/${json.id}`)).json;
    return ['queued', 'running'].includes(view.status) ? undefined : view;
  });
}
const rowOf = (email: string) =>
  t.database.maybeOne<{ id: string; status: string; name: string | null; country: string | null; language: string; tags: string[] }>(
    'test.row',
    sql`select id, status, name, country, language, tags from subscribers where lower(email) = lower(${email})`,
  );

test('the sample list: a thousand active subscribers, each with the record of consent; a second time changes nothing', async () => {
  assert.deepEqual(await stand.manager.importFile(sampleFile, source, 'tests'), { ...nothing, created: 1000 });
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
  assert.deepEqual(await stand.manager.importFile(sampleFile, source, 'tests'), { ...nothing, unchanged: 1000 });
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

test('a packed list with another delimiter is imported; a bomb fails and leaves nothing half done', async () => {
  const imported = await upload(gzipSync('email;name\npacked@example.com;Packed\n'), 'delimiter=%3B');
  assert.deepEqual([imported.status, imported.created, imported.rowsDone], ['finished', 1, 1]);
  assert.equal((await rowOf('packed@example.com'))?.name, 'Packed');
  const bomb = await upload(gzipSync(Buffer.concat([Buffer.from('email\n'), Buffer.alloc(80 * 1024 ** 2, 'x')])));
  assert.deepEqual([bomb.status, bomb.created], ['failed', 0]);
  assert.match(bomb.statusReason, /longer than \d+ bytes/);
});

test('a quote that is not closed takes nothing from the rows before it', async () => {
  const result = await importCsv(`email,name\nbefore@example.com,Anna\nopen@example.com,"${'x\n'.repeat(50_000)}`);
  assert.deepEqual([result.created, result.faulty, result.faults[0]?.line], [1, 1, 3]);
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
  assert.deepEqual(result.skipped, { suppressed: 3, unsubscribed: 1, bounced: 1, complained: 1 });
  assert.deepEqual([result.created, result.updated], [0, 0]);
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

test('the faults of a list are a file to download, safe in a spreadsheet', async () => {
  const view = await upload('email,country\n=cmd@example.com,XX\nnobody,BG\nfine-row@example.com,BG\n');
  assert.deepEqual([view.status, view.created, view.faulty, view.rowsDone], ['finished', 1, 2, 3]);
  const { status, body } = await stand.call('GET', `/api/v1/subscriber-imports/${view.id}/faults`);
  assert.equal(status, 200);
  const lines = body.trim().split('\r\n');
  assert.equal(lines[0], 'line,column,fault,value');
  assert.match(lines[1] ?? '', /^2,country,.*,XX$/);
  assert.match(lines[2] ?? '', /^3,email,.*,nobody$/);
});

test('a dry run counts what would happen and changes nothing', async () => {
  await importCsv('email,name\ndry-known@example.com,Anna\n');
  const view = await upload('email,name\ndry-known@example.com,Berta\ndry-new@example.com,Carl\nnobody,x\n', 'dryRun=true');
  assert.deepEqual([view.created, view.updated, view.faulty, view.dryRun], [1, 1, 1, true]);
  assert.equal(await rowOf('dry-new@example.com'), undefined);
  assert.equal((await rowOf('dry-known@example.com'))?.name, 'Anna');
});

test('the modes: skip leaves who is known, overwrite replaces every column of the list, also by nothing', async () => {
  await importCsv('email,name,country,tags\nmode@example.com,Anna,BG,shrimp\n');
  const skipped = await importCsv('email,name\nmode@example.com,Berta\n', { mode: 'skip' });
  assert.deepEqual([skipped.skipped, (await rowOf('mode@example.com'))?.name], [{ known: 1 }, 'Anna']);
  await importCsv('email,country,tags\nmode@example.com,,mosses\n', { mode: 'overwrite' });
  const { name, country, tags } = (await rowOf('mode@example.com')) ?? {};
  assert.deepEqual({ name, country, tags }, { name: 'Anna', country: null, tags: ['mosses'] });
});

test('a run that ends on the way is gone on with behind what was committed, and no row counts twice', async () => {
  const rows = Array.from({ length: 12_000 }, (_, index) => `resume-${index}@example.com`);
  const list = `email\n${rows.join('\n')}\n`;
  const { json } = await stand.call('POST', '/api/v1/subscriber-imports', list, 'text/csv');
  const read = async () => (await stand.call('GET', `/api/v1/subscriber-imports/${json.id}`)).json;
  await waitFor('the import to be under way', async () => (await read()).rowsDone > 0);
  await stand.call('POST', `/api/v1/subscriber-imports/${json.id}/cancel`);
  const { rowsDone, created } = await read();
  assert.equal(rowsDone, created);
  if ((await read()).status === 'cancelled')
    assert.equal((await stand.call('POST', `/api/v1/subscriber-imports/${json.id}/resume`)).status, 200);
  const end = await waitFor('the end of the import', async () => {
    await t.jobs.send(t.database, tendImportsJob, {});
    const view = await read();
    return view.status === 'finished' ? view : undefined;
  });
  assert.deepEqual([end.rowsDone, end.created, end.unchanged], [12_000, 12_000, 0]);
});

test('what is no list is refused: a wrong header, a mapping that is none, another type, no body', async () => {
  const before = await stand.manager.countActive();
  assert.match((await upload('a@example.com\n')).statusReason, /unknown columns/);
  assert.match((await upload('email,status\na@example.com,x\n')).statusReason, /"status"/);
  const post = (body: string, query: string, type: string) => stand.call('POST', `/api/v1/subscriber-imports?${query}`, body, type);
  assert.equal((await post('{"email":"a@example.com"}', '', 'application/json')).status, 415);
  assert.equal((await post('email\n', 'mapping=%5B%5D', 'text/csv')).status, 422);
  assert.equal((await post('email\n', 'delimiter=x', 'text/csv')).status, 400);
  assert.equal((await post('', '', 'text/csv')).status, 400);
  await assert.rejects(stand.manager.importFile('/nowhere/list.csv', source, 'tests'), { code: 'file_unreadable' });
  await assert.rejects(stand.manager.importFile(import.meta.dirname, source, 'tests'), { code: 'file_unreadable' });
  assert.equal(await stand.manager.countActive(), before);
});
