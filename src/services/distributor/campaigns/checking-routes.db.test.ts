import assert from 'node:assert/strict';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, beforeEach, describe, test } from 'node:test';
import { sql } from '#platform/database';
import type { HttpServer } from '#platform/http-server';
import { createTestContext, type TestContext } from '../../../../tests/support/test-context.ts';
import { authorize, createTestServer } from '../../../../tests/support/test-server.ts';
import { addArticles, addReaders, createMailbox, createNewsroom, type Mailbox, site } from '../testing/newsroom.ts';

let t: TestContext;
let mailbox: Mailbox;
let app: HttpServer;
let authorization: string;
let articles: string[];
let readers: string[];

before(async () => {
  t = await createTestContext();
  mailbox = await createMailbox(t);
  const { distributor } = createNewsroom(t, mailbox.transport);
  await t.jobs.prepare(distributor.module.jobs.map(({ definition }) => definition));
  app = await createTestServer(t, [distributor.module.routes]);
  authorization = await authorize(t, 'campaigns:read', 'campaigns:write');
  articles = await addArticles(t, 2);
  readers = await addReaders(t, 4);
});
after(async () => {
  await app.close();
  await mailbox.close();
  await t.close();
  await rm(path.join(tmpdir(), `aquascene-newsroom-${process.pid}`), { recursive: true, force: true });
});

type Answer = { readonly status: number; readonly headers: Record<string, unknown>; readonly json: Json };
// biome-ignore lint/suspicious/noExplicitAny: the shape of each answer is what the tests are about
type Json = any;

async function call(
  method: 'GET' | 'POST' | 'PATCH' | 'DELETE',
  url: string,
  payload?: object | Buffer,
  headers: object = {},
): Promise<Answer> {
  const response = await app.inject({ method, url, headers: { authorization, ...headers }, ...(payload !== undefined && { payload }) });
  const isJson = /json/.test(String(response.headers['content-type']));
  return { status: response.statusCode, headers: response.headers, json: isJson ? response.json() : response.body };
}

async function draft(changes: object = {}): Promise<string> {
  const { status, json } = await call('POST', '/api/v1/campaigns', { subject: 'News', articleIds: articles, ...changes });
  assert.equal(status, 201, JSON.stringify(json));
  return json.id;
}

const rowsOf = async (table: 'deliveries' | 'email_events' | 'mailbox_messages') =>
  (await t.database.one('test.count', sql<{ count: number }>`select count(*)::int as count from ${sql.table(table)}`)).count;

describe('previews', () => {
  test('are of any subscriber, in html and text, with the changes that are not saved, and store nothing', async () => {
    const id = await draft({ subject: 'For {{ name | default: "reader" }}' });
    const plain = await call('GET', `/api/v1/campaigns/${id}/preview`);
    assert.deepEqual([plain.status, plain.json.subject, plain.json.variants], [200, 'For reader', 1], JSON.stringify(plain.json));
    const changed = await call('POST', `/api/v1/campaigns/${id}/preview`, {
      subscriberId: readers[1],
      body: 'A *word* for {{ name }}.',
      variants: [{}, { subject: 'Second for {{ name }}' }],
      variant: 1,
    });
    assert.deepEqual([changed.status, changed.json.subject], [200, 'Second for Reader 2'], JSON.stringify(changed.json));
    assert.match(changed.json.html, /A <em>word<\/em> for Reader 2\./);
    assert.match(changed.json.text, /A word for Reader 2\./);
    assert.match(changed.json.html, new RegExp(`href="${site.baseUrl}/articles/`));
    assert.equal((await call('GET', `/api/v1/campaigns/${id}/preview`)).json.subject, 'For reader');
  });

  test('name what is wrong, with its line', async () => {
    const id = await draft();
    const wrong = await call('POST', `/api/v1/campaigns/${id}/preview`, { body: 'one\n\n{{ nmae }}' });
    assert.deepEqual([wrong.status, wrong.json.detail], [422, 'body, line 3: undefined variable: nmae']);
    assert.equal((await call('POST', `/api/v1/campaigns/${id}/preview`, { variant: 3 })).json.fields[0].path, '/variant');
    assert.equal((await call('POST', `/api/v1/campaigns/${id}/preview`, { subject: 'a\r\nBcc: x@y.z' })).json.fields[0].path, '/subject');
    const endless = await call('POST', `/api/v1/campaigns/${id}/preview`, {
      body: '{% for a in (1..3000) %}{% for b in (1..3000) %}x{% endfor %}{% endfor %}',
    });
    assert.equal(endless.status, 422);
    assert.match(endless.json.detail, /more than 5000 steps/);
  });
});

describe('a test', () => {
  beforeEach(() => t.database.execute('test.clear', sql`truncate suppressions, mailbox_messages`));

  test('is marked, tracked by nothing and in no ledger, and its way out signs nobody off', async () => {
    const id = await draft();
    const sent = await call('POST', `/api/v1/campaigns/${id}/test`, { addresses: ['a@example.org', 'b@example.org'] });
    assert.deepEqual(
      [sent.status, sent.json.results.map(({ outcome }: { outcome: string }) => outcome)],
      [200, ['accepted', 'accepted']],
      JSON.stringify(sent.json),
    );
    const mails = await t.database.query('test.mails', sql<{ raw: Buffer }>`select raw from mailbox_messages order by envelope_to`);
    assert.equal(mails.length, 2);
    const raw = String(mails[0]?.raw).replace(/=\r\n/g, '');
    assert.match(raw, /^Subject: \[Test\] News/m);
    assert.doesNotMatch(raw, /\/t\/[co]\/|\/unsubscribe\/|^List-Unsubscribe/m);
    assert.deepEqual([await rowsOf('deliveries'), await rowsOf('email_events')], [0, 0]);
  });

  test('goes neither to suppressed addresses nor to what is none, nor to too many', async () => {
    await t.database.execute(
      'test.suppress',
      sql`insert into suppressions (address, reason, created_at) values ('b@example.org', 'complaint', now())`,
    );
    const id = await draft();
    const refused = await call('POST', `/api/v1/campaigns/${id}/test`, { addresses: ['a@example.org', 'b@example.org', 'no address'] });
    assert.deepEqual(
      [refused.status, refused.json.fields.map(({ path: field }: { path: string }) => field)],
      [422, ['/addresses/1', '/addresses/2']],
    );
    assert.equal(
      (await call('POST', `/api/v1/campaigns/${id}/test`, { addresses: Array.from({ length: 11 }, (_, n) => `r${n}@example.org`) })).status,
      400,
    );
    assert.equal(await rowsOf('mailbox_messages'), 0);
  });
});

describe('preflight', () => {
  test('lets a sound campaign pass, and names what blocks another; what blocks is not sent', async () => {
    const sound = (await call('GET', `/api/v1/campaigns/${await draft()}/preflight`)).json;
    assert.deepEqual(sound.blocking, []);
    const id = await draft({ body: '![](https://elsewhere.example/a.png)\n\nRead {{ variables.title }}' });
    const missing = (await call('GET', `/api/v1/campaigns/${id}/preflight`)).json;
    assert.deepEqual(
      missing.blocking.map(({ code, where }: Json) => [code, where]),
      [['variable_missing', 'body, line 3']],
    );
    const refused = await call('POST', `/api/v1/campaigns/${id}/send`);
    assert.deepEqual([refused.status, refused.json.code], [422, 'preflight_failed']);
    const pictures = await draft({ body: '![](https://elsewhere.example/a.png)' });
    const codes = (await call('GET', `/api/v1/campaigns/${pictures}/preflight`)).json.blocking.map(({ code }: Json) => code);
    assert.deepEqual(codes.sort(), ['image_not_hosted', 'image_without_alt']);
  });

  test('blocks a campaign that nobody would get', async () => {
    const id = await draft();
    await t.database.execute('test.leave', sql`update subscribers set status = 'unsubscribed'`);
    const { blocking } = (await call('GET', `/api/v1/campaigns/${id}/preflight`)).json;
    await t.database.execute('test.return', sql`update subscribers set status = 'active'`);
    assert.deepEqual(
      blocking.map(({ code }: Json) => code),
      ['no_audience'],
    );
  });
});

describe('templates', () => {
  const root = '/api/v1/newsletter-templates';
  const mjml = (text: string) =>
    `<mjml><mj-body><mj-section><mj-column>\n<mj-text>${text}</mj-text>\n<mj-text>{{ body }}{% raw %}{{ unsubscribe_url }}{% endraw %}</mj-text></mj-column></mj-section></mj-body></mjml>`;

  test('of one’s own are added, changed, taken back and deleted; those of the engine are copied only', async () => {
    const builtIn = (await call('GET', root)).json.items;
    assert.deepEqual(builtIn.map(({ name }: Json) => name).sort(), ['announcement', 'digest', 'guide', 'interview', 'showcase']);
    assert.equal((await call('PATCH', `${root}/${builtIn[0].id}`, { version: 1, description: 'x' })).json.code, 'template_read_only');
    assert.equal((await call('DELETE', `${root}/${builtIn[0].id}`)).status, 409);
    const copy = await call('POST', root, { name: 'own-digest', copyOf: 'digest' });
    assert.deepEqual([copy.status, copy.json.isBuiltIn, copy.json.version], [201, false, 1], JSON.stringify(copy.json));
    assert.equal((await call('POST', root, { name: 'own-digest', copyOf: 'digest' })).json.code, 'template_exists');

    const url = `${root}/${copy.json.id}`;
    const changed = await call('PATCH', url, { version: 1, mjml: mjml('New'), textTemplate: '' });
    assert.deepEqual([changed.status, changed.json.version], [200, 2], JSON.stringify(changed.json));
    assert.equal((await call('PATCH', url, { version: 1, description: 'late' })).json.code, 'template_changed');
    const faulty = await call('PATCH', url, { version: 2, mjml: mjml('{{ nothing }}') });
    assert.deepEqual([faulty.status, faulty.json.fields], [422, [{ path: '/mjml', message: 'line 2: undefined variable: nothing' }]]);
    assert.deepEqual(
      (await call('GET', `${url}/versions`)).json.items.map(({ version }: Json) => version),
      [1],
    );
    const restored = await call('POST', `${url}/versions/1/restore`);
    assert.deepEqual([restored.json.version, restored.json.mjml], [3, copy.json.mjml]);

    const id = await draft({ template: 'own-digest' });
    assert.equal((await call('DELETE', url)).json.code, 'template_in_use');
    await t.database.execute('test.forget', sql`delete from newsletter_issues where id = ${id}::uuid`);
    assert.equal((await call('DELETE', url)).status, 204);
    assert.equal((await call('GET', url)).status, 404);
  });

  test('are checked without being kept; one that never ends is stopped', async () => {
    const check = async (text: string) => (await call('POST', `${root}/validate`, { mjml: mjml(text) })).json.faults;
    assert.deepEqual(await check('fine'), []);
    assert.deepEqual(await check('{{ oops }}'), [{ file: 'template.mjml', line: 2, message: 'undefined variable: oops' }]);
    const [endless] = await check('{% for a in (1..9999) %}{% for b in (1..9999) %}{% endfor %}{% endfor %}');
    assert.match(endless.message, /more than 100000 steps/);
  });
});

describe('pictures', () => {
  const root = '/api/v1/newsletter-images';
  const png = Buffer.from('iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==', 'base64');

  test('are kept once, and served to everybody for good; sound by their first bytes, whatever they are called', async () => {
    const added = await call('POST', `${root}?name=dot`, png, { 'content-type': 'image/jpeg' });
    assert.deepEqual(
      [added.status, added.json.contentType, added.json.width, added.json.name],
      [201, 'image/png', 1, 'dot'],
      JSON.stringify(added.json),
    );
    assert.equal((await call('POST', root, png, { 'content-type': 'image/png' })).json.id, added.json.id);
    const served = await app.inject({ url: new URL(added.json.url).pathname });
    assert.deepEqual(
      [served.statusCode, served.headers['content-type'], served.headers['cache-control']],
      [200, 'image/png', 'public, max-age=31536000, immutable'],
    );
    assert.deepEqual(served.rawPayload, png);
    const known = await app.inject({ url: new URL(added.json.url).pathname, headers: { 'if-none-match': String(served.headers.etag) } });
    assert.equal(known.statusCode, 304);
    assert.equal((await call('GET', root)).json.items.length, 1);
    assert.equal((await app.inject({ url: `/newsletter-images/${'0'.repeat(40)}.png` })).statusCode, 404);
    const id = await draft({ body: `![A dot](${added.json.url})` });
    assert.deepEqual((await call('GET', `/api/v1/campaigns/${id}/preflight`)).json.blocking, []);
  });

  test('that are none, too large, or at a private address are refused', async () => {
    const image = { 'content-type': 'image/png' };
    assert.equal((await call('POST', root, Buffer.from('<svg onload="alert(1)"/>'), image)).json.code, 'image_unsupported');
    assert.equal((await call('POST', root, png.subarray(0, 20), image)).json.code, 'image_unsupported');
    assert.equal((await call('POST', root, Buffer.concat([png, Buffer.alloc(2 * 1024 * 1024)]), image)).status, 413);
    assert.equal((await call('POST', `${root}/fetch`, { url: 'http://127.0.0.1/a.png' })).json.code, 'address_refused');
    assert.equal((await call('POST', `${root}/fetch`, { url: 'nonsense' })).status, 422);
    assert.equal((await call('POST', `${root}?name=${encodeURIComponent('a\r\nb')}`, png, image)).status, 400);
  });
});
