/** Every address that readers and mail programs come to, against everything that they may send: a page, and no fault of ours. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { InjectOptions } from 'fastify';
import { sql } from '#platform/database';
import { forgedCursors, malformedIds, script, storableTexts, unstorableTexts, wrongQueryValues } from './testing/hostile-input.ts';
import { fillStock, type Stock, unknownId } from './testing/stock.ts';
import { type Answer, createTestEngine, send, type TestEngine } from './testing/test-engine.ts';

let engine: TestEngine;
let stock: Stock;
/** Addresses with their parameters in them, for GET. */
let pages: string[];
let forms: string[];

const mailbox = ['/mailbox', '/mailbox/style.css', '/mailbox/:id', '/mailbox/:id/html', '/mailbox/:id/text', '/mailbox/:id/raw'];

before(async () => {
  engine = await createTestEngine();
  const key = await engine.createKey(['*']);
  stock = await fillStock(engine, key);
  await insertMail();
  const ofServices = engine.routes.filter(({ config }) => config?.isPage);
  pages = [...mailbox, ...ofServices.filter(({ method }) => method === 'GET').map(({ url }) => url)];
  forms = ofServices.filter(({ method }) => method === 'POST').map(({ url }) => url);
  assert.ok(pages.length >= 25 && forms.length >= 4, `${pages.length} pages, ${forms.length} forms`);
});
after(async () => engine.close());

async function insertMail(): Promise<void> {
  const raw = Buffer.from(`Subject: ${script}\r\nContent-Type: text/html\r\n\r\n${script}\ufffd\u0000`);
  await engine.t.database.execute(
    'test.mail',
    sql`insert into mailbox_messages (id, envelope_from, envelope_to, subject, message_id, raw, size_bytes, received_at)
        values (${unknownId}, 'a@example.org', 'b@example.org', ${script}, '', ${raw}, ${raw.length}, now())`,
  );
}

/** A page, a picture, a feed or plain text, and never what is meant for programs; the reader's own text does not run. */
function faultOf(what: string, { status, type, body, headers }: Answer): string | undefined {
  if (status >= 500) return `${what}: ${status} ${body.slice(0, 200)}`;
  if (status >= 400 && /json/.test(type)) return `${what}: ${status} is answered with ${type}`;
  if (/text\/html/.test(type) && body.includes(script) && !/sandbox/.test(String(headers['content-security-policy'])))
    return `${what}: ${script} stands in the page`;
  return undefined;
}

async function visit(requests: readonly InjectOptions[]): Promise<void> {
  const faults: string[] = [];
  for (const request of requests) {
    const what = `${request.method ?? 'GET'} ${String(request.url).slice(0, 150)} ${String(request.payload ?? '').slice(0, 60)}`;
    const fault = faultOf(what, await send(engine.server, { ...request, headers: { accept: 'text/html', ...request.headers } }));
    if (fault !== undefined) faults.push(fault);
  }
  assert.deepEqual(faults, []);
}

const fill = (route: string, value: string): string => route.replace(/:\w+/g, value);

function realTokens(): string[] {
  const subscriber = stock.get('/api/v1/subscribers')?.id ?? unknownId;
  const unsubscribe = new URL(engine.context.subscriberManager.unsubscribeUrl(subscriber, null)).pathname.split('/').at(-1) ?? '';
  const tampered = `${unsubscribe.slice(0, -2)}${unsubscribe.endsWith('A') ? 'B' : 'A'}${unsubscribe.slice(-1)}`;
  return [unsubscribe, tampered, unsubscribe.toUpperCase(), `${unsubscribe}.gif`, unsubscribe.slice(0, 20)];
}

test('pages of all sorts, with all sorts of parameters', async () => {
  const texts = [...storableTexts, ...storableTexts.map((text) => `${text}.gif`), ...unstorableTexts.map((text) => text.toWellFormed())];
  const stored = await engine.t.database.query<{ slug: string }>('test.slugs', sql`select slug from generated_content`);
  const values = [
    ...stored.map(({ slug }) => slug),
    ...malformedIds,
    ...texts.map(encodeURIComponent),
    ...realTokens(),
    unknownId,
    `${unknownId}.gif`,
    'x'.repeat(99),
    '.',
    '%2e%2e',
    '%5c',
  ];
  await visit(pages.flatMap((route) => (route.includes(':') ? values.map((value) => ({ url: fill(route, value) })) : [{ url: route }])));
});

test('queries of all sorts', async () => {
  const values = [...wrongQueryValues, ...forgedCursors, ...storableTexts.map(encodeURIComponent)];
  const read = {
    q: ['/search', '/mailbox'],
    cursor: ['/articles', '/categories/plants', '/tags/moss', '/search', '/search?q=moss', '/mailbox', '/mailbox?q=b'],
  };
  await visit([
    ...Object.entries(read).flatMap(([name, urls]) =>
      urls.flatMap((url) => values.map((value) => ({ url: `${url}${url.includes('?') ? '&' : '?'}${name}=${value}` }))),
    ),
    ...pages
      .map((route) => fill(route, unknownId))
      .flatMap((url) => [
        { url: `${url}?q=a&q=b&cursor=c&cursor=d` },
        { url: `${url}?q[]=a&q[b]=c&__proto__=x` },
        { url: `${url}?&&=&%00=%00&colour=red` },
      ]),
  ]);
});

test('headers of all sorts, and methods that a page does not take', async () => {
  const headers = ['\u00e9\u00ff<script>', 'x'.repeat(4000), "'; drop table analytics_events; --", '"><img src=x>'];
  await visit(
    pages.flatMap((route) => {
      const url = fill(route, unknownId);
      return [
        ...headers.map((text) => ({
          url,
          headers: {
            'user-agent': text,
            referer: text,
            'if-none-match': text,
            'accept-language': text,
            accept: `text/html, ${text}`,
            'x-forwarded-for': text,
          },
        })),
        { url, headers: { 'accept-encoding': 'br;q=x, gzip;q=nan, *' } },
        { url, headers: { 'if-none-match': '*' } },
        { url, headers: { host: 'evil.example', 'x-forwarded-host': 'evil.example' } },
        { url, method: 'HEAD' as const },
        { url, method: 'OPTIONS' as const },
      ];
    }),
  );
});

test('forms of all sorts', async () => {
  const form = { 'content-type': 'application/x-www-form-urlencoded' };
  const json = { 'content-type': 'application/json' };
  const texts = [...storableTexts, ...unstorableTexts.map((text) => text.toWellFormed()), 'x'.repeat(100_000), 'a@example.org'];
  const bodies = [
    ...texts.flatMap((text) => [`email=${encodeURIComponent(text)}`, `email=a%40example.org&name=${encodeURIComponent(text)}`]),
    '',
    'email=%',
    'email=%00&email=%ED%A0%80',
    'email=a%40example.org&email=b%40example.org',
    'email[]=a&email[b]=c&__proto__[x]=1',
    `${'a=1&'.repeat(20_000)}email=x`,
    'List-Unsubscribe=One-Click',
  ];
  const others: Pick<InjectOptions, 'payload' | 'headers'>[] = [
    ...bodies.map((payload) => ({ payload, headers: form })),
    { payload: '{"email":["a"],"name":{"a":1}}', headers: json },
    { payload: '{"email":"a\\u0000@example.org","name":"\\ud83c"}', headers: json },
    { payload: `{"email":${'['.repeat(50_000)}${']'.repeat(50_000)}}`, headers: json },
    { payload: '{"email":', headers: json },
    { payload: 'null', headers: json },
    {
      payload: '--x\r\nContent-Disposition: form-data; name="List-Unsubscribe"\r\n\r\nOne-Click\r\n--x--',
      headers: { 'content-type': 'multipart/form-data; boundary=x' },
    },
    { payload: 'x', headers: { 'content-type': 'text/csv' } },
    { payload: 'x'.repeat(1_200_000), headers: form },
    { payload: 'garbage', headers: { ...form, 'content-encoding': 'gzip' } },
    { payload: 'email=a%40example.org', headers: { ...form, 'idempotency-key': '' } },
  ];
  const tokens = ['x', '%00', ...realTokens()];
  await visit(
    forms.flatMap((route) => {
      const urls = route.includes(':') ? tokens.map((token) => fill(route, token)) : [route];
      return urls.flatMap((url) => others.map((parts) => ({ method: 'POST' as const, url, ...parts })));
    }),
  );
});

test('addresses that are none', async () => {
  const urls = ['/%', '/%zz', '/%ED%A0%80', '/articles/%', '/a//b', '/.env', '/?%', `/${'x'.repeat(8000)}`, `/${'a/'.repeat(4000)}`];
  await visit(urls.map((url) => ({ url })));
});
