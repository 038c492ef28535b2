import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { createHttpServer, type HttpServer } from '#platform/http-server';
import { createTestContext, type TestContext } from '../../../tests/support/test-context.ts';
import { mailboxRoutes } from './index.ts';
import { insertMessages } from './mailbox-store.ts';

let t: TestContext;
let app: HttpServer;
let htmlId: string;
let textId: string;

const nasty = `<html><head><title>x</title></head><body><script>parent.location='https://evil.example'</script>
<form action="https://evil.example"><input></form><a href="https://a.example/c/1">Read on</a><img src="https://a.example/t/o/1.gif"></body></html>`;

function source(headers: Record<string, string>, body: string): Buffer {
  const head = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
  return Buffer.from(`${head.join('')}\r\n${body}`);
}

async function keep(to: string, subject: string, raw: Buffer): Promise<string> {
  const id = t.clock.newId();
  const row = { id, envelopeFrom: 'digest@aquascene.example', envelopeTo: to, subject, messageId: `<${id}@x>`, receivedAt: t.clock.now() };
  await insertMessages(t.database, [{ ...row, sizeBytes: raw.length, raw }]);
  return id;
}

before(async () => {
  t = await createTestContext();
  t.clock.set('2026-11-01T10:00:00Z');
  app = await createHttpServer({
    database: t.database,
    caches: t.caches,
    clock: t.clock,
    logger: t.logger,
    metrics: t.metrics,
    version: '0',
    maxBodyBytes: 10_000,
    trustedProxies: ['10.0.0.0/8'],
    routes: [mailboxRoutes({ database: t.database })],
  });
  const subject = '<b>Plants</b> & "more"';
  htmlId = await keep(
    'reader@example.org',
    subject,
    source(
      {
        From: 'Digest <digest@aquascene.example>',
        To: 'reader@example.org',
        Subject: subject,
        'List-Unsubscribe': '<mailto:u@a.example>, <https://a.example/unsubscribe/1?a=1&b=2>',
        'List-Unsubscribe-Post': 'List-Unsubscribe=One-Click',
        'Content-Type': 'text/html; charset=utf-8',
      },
      nasty,
    ),
  );
  t.clock.advance(1000);
  textId = await keep('plain@example.org', '', source({ To: 'plain@example.org' }, 'only <i>text</i> & nothing else'));
});
after(async () => {
  await app.close();
  await t.close();
});

const get = (url: string, headers: Record<string, string> = {}, remoteAddress = '127.0.0.1') =>
  app.inject({ url, remoteAddress, headers: { host: 'localhost:8000', ...headers } });

const pages = () => [
  '/mailbox',
  '/mailbox/style.css',
  `/mailbox/${htmlId}`,
  ...['html', 'text', 'raw'].map((part) => `/mailbox/${htmlId}/${part}`),
];

test('only a browser on this machine sees the mailbox, under a name of this machine, through no proxy', async () => {
  for (const url of pages()) {
    for (const host of ['localhost:8000', '127.0.0.1:8000', '[::1]:8000', 'mailbox.localhost']) {
      assert.equal((await get(url, { host })).statusCode, 200, `${host} ${url}`);
    }
    assert.equal((await get(url, {}, '::1')).statusCode, 200);
    assert.equal((await get(url, {}, '::ffff:127.0.0.1')).statusCode, 200);
    const refused = [
      await get(url, {}, '192.168.1.20'),
      await get(url, {}, '203.0.113.9'),
      await get(url, {}, '10.0.0.5'),
      // A page of a foreign site whose name leads here.
      await get(url, { host: 'evil.example' }),
      await get(url, { host: 'localhost.evil.example:8000' }),
      // Through a proxy: on this machine, or a trusted one that says the caller is local.
      await get(url, { 'x-forwarded-for': '203.0.113.9' }),
      await get(url, { 'x-forwarded-for': '127.0.0.1' }),
      await get(url, { 'x-forwarded-for': '127.0.0.1' }, '10.0.0.5'),
      await get(url, { forwarded: 'for=127.0.0.1' }),
      await get(url, { 'x-real-ip': '127.0.0.1' }),
    ];
    for (const reply of refused) {
      assert.equal(reply.statusCode, 403, url);
      assert.doesNotMatch(reply.body, /reader@example|Plants|Read on/);
    }
  }
});

test('the list shows recipients and subjects, newest first, escaped', async () => {
  const { body, headers } = await get('/mailbox');
  assert.ok(body.indexOf('plain@example.org') < body.indexOf('reader@example.org'));
  assert.ok(body.includes('&lt;b&gt;Plants&lt;/b&gt; &amp; &#34;more&#34;'));
  assert.ok(body.includes('(no subject)'));
  assert.doesNotMatch(body, /<b>Plants/);
  assert.equal(headers['cache-control'], 'no-store');
  assert.match(String(headers['content-security-policy']), /default-src 'none'/);
});

test('a search is by address and shown escaped', async () => {
  assert.doesNotMatch((await get('/mailbox?q=reader')).body, /plain@example\.org/);
  const { body } = await get(`/mailbox?q=${encodeURIComponent('"><script>alert(1)</script>')}`);
  assert.doesNotMatch(body, /<script>/);
  assert.match(body, /No mail to an address with/);
});

test('the message page frames the HTML in a sandbox that runs no script, and escapes the rest', async () => {
  const { body } = await get(`/mailbox/${htmlId}`);
  const frame = /<iframe[^>]*>/.exec(body)?.[0] ?? '';
  assert.match(frame, new RegExp(`src="/mailbox/${htmlId}/html"`));
  assert.match(frame, / sandbox="allow-popups allow-popups-to-escape-sandbox"/);
  assert.doesNotMatch(frame, /allow-scripts|allow-same-origin|allow-forms|allow-top-navigation/);
  assert.ok(!body.includes("parent.location='"));
  assert.ok(body.includes('href="https://a.example/unsubscribe/1?a=1&amp;b=2"'));
  assert.ok(body.includes('List-Unsubscribe-Post'));
});

test('the HTML alone is sandboxed by its own header, and its links open outside of the frame', async () => {
  const { body, headers } = await get(`/mailbox/${htmlId}/html`);
  const policy = String(headers['content-security-policy']);
  const sandbox = policy.split(';')[0] ?? '';
  assert.match(sandbox, /^sandbox /);
  assert.doesNotMatch(sandbox, /allow-scripts|allow-same-origin|allow-forms|allow-top-navigation/);
  assert.match(policy, /default-src 'none'/);
  assert.match(policy, /frame-ancestors 'self'/);
  assert.doesNotMatch(policy, /script-src|unsafe-eval/);
  assert.match(body, /<head><base target="_blank">/);
  assert.ok(body.includes('<a href="https://a.example/c/1">Read on</a>'));
});

test('text and source are plain text', async () => {
  const text = await get(`/mailbox/${textId}/text`);
  assert.deepEqual([text.headers['content-type'], text.body.trim()], ['text/plain; charset=utf-8', 'only <i>text</i> & nothing else']);
  const raw = await get(`/mailbox/${htmlId}/raw`);
  assert.equal(raw.headers['content-type'], 'text/plain; charset=utf-8');
  assert.equal(raw.headers['x-content-type-options'], 'nosniff');
  assert.match(raw.body, /^From: Digest/);
  const page = await get(`/mailbox/${textId}`);
  assert.doesNotMatch(page.body, /<iframe/);
  assert.ok(page.body.includes('only &lt;i&gt;text&lt;/i&gt; &amp; nothing else'));
});

test('what is not there is a page that says so', async () => {
  const missing = ['0199a5b0-0000-7000-8000-000000000000', 'x', "'; drop table mailbox_messages; --", '..', '%00', '0'.repeat(36)];
  for (const id of missing) {
    for (const part of ['', '/html', '/text', '/raw']) {
      const reply = await get(`/mailbox/${encodeURIComponent(id)}${part}`);
      assert.equal(reply.statusCode, 404, id);
    }
  }
  assert.equal((await get(`/mailbox/${'x'.repeat(101)}`)).statusCode, 414);
  assert.equal((await get('/mailbox?cursor=nonsense')).statusCode, 422);
});

test('a long list goes page by page, and nothing is left out where times are equal', async () => {
  const subjects = Array.from({ length: 120 }, (_, index) => `many-${String(index).padStart(3, '0')}`);
  for (const subject of subjects) await keep('many@example.org', subject, source({ Subject: subject }, 'x'));
  const seen: string[] = [];
  let url: string | undefined = '/mailbox?q=many%40';
  while (url !== undefined) {
    const body: string = (await get(url)).body;
    seen.push(...(body.match(/many-\d{3}/g) ?? []));
    url = /href="(\/mailbox\?[^"]+)" rel="next"/.exec(body)?.[1]?.replaceAll('&amp;', '&');
  }
  assert.equal(seen.length, 120);
  assert.deepEqual([...seen].sort(), subjects);
});
