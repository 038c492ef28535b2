import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { Type } from 'typebox';
import { createTestContext, type TestContext } from '../../../tests/support/test-context.ts';
import { createTestServer } from '../../../tests/support/test-server.ts';
import { createApiKey, type HttpServer } from './index.ts';

let t: TestContext;
let app: HttpServer;
let headers: Record<string, string>;

before(async () => {
  t = await createTestContext();
  const { key } = await createApiKey(t.database, t.clock, { name: 'all', scopes: ['*'] });
  headers = { 'x-api-key': key, 'content-type': 'application/json' };
  app = await createTestServer(t, [
    (server) => {
      const write = { config: { access: 'content:write' } } as const;
      server.post('/api/v1/notes', { ...write, schema: { body: Type.Unknown(), querystring: Type.Unknown() } }, async () => ({}));
      server.get(
        '/api/v1/notes/:id',
        {
          config: { access: 'content:read' },
          schema: {
            params: Type.Object({ id: Type.String() }),
            querystring: Type.Object({
              q: Type.Optional(Type.String()),
              day: Type.Optional(Type.String({ format: 'date' })),
              at: Type.Optional(Type.String({ format: 'date-time' })),
              id: Type.Optional(Type.String({ format: 'uuid' })),
              limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 100 })),
            }),
          },
        },
        async (request) => request.query,
      );
      server.post('/api/v1/notes/:id/send', write, async () => ({}));
      server.post('/page', { config: { access: 'public', isPage: true } }, async (request) => ({ got: request.body }));
    },
  ]);
});
after(async () => {
  await app.close();
  await t.close();
});

const post = async (payload: string, url = '/api/v1/notes') => {
  const response = await app.inject({ method: 'POST', url, headers, payload });
  const { fields = [] } = response.json();
  return { status: response.statusCode, paths: fields.map((field: { path: string }) => field.path) };
};
const get = async (url: string) => (await app.inject({ url: `/api/v1/notes/${url}`, headers })).json();

test('text that cannot be stored is refused in body, query and path, and each place is named', async () => {
  assert.deepEqual(await post('{"title":"a\\u0000","list":[{"x":"\\ud83c"}],"fine":"\\ud83c\\udf3f"}'), {
    status: 422,
    paths: ['/title', '/list/0/x'],
  });
  assert.deepEqual(await post('{"a\\u0000":1}'), { status: 422, paths: ['/'] });
  assert.deepEqual(await post('{}', '/api/v1/notes?q=a%00'), { status: 422, paths: ['/querystring/q'] });
  const { status, fields } = await get('a%00?q=%00');
  assert.equal(status, 422);
  assert.deepEqual(
    fields.map(({ path }: { path: string }) => path),
    ['/querystring/q', '/params/id'],
  );
});

test('a body that is nested deeper than any that is meant is refused, however deep', async () => {
  const nested = (depth: number) => `{"a":${'['.repeat(depth)}${']'.repeat(depth)}}`;
  assert.equal((await post(nested(50))).status, 200);
  assert.deepEqual(await post(nested(51)), { status: 400, paths: ['/a'] });
  assert.deepEqual(await post(nested(40_000)), { status: 400, paths: ['/a'] });
  assert.equal((await post(`${'['.repeat(40_000)}${']'.repeat(40_000)}`)).status, 400);
});

test('a route that takes no body or no query refuses one, and an empty body is none', async () => {
  const url = '/api/v1/notes/7/send';
  assert.deepEqual(await post('{"a":1,"b":2}', url), { status: 400, paths: ['/a', '/b'] });
  assert.deepEqual(await post('"text"', url), { status: 400, paths: ['/'] });
  assert.deepEqual(await post('{}', `${url}?colour=red`), { status: 400, paths: ['/querystring/colour'] });
  assert.equal((await post('{}', url)).status, 200);
  assert.equal((await app.inject({ method: 'POST', url, headers: { 'x-api-key': headers['x-api-key'] ?? '' } })).statusCode, 200);
});

test('pages are given what came: they answer a reader and look after it themselves', async () => {
  const response = await app.inject({ method: 'POST', url: '/page', payload: { a: '\u0000' } });
  assert.deepEqual(response.json(), { got: { a: '\u0000' } });
});

test('a date, a time, an id and a number are such as can be kept', async () => {
  const id = '0199a5b0-0000-7000-8000-00000000abcd';
  for (const good of [
    'day=2026-02-28',
    'day=0001-01-01',
    'day=9999-12-31',
    'at=2026-05-01T12:00:00%2B02:00',
    `id=${id}`,
    `id=${id.toUpperCase()}`,
    'limit=100',
  ])
    assert.equal((await get(`7?${good}`)).status, undefined, good);
  const bad = {
    day: ['0000-01-01', '2026-02-30', '+275760-01-01', 'today', ''],
    at: ['2026-12-31T23:59:60Z', '0000-01-01T00:00:00Z', '2026-05-01', '9999-12-31T23:59:59-23:00'],
    id: [`urn:uuid:${id}`, `{${id}}`, id.slice(1), '-'.repeat(36)],
    limit: ['Infinity', '-Infinity', 'NaN', '1.5', '101', '0', '1e3', '', 'true', '99999999999999999999'],
  };
  for (const [name, values] of Object.entries(bad)) {
    for (const value of values) {
      const { status, fields } = await get(`7?${name}=${encodeURIComponent(value)}`);
      assert.equal(status, 400, `${name}=${value}`);
      assert.equal(fields[0].path, `/querystring/${name}`);
    }
  }
});
