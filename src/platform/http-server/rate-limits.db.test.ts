import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, test } from 'node:test';
import type { InjectOptions } from 'fastify';
import { createRateLimiter } from '#platform/rate-limit';
import { createTestContext, type TestContext } from '../../../tests/support/test-context.ts';
import { authorize, createTestServer } from '../../../tests/support/test-server.ts';
import type { HttpServer, RegisterRoutes } from './index.ts';
import type { RateClasses } from './rate-classes.ts';

// So slow that no token comes back while a test runs.
const slow = { ratePerSecond: 1 / 3600 };
const classes: RateClasses = {
  api: [{ name: 'key', by: 'caller', burst: 3, ...slow }],
  site: [{ name: 'site', by: 'address', burst: 3, ...slow }],
  subscribe: [
    { name: 'site', by: 'address', burst: 3, ...slow },
    { name: 'mailbox', by: 'named', burst: 1, ...slow },
  ],
  generation: [
    { name: 'key', by: 'caller', burst: 3, ...slow },
    { name: 'generation', by: 'caller', isPerRoute: true, burst: 1, ...slow },
  ],
  ingest: [{ name: 'all', by: 'everyone', burst: 2, ...slow }],
};

const routes: RegisterRoutes = (app) => {
  const ok = async () => ({ ok: true });
  app.get('/api/v1/notes', { config: { access: 'content:read' } }, ok);
  app.post('/api/v1/drafts', { config: { access: 'content:write', rateLimit: 'generation' } }, ok);
  app.post('/api/v1/checks', { config: { access: 'content:write', rateLimit: 'generation' } }, ok);
  app.post('/api/v1/imports', { config: { access: 'content:write', rateLimit: 'ingest' } }, ok);
  app.get('/metrics', { config: { access: 'system:read', rateLimit: false } }, ok);
  app.get('/page', { config: { access: 'public', isPage: true } }, ok);
  app.post<{ Body: { email?: string } }>(
    '/subscribe',
    { config: { access: 'public', isPage: true, rateLimit: 'subscribe', rateSubject: ({ body }) => (body as { email?: string }).email } },
    ok,
  );
};

let t: TestContext;
let app: HttpServer;
before(async () => {
  t = await createTestContext();
});
after(() => t.close());

async function makeServer(): Promise<HttpServer> {
  const limiter = createRateLimiter({ logger: t.logger, metrics: t.metrics });
  return createTestServer(t, [routes], {
    trustedProxies: ['10.0.0.1'],
    rateLimits: { limiter, classes, keyFailures: { burst: 2, ...slow } },
    renderError: async ({ status }) => `<h1>Slow down (${status})</h1>`,
  });
}

const statusOf = async (request: InjectOptions): Promise<number> => (await app.inject(request)).statusCode;

async function statuses(count: number, request: InjectOptions): Promise<number[]> {
  const given: number[] = [];
  for (let index = 0; index < count; index += 1) given.push(await statusOf(request));
  return given;
}

describe('rate limits', () => {
  beforeEach(async () => {
    await app?.close();
    app = await makeServer();
  });
  after(() => app.close());

  test('an API key is told what is left, and refused as a problem when nothing is', async () => {
    const headers = { authorization: await authorize(t, 'content:read') };
    const first = await app.inject({ url: '/api/v1/notes', headers });
    assert.equal(first.statusCode, 200);
    assert.equal(first.headers['ratelimit-policy'], '"key";q=3;w=10800');
    assert.equal(first.headers.ratelimit, '"key";r=2;t=3600');
    const { 'ratelimit-limit': limit, 'ratelimit-remaining': remaining, 'ratelimit-reset': reset } = first.headers;
    assert.deepEqual([limit, remaining, reset], ['3', '2', '3600']);
    assert.deepEqual(await statuses(2, { url: '/api/v1/notes', headers }), [200, 200]);
    const refused = await app.inject({ url: '/api/v1/notes', headers });
    assert.equal(refused.statusCode, 429);
    assert.match(String(refused.headers['content-type']), /^application\/problem\+json/);
    assert.equal(refused.json().code, 'rate_limited');
    assert.match(refused.json().detail, /1 an hour are allowed/);
    const seconds = Number(refused.headers['retry-after']);
    assert.ok(seconds > 0 && seconds <= 3600, String(seconds));
    assert.equal(refused.headers.ratelimit, `"key";r=0;t=${seconds}`);
  });

  test('a key has one bucket wherever it calls from, and another key has its own', async () => {
    const request = { url: '/api/v1/notes', headers: { authorization: await authorize(t, 'content:read') } };
    for (const remoteAddress of ['192.0.2.1', '192.0.2.2', '192.0.2.3']) assert.equal(await statusOf({ ...request, remoteAddress }), 200);
    assert.equal(await statusOf({ ...request, remoteAddress: '192.0.2.4' }), 429);
    assert.equal(await statusOf({ ...request, headers: { authorization: await authorize(t, 'content:read') } }), 200);
  });

  test('a route that costs more has a lower limit of its own; who is refused by it has lost nothing elsewhere', async () => {
    const headers = { authorization: await authorize(t, 'content:write', 'content:read') };
    const post = (url: string) => ({ method: 'POST', url, headers }) as const;
    assert.deepEqual(await statuses(4, post('/api/v1/drafts')), [200, 429, 429, 429]);
    assert.equal(await statusOf(post('/api/v1/checks')), 200);
    const last = await app.inject({ url: '/api/v1/notes', headers });
    assert.equal(last.headers['ratelimit-remaining'], '0');
  });

  test('a limit can be of all callers together', async () => {
    const request = async () =>
      ({ method: 'POST', url: '/api/v1/imports', headers: { authorization: await authorize(t, 'content:write') } }) as const;
    assert.equal(await statusOf(await request()), 200);
    assert.equal(await statusOf(await request()), 200);
    assert.equal(await statusOf(await request()), 429);
  });

  test('readers are limited by address, get a page that says so, and no figures that a cache could keep for others', async () => {
    const request = { url: '/page', remoteAddress: '192.0.2.1' };
    const first = await app.inject(request);
    assert.deepEqual([first.statusCode, first.headers.ratelimit], [200, undefined]);
    assert.deepEqual(await statuses(2, request), [200, 200]);
    const refused = await app.inject(request);
    assert.deepEqual([refused.statusCode, refused.body], [429, '<h1>Slow down (429)</h1>']);
    assert.match(String(refused.headers['content-type']), /^text\/html/);
    assert.ok(Number(refused.headers['retry-after']) > 0);
    assert.equal(refused.headers['cache-control'], 'no-store');
    assert.equal(await statusOf({ ...request, remoteAddress: '192.0.2.2' }), 200);
  });

  test('what leads nowhere is limited too', async () => {
    assert.deepEqual(await statuses(4, { url: '/nothing' }), [404, 404, 404, 429]);
  });

  test('behind a trusted proxy the caller is the one that it names; from elsewhere the name is not believed', async () => {
    const from = (forwarded: string, remoteAddress = '10.0.0.1') => ({
      url: '/page',
      remoteAddress,
      headers: { 'x-forwarded-for': forwarded },
    });
    assert.deepEqual(await statuses(4, from('198.51.100.1')), [200, 200, 200, 429]);
    assert.equal(await statusOf(from('198.51.100.2')), 200);
    for (const last of ['a', 'b', 'c']) assert.equal(await statusOf(from(`2001:db8:1:2::${last}`)), 200);
    assert.equal(await statusOf(from('2001:db8:1:2:9::1')), 429);
    assert.equal(await statusOf(from('2001:db8:1:3::1')), 200);
    for (const name of ['1', '2', '3']) assert.equal(await statusOf(from(`198.51.100.${name}`, '203.0.113.9')), 200);
    assert.equal(await statusOf(from('198.51.100.4', '203.0.113.9')), 429);
  });

  test('a mailbox gets only so many mails, whoever asks for them', async () => {
    const post = (email: string | undefined, remoteAddress: string) =>
      ({ method: 'POST', url: '/subscribe', payload: { email }, remoteAddress }) as const;
    assert.equal(await statusOf(post('ada@example.org', '192.0.2.1')), 200);
    assert.equal(await statusOf(post('ada@example.org', '192.0.2.2')), 429);
    assert.equal(await statusOf(post('bob@example.org', '192.0.2.3')), 200);
    assert.equal(await statusOf(post(undefined, '192.0.2.4')), 200);
  });

  test('an address that sends wrong keys is refused before its key is looked up; its neighbours are not', async () => {
    const guess = (remoteAddress: string) => ({ url: '/api/v1/notes', remoteAddress, headers: { 'x-api-key': 'aqs_guess' } });
    assert.deepEqual(await statuses(4, guess('192.0.2.1')), [401, 401, 429, 429]);
    assert.equal(await statusOf(guess('192.0.2.2')), 401);
    const headers = { authorization: await authorize(t, '*') };
    assert.equal(await statusOf({ url: '/api/v1/notes', remoteAddress: '192.0.2.1', headers }), 429);
    assert.equal(await statusOf({ url: '/api/v1/notes', remoteAddress: '192.0.2.3', headers }), 200);
    assert.equal(await statusOf({ url: '/metrics', remoteAddress: '192.0.2.1', headers }), 200, 'what is never limited is not refused');
    assert.equal(await statusOf({ ...guess('192.0.2.1'), url: '/metrics' }), 429, 'guesses are, everywhere');
  });

  test('what is never limited answers however often it is asked', async () => {
    const headers = { authorization: await authorize(t, 'system:read') };
    const given = await statuses(20, { url: '/metrics', headers });
    assert.ok(given.every((status) => status === 200));
  });
});

test('a route with an unknown class of limits cannot be registered', async () => {
  const limiter = createRateLimiter({ logger: t.logger, metrics: t.metrics });
  const broken: RegisterRoutes = (server) => {
    server.get('/x', { config: { access: 'public', rateLimit: 'unheard' as 'site' } }, async () => null);
  };
  await assert.rejects(createTestServer(t, [broken], { rateLimits: { limiter } }), /unknown class of rate limits: unheard/);
  const nameless: RegisterRoutes = (server) => {
    server.get('/x', { config: { access: 'public', rateLimit: 'subscribe' } }, async () => null);
  };
  await assert.rejects(createTestServer(t, [nameless], { rateLimits: { limiter } }), /does not say whom/);
});
