import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { Type } from 'typebox';
import { AppError } from '#shared/errors';
import { createTestContext, type TestContext } from '../../../tests/support/test-context.ts';
import { createTestServer } from '../../../tests/support/test-server.ts';
import { createApiKey, type HttpServer, pageSecurityHeaders } from './index.ts';

const outage = new AppError('database_unavailable', 'The database cannot be reached.', { status: 503, retryAfterSeconds: 2 });
const page = { config: { access: 'public', isPage: true } } as const;

let t: TestContext;
let app: HttpServer;
let key: string;
let renderError: (failure: { status: number; code: string; requestId: string }) => Promise<string>;

before(async () => {
  t = await createTestContext();
  ({ key } = await createApiKey(t.database, t.clock, { name: 'all', scopes: ['*'] }));
  app = await createTestServer(
    t,
    [
      (server) => {
        server.get('/page', page, async (_request, reply) => {
          reply.header('etag', '"x"').header('cache-control', 'public, max-age=60');
          throw outage;
        });
        server.get('/broken', page, async () => {
          throw new Error('secret detail');
        });
        server.get('/page/:name', page, async () => 'x');
        server.post('/form', page, async () => 'x');
        server.get('/redirected', page, (_request, reply) => reply.callNotFound());
        server.get('/api/v1/broken', { config: { access: 'content:read' } }, async () => {
          throw outage;
        });
        server.get('/api/v1/inner', { config: { access: 'content:read' } }, async () => {
          throw new AppError('no_row', 'The statement secret.find returned no row.');
        });
        server.get('/api/v1/notes', { config: { access: 'content:read' } }, async () => []);
        server.post(
          '/api/v1/notes',
          { config: { access: 'content:write' }, schema: { body: Type.Object({ list: Type.Array(Type.String()) }) } },
          async () => ({}),
        );
        server.delete('/api/v1/notes/:id', { config: { access: 'content:write' } }, async () => ({}));
      },
    ],
    {
      renderNotFound: async (path) => `<h1>No ${path}</h1>`,
      renderError: (failure) => renderError(failure),
    },
  );
});
after(async () => {
  await app.close();
  await t.close();
});

function assertPage(response: { headers: Record<string, unknown>; body: string }): void {
  assert.equal(response.headers['content-type'], 'text/html; charset=utf-8');
  assert.equal(response.headers['cache-control'], 'no-store');
  for (const [name, value] of Object.entries(pageSecurityHeaders)) assert.equal(response.headers[name], value, name);
}

test('a page that cannot be shown is a page all the same, says when to come back, and is kept nowhere', async () => {
  renderError = async ({ status, code, requestId }) => `<h1>${status} ${code} ${requestId}</h1>`;
  const down = await app.inject({ url: '/page' });
  assert.equal(down.statusCode, 503);
  assert.equal(down.body, `<h1>503 database_unavailable ${String(down.headers['x-request-id'])}</h1>`);
  assert.equal(down.headers['retry-after'], '2');
  assert.equal(down.headers.etag, undefined);
  assertPage(down);
  const broken = await app.inject({ url: '/broken' });
  assert.equal(broken.statusCode, 500);
  assert.equal(broken.body, `<h1>500 internal_error ${String(broken.headers['x-request-id'])}</h1>`);
  assert.equal(broken.headers['retry-after'], '30');
  assertPage(broken);
  const form = await app.inject({ method: 'POST', url: '/form', headers: { 'content-type': 'text/csv' }, payload: 'x' });
  assert.equal(form.statusCode, 415);
  assert.equal(form.headers['retry-after'], undefined);
  assertPage(form);
});

test('a page of an error that fails itself leaves a problem', async () => {
  renderError = async () => {
    throw new Error('no template');
  };
  const response = await app.inject({ url: '/page' });
  assert.equal(response.statusCode, 503);
  assert.equal(response.json().code, 'database_unavailable');
  assert.equal(response.headers['retry-after'], '2');
});

test('a program gets a problem, which says nothing of what failed inside', async () => {
  const headers = { 'x-api-key': key };
  const down = await app.inject({ url: '/api/v1/broken', headers });
  assert.equal(down.statusCode, 503);
  assert.equal(down.json().code, 'database_unavailable');
  const inner = await app.inject({ url: '/api/v1/inner', headers });
  assert.equal(inner.json().code, 'no_row');
  assert.doesNotMatch(inner.body, /secret/);
});

test('what is missing is a page for a reader, with the headers of a page, and HEAD answers like GET without the body', async () => {
  const missing = await app.inject({ url: '/nothing', headers: { accept: 'text/html' } });
  assert.equal(missing.statusCode, 404);
  assertPage(missing);
  const head = await app.inject({ method: 'HEAD', url: '/nothing', headers: { accept: 'text/html' } });
  assert.equal(head.statusCode, 404);
  assert.equal(head.body, '');
  assertPage(head);
  assertPage(await app.inject({ url: '/redirected' }));
  assert.equal((await app.inject({ url: '/nothing', headers: { accept: 'application/json' } })).json().code, 'not_found');
});

test('a method that a path does not take is 405 and names those that it takes; OPTIONS asks for them', async () => {
  const put = await app.inject({ method: 'PUT', url: '/api/v1/notes', headers: { 'x-api-key': key } });
  assert.equal(put.statusCode, 405);
  assert.equal(put.headers.allow, 'GET, HEAD, OPTIONS, POST');
  assert.equal(put.json().code, 'method_not_allowed');
  assert.equal((await app.inject({ url: '/api/v1/notes/7' })).headers.allow, 'DELETE, OPTIONS');
  assert.equal((await app.inject({ method: 'POST', url: '/page' })).statusCode, 405);
  renderError = async ({ status }) => `<h1>${status}</h1>`;
  const reader = await app.inject({ url: '/form', headers: { accept: 'text/html' } });
  assert.equal(reader.body, '<h1>405</h1>');
  assert.equal(reader.headers.allow, 'OPTIONS, POST');
  const options = await app.inject({ method: 'OPTIONS', url: '/api/v1/notes?x' });
  assert.equal(options.statusCode, 204);
  assert.equal(options.headers.allow, 'GET, HEAD, OPTIONS, POST');
  assert.equal((await app.inject({ method: 'OPTIONS', url: '/api/v1/nothing' })).statusCode, 404);
  assert.equal((await app.inject({ method: 'POST', url: '/api/v1/notes/' })).statusCode, 404);
});

test('an address that is malformed or too long reaches no route and is answered as the others are', async () => {
  renderError = async ({ status }) => `<h1>${status}</h1>`;
  const malformed = await app.inject({ url: '/api/v1/notes/%zz', headers: { 'x-api-key': key } });
  assert.equal(malformed.statusCode, 400);
  assert.equal(malformed.json().code, 'bad_url');
  const long = await app.inject({ method: 'DELETE', url: `/api/v1/notes/${'x'.repeat(101)}`, headers: { 'x-api-key': key } });
  assert.equal(long.statusCode, 414);
  assert.equal(long.json().code, 'max_param_length');
  const forReader = await app.inject({ url: '/page/%zz' });
  assert.equal(forReader.statusCode, 400);
  assertPage(forReader);
});

test('a body with a fault in each of many places names the first fifty', async () => {
  const list = Array.from({ length: 10_000 }, (_, index) => index);
  const response = await app.inject({ method: 'POST', url: '/api/v1/notes', headers: { 'x-api-key': key }, payload: { list } });
  assert.equal(response.statusCode, 400);
  assert.equal(response.json().fields.length, 50);
});
