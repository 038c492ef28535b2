/** Every address that readers and mail programs come to, against everything that they may send: a page, and no fault of ours. */
import assert from 'node:assert/strict';
import { createHash, createHmac } from 'node:crypto';
import { after, before, test } from 'node:test';
import type { InjectOptions } from 'fastify';
import { sql } from '#platform/database';
import { mailgunDeliveryVariable, postmarkDeliveryField } from '#platform/mail';
import { createTrackingTokens } from '#services/distributor';
import {
  forgedCursors,
  malformedIds,
  script,
  storableTexts,
  unstorableTexts,
  wrongQueryValues,
  wrongValues,
} from './testing/hostile-input.ts';
import { fillStock, type Stock, unknownId } from './testing/stock.ts';
import { type Answer, createTestEngine, mailProviders, send, type TestEngine } from './testing/test-engine.ts';

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

/** First those of one reader's preferences and way out; then what was tampered with, and the links of a mail. */
function realTokens(): string[] {
  const { id: issueId = '', subscriberId = '' } = stock.get('POST /api/v1/campaigns/{id}/pause') ?? {};
  const tracking = createTrackingTokens(engine.context.secret).sign({ issueId, subscriberId, variant: 0 }, 2);
  const subscriber = stock.get('/api/v1/subscribers')?.id ?? unknownId;
  const unsubscribe = new URL(engine.context.subscriberManager.unsubscribeUrl(subscriber, null)).pathname.split('/').at(-1) ?? '';
  const tampered = `${unsubscribe.slice(0, -2)}${unsubscribe.endsWith('A') ? 'B' : 'A'}${unsubscribe.slice(-1)}`;
  const preferences = new URL(engine.context.subscriberManager.preferencesUrl(subscriber)).pathname.split('/').at(-1) ?? '';
  const ofMails = [tracking.open, `${tracking.open}.gif`, tracking.honeypot, tracking.click(0), tracking.click(1)];
  return [preferences, unsubscribe, tampered, unsubscribe.toUpperCase(), `${unsubscribe}.gif`, unsubscribe.slice(0, 20), ...ofMails];
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
  const [preferences = '', unsubscribe = '', ...forged] = realTokens();
  const post = (url: string, bodiesOf: typeof others) => bodiesOf.map((parts) => ({ method: 'POST' as const, url, ...parts }));
  await visit(
    forms.flatMap((route) => {
      if (!route.includes(':')) return post(route, others);
      return [
        ...[preferences, unsubscribe].flatMap((token) => post(fill(route, token), others)),
        // What is no token is refused whatever comes along.
        ...['x', '%00', ...forged].flatMap((token) => post(fill(route, token), others.slice(0, 3))),
      ];
    }),
  );
});

test('what mail providers post, signed as theirs or not', async () => {
  const { id: issueId = '', subscriberId = '' } = stock.get('POST /api/v1/campaigns/{id}/pause') ?? {};
  const packed = (id: string) => Buffer.from(id.replaceAll('-', ''), 'hex').toString('base64url');
  const delivery = `${packed(issueId)}.${packed(subscriberId)}`;
  // Of a length and a kind that no index takes.
  const endless = Array.from({ length: 50 }, (_, index) => createHash('sha512').update(`${index}`).digest('hex')).join('');
  const odd = [endless, ...storableTexts, ...unstorableTexts, ...wrongValues, '0001-01-01T00:00:00Z', '9999-12-31T23:59:59Z', 1e15, -1e15];
  const varied = (post: Readonly<Record<string, unknown>>) =>
    Object.keys(post).flatMap((name) => odd.map((value) => ({ ...post, [name]: value })));
  const now = Math.floor(Date.now() / 1000);
  const signature = { timestamp: now, token: 'a', signature: createHmac('sha256', mailProviders.mailgun).update(`${now}a`).digest('hex') };
  const postmark = ['Bounce', 'Delivery', 'SpamComplaint', 'SubscriptionChange'].flatMap((RecordType) =>
    varied({
      ...{ RecordType, ID: 'a', MessageID: 'b', Type: 'SoftBounce', Details: script, BouncedAt: '2026-05-01T12:00:00Z' },
      ...{ SuppressSending: true, SuppressionReason: 'ManualSuppression', Metadata: { [postmarkDeliveryField]: delivery } },
    }),
  );
  const mailgun = ['failed', 'delivered', 'complained', 'unsubscribed'].flatMap((event) => [
    ...varied({
      ...{ event, id: 'a', timestamp: now, severity: 'permanent', reason: script, message: { headers: { 'message-id': script } } },
      ...{ 'delivery-status': { code: 450, message: script }, 'user-variables': { [mailgunDeliveryVariable]: delivery } },
    }),
    ...odd.map((message) => ({
      ...{
        event,
        id: 'b',
        severity: 'permanent',
        'delivery-status': { code: message, message, description: message, 'enhanced-code': message },
      },
      'user-variables': { [mailgunDeliveryVariable]: delivery },
    })),
  ]);
  const signed = [
    ...postmark.map((post) => ({ provider: 'postmark', payload: JSON.stringify(post) })),
    ...mailgun.map((post) => ({ provider: 'mailgun', payload: JSON.stringify({ signature, 'event-data': post }) })),
    ...varied(signature).map((each) => ({ provider: 'mailgun', payload: JSON.stringify({ signature: each, 'event-data': {} }) })),
  ];
  const raw = [
    '',
    'null',
    '[]',
    '{',
    '"a"',
    '\u0000',
    '{"__proto__":{"a":1}}',
    `${'['.repeat(50_000)}${']'.repeat(50_000)}`,
    'x'.repeat(6_000_000),
  ];
  const unsigned = [...Object.keys(mailProviders), 'unknown', '%00'].flatMap((provider) => raw.map((payload) => ({ provider, payload })));
  const faults: string[] = [];
  for (const { provider, payload } of [...signed, ...unsigned]) {
    const answer = await send(engine.server, {
      method: 'POST',
      url: `/hooks/mail/${provider}`,
      payload,
      headers: {
        'content-type': 'application/json',
        authorization: `Basic ${Buffer.from(mailProviders.postmark).toString('base64')}`,
        'x-twilio-email-event-webhook-signature': payload.slice(0, 20).replace(/[^\x20-\x7e]/g, ''),
      },
    });
    if (![204, 400, 403, 404, 413, 422].includes(answer.status))
      faults.push(`${provider} ${payload.slice(0, 300)}: ${answer.status} ${answer.body.slice(0, 200)}`);
  }
  assert.deepEqual(faults, []);
});

test('addresses that are none', async () => {
  const urls = ['/%', '/%zz', '/%ED%A0%80', '/articles/%', '/a//b', '/.env', '/?%', `/${'x'.repeat(8000)}`, `/${'a/'.repeat(4000)}`];
  await visit(urls.map((url) => ({ url })));
});
