import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { Type } from 'typebox';
import { createTestContext, type TestContext } from '../../../tests/support/test-context.ts';
import { createApiKey, createHttpServer, decodeCursor, encodeCursor, type HttpServer, revokeApiKey, toPage } from './index.ts';

let t: TestContext;
let app: HttpServer;
let readKey: string;
let writeKey: string;
let calls = 0;

const problemType = /^application\/problem\+json/;

before(async () => {
  t = await createTestContext();
  app = await createHttpServer({
    database: t.database,
    caches: t.caches,
    clock: t.clock,
    logger: t.logger,
    metrics: t.metrics,
    version: '0',
    maxBodyBytes: 10_000,
    trustedProxies: [],
    renderNotFound: async (path) => `<h1>No ${path.length} here</h1>`,
    routes: [
      (server) => {
        server.get('/open', { config: { access: 'public' } }, async () => ({ ok: true }));
        server.get(
          '/api/v1/notes',
          {
            config: { access: 'content:read' },
            schema: { querystring: Type.Object({ limit: Type.Optional(Type.Integer({ minimum: 1 })) }, { additionalProperties: false }) },
          },
          async (request) => ({ limit: request.query.limit ?? null }),
        );
        server.post(
          '/api/v1/notes',
          {
            config: { access: 'content:write' },
            schema: {
              body: Type.Object(
                { title: Type.String({ minLength: 1, maxLength: 20 }), count: Type.Optional(Type.Integer()) },
                { additionalProperties: false },
              ),
            },
          },
          async (request, reply) => {
            calls += 1;
            if (request.body.title === 'break') throw new Error('secret detail');
            return reply.code(201).send({ calls });
          },
        );
      },
    ],
  });
  readKey = (await createApiKey(t.database, t.clock, { name: 'reader', scopes: ['content:read'] })).key;
  writeKey = (await createApiKey(t.database, t.clock, { name: 'writer', scopes: ['*'] })).key;
});
after(async () => {
  await app.close();
  await t.close();
});

const post = (body: unknown, headers: Record<string, string> = {}) =>
  app.inject({
    method: 'POST',
    url: '/api/v1/notes',
    headers: { authorization: `Bearer ${writeKey}`, 'content-type': 'application/json', ...headers },
    payload: typeof body === 'string' ? body : JSON.stringify(body),
  });

test('no key and an unknown key are 401, a key without the scope is 403', async () => {
  const none = await app.inject({ url: '/api/v1/notes' });
  assert.equal(none.statusCode, 401);
  assert.match(String(none.headers['content-type']), problemType);
  assert.equal(none.json().code, 'key_missing');
  assert.ok(none.headers['www-authenticate']);
  const unknown = await app.inject({ url: '/api/v1/notes', headers: { authorization: 'Bearer aqs_nope' } });
  assert.equal(unknown.json().code, 'key_unknown');
  const lacking = await app.inject({ method: 'POST', url: '/api/v1/notes', headers: { 'x-api-key': readKey }, payload: { title: 'x' } });
  assert.equal(lacking.statusCode, 403);
  assert.match(lacking.json().detail, /content:write/);
});

test('a revoked key stops working', async () => {
  const { key, apiKey } = await createApiKey(t.database, t.clock, { name: 'gone', scopes: ['content:read'] });
  assert.equal((await app.inject({ url: '/api/v1/notes', headers: { 'x-api-key': key } })).statusCode, 200);
  await revokeApiKey(t, apiKey.id);
  assert.equal((await app.inject({ url: '/api/v1/notes', headers: { 'x-api-key': key } })).statusCode, 401);
});

test('every faulty field is named: missing, unknown, of the wrong type, too long', async () => {
  const response = await post({ count: '3', colour: 'red' });
  assert.equal(response.statusCode, 400);
  const paths = response
    .json()
    .fields.map((field: { path: string }) => field.path)
    .sort();
  assert.deepEqual(paths, ['/colour', '/count', '/title']);
  assert.equal((await post({ title: 'x'.repeat(21) })).json().fields[0].path, '/title');
});

test('malformed JSON, a wrong content type and a body too large are told apart', async () => {
  assert.equal((await post('{"title": ')).statusCode, 400);
  assert.equal((await post('title=x', { 'content-type': 'text/csv' })).statusCode, 415);
  const large = await post({ title: 'x'.repeat(20_000) });
  assert.equal(large.statusCode, 413);
  assert.match(String(large.headers['content-type']), problemType);
});

test('query strings are text: numbers in them are coerced, and unknown ones refused', async () => {
  const headers = { authorization: `Bearer ${readKey}` };
  assert.deepEqual((await app.inject({ url: '/api/v1/notes?limit=5', headers })).json(), { limit: 5 });
  assert.equal((await app.inject({ url: '/api/v1/notes?limit=five', headers })).statusCode, 400);
  assert.equal((await app.inject({ url: '/api/v1/notes?colour=red', headers })).json().fields[0].path, '/querystring/colour');
});

test('an unforeseen failure answers 500 without its message', async () => {
  const response = await post({ title: 'break' });
  assert.equal(response.statusCode, 500);
  assert.equal(response.json().code, 'internal_error');
  assert.doesNotMatch(response.body, /secret detail/);
});

test('the same Idempotency-Key runs once and gives the same answer again', async () => {
  const before = calls;
  const headers = { 'idempotency-key': 'note-1' };
  const first = await post({ title: 'a' }, headers);
  const second = await post({ title: 'a' }, headers);
  assert.equal(calls, before + 1);
  assert.equal(second.statusCode, 201);
  assert.equal(second.body, first.body);
  assert.equal(second.headers['idempotency-replayed'], 'true');
  const other = await post({ title: 'b' }, headers);
  assert.equal(other.statusCode, 422);
  assert.equal(other.json().code, 'idempotency_key_reused');
});

test('twenty requests at once with one Idempotency-Key run once', async () => {
  const before = calls;
  const answers = await Promise.all(Array.from({ length: 20 }, () => post({ title: 'many' }, { 'idempotency-key': 'note-many' })));
  assert.equal(calls, before + 1);
  for (const answer of answers) assert.ok([201, 409].includes(answer.statusCode), String(answer.statusCode));
});

test('a server error is not kept: the same key may try again', async () => {
  const before = calls;
  await post({ title: 'break' }, { 'idempotency-key': 'note-break' });
  await post({ title: 'break' }, { 'idempotency-key': 'note-break' });
  assert.equal(calls, before + 2);
});

test('what nobody serves: a page for a browser, a problem for a program', async () => {
  const page = await app.inject({ url: '/nothing', headers: { accept: 'text/html' } });
  assert.equal(page.statusCode, 404);
  assert.match(String(page.headers['content-type']), /^text\/html/);
  const problem = await app.inject({ url: '/api/v1/nothing' });
  assert.equal(problem.statusCode, 404);
  assert.match(String(problem.headers['content-type']), problemType);
});

test('a request id is given back, and one that a proxy set is kept', async () => {
  assert.ok((await app.inject({ url: '/open' })).headers['x-request-id']);
  const kept = await app.inject({ url: '/open', headers: { 'x-request-id': 'abcdef-123456' } });
  assert.equal(kept.headers['x-request-id'], 'abcdef-123456');
  const forged = await app.inject({ url: '/open', headers: { 'x-request-id': 'a b\t<script>' } });
  assert.notEqual(forged.headers['x-request-id'], 'a b\t<script>');
});

test('a route that does not say who may call it cannot be registered', async () => {
  await assert.rejects(
    createHttpServer({
      database: t.database,
      caches: t.caches,
      clock: t.clock,
      logger: t.logger,
      metrics: t.metrics,
      version: '0',
      maxBodyBytes: 1000,
      trustedProxies: [],
      routes: [(server) => void server.get('/forgotten', async () => 'x')],
    }),
    /does not say who may call it/,
  );
});

test('a cursor comes back as it went, and a forged one is refused', () => {
  const position = { at: new Date('2026-01-02T03:04:05.678Z'), id: t.clock.newId() };
  assert.deepEqual(decodeCursor(encodeCursor(position)), position);
  assert.throws(() => decodeCursor('bm9uc2Vuc2U'), /cursor/);
  const page = toPage([1, 2, 3], 2, () => position);
  assert.deepEqual(page.items, [1, 2]);
  assert.ok(page.nextCursor);
  assert.equal(toPage([1, 2], 2, () => position).nextCursor, null);
});
