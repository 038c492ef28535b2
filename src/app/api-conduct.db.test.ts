/** What holds of all routes beyond their shapes: reading changes nothing, a repetition runs nothing twice, bytes are no text. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { sql } from '#platform/database';
import { type CaseRunner, checkAnswer, createCaseRunner, isRepeatable, json, refusedWith } from './testing/api-cases.ts';
import { type ApiDescription, type Endpoint, endpointsOf } from './testing/api-description.ts';
import { createRandom, sampleOf } from './testing/hostile-input.ts';
import { createKnownValues } from './testing/known-values.ts';
import { jpeg } from './testing/mail-stock.ts';
import { fillStock, type Stock } from './testing/stock.ts';
import { type Answer, createTestEngine, png, send, type TestEngine } from './testing/test-engine.ts';

let engine: TestEngine;
let endpoints: Endpoint[];
let key: string;
let stock: Stock;
let runner: CaseRunner;
let knownValues: ReturnType<typeof createKnownValues>;
/** Where the server listens: what comes in over a socket is a stream, which what is injected is not. */
let baseUrl: string;
const random = createRandom(20_261_125);

before(async () => {
  engine = await createTestEngine();
  endpoints = endpointsOf(JSON.parse((await send(engine.server, { url: '/openapi.json' })).body) as ApiDescription);
  key = await engine.createKey(['*']);
  stock = await fillStock(engine, key);
  runner = createCaseRunner(engine.server, key, stock);
  knownValues = createKnownValues(stock);
  baseUrl = await engine.server.listen({ port: 0, host: '127.0.0.1' });
});
after(async () => engine.close());

const queryOf = (endpoint: Endpoint): string =>
  endpoint.query
    .filter(({ required, name }) => required || name === 'limit')
    .map(({ name }) => {
      if (name === 'limit') return 'limit=5';
      return `${name}=${encodeURIComponent(name === 'segmentId' ? (stock.get('/api/v1/segments')?.id ?? '') : 'Moss')}`;
    })
    .join('&');

/** What every table holds, by its name. */
async function readTables(): Promise<Map<string, string>> {
  const { database } = engine.t;
  const tables = await database.query<{ schema: string; name: string }>(
    'test.tables',
    sql`select nspname as schema, relname as name from pg_class c join pg_namespace n on n.oid = relnamespace
        where relkind = 'r' and nspname in ('public', 'pgboss') order by 1, 2`,
  );
  const contents = new Map<string, string>();
  for (const { schema, name } of tables) {
    const { hash } = await database.one<{ hash: string }>(
      'test.table',
      sql`select md5(coalesce(string_agg(t::text, '|' order by t::text), '')) as hash from ${sql.id(schema, name)} t`,
    );
    contents.set(`${schema}.${name}`, hash);
  }
  return contents;
}

test('GET changes nothing', async () => {
  // Taking everybody's data away leaves its trace, as it should.
  const read = endpoints.filter(({ method, path }) => method === 'GET' && path !== '/api/v1/subscribers/export');
  const readAll = async () => {
    for (const endpoint of read) {
      const answer = await send(engine.server, runner.requestTo(endpoint, { query: queryOf(endpoint) }));
      refusedWith(200)(answer, endpoint.name);
    }
  };
  // At first, the key is marked as used, and the templates that come with the engine are brought up.
  await readAll();
  const earlier = await readTables();
  await readAll();
  const later = await readTables();
  const changed = [...later].filter(([name, hash]) => earlier.get(name) !== hash).map(([name]) => name);
  assert.deepEqual(changed, []);
});

test('a POST that is sent again with its Idempotency-Key gets the first answer and runs nothing; secrets are not kept for it', async () => {
  const faults: string[] = [];
  let repeated = 0;
  for (const [index, endpoint] of endpoints.filter(({ method }) => method === 'POST').entries()) {
    const sample = endpoint.body === undefined ? undefined : sampleOf({ ...endpoint.body, type: endpoint.body.type ?? 'object' }, random);
    const body = sample === undefined ? undefined : { ...(sample as object), ...knownValues(endpoint.body ?? {}) };
    const request = runner.requestTo(endpoint, {
      query: queryOf(endpoint),
      headers: { 'idempotency-key': `again-${index}`, ...(body && json) },
      ...(body && { payload: JSON.stringify(body) }),
    });
    const [first, second] = [await send(engine.server, request), await send(engine.server, request)];
    const isReplayed = second.headers['idempotency-replayed'] === 'true';
    if (isReplayed) repeated += 1;
    if (isReplayed && !isRepeatable(endpoint)) faults.push(`${endpoint.name} says nothing of repetitions`);
    if (isReplayed ? second.body !== first.body || second.status !== first.status : isRepeatable(endpoint) && first.status < 300)
      faults.push(`${endpoint.name}: ${first.status} ${first.body.slice(0, 100)}, then ${second.status} ${second.body.slice(0, 100)}`);
  }
  assert.deepEqual(faults, []);
  assert.ok(repeated > 30, `${repeated} were answered again`);
  const { count } = await engine.t.database.one<{ count: number }>(
    'test.secrets',
    sql`select count(*)::int as count from idempotency_keys where body ~ '(whsec_|aqs_)[A-Za-z0-9+/_-]{20}'`,
  );
  assert.equal(count, 0);
});

async function sendOver(endpoint: Endpoint, type: string | undefined, body: Buffer, headers: Record<string, string> = {}): Promise<Answer> {
  const { url } = runner.requestTo(endpoint, { query: queryOf(endpoint) });
  const response = await fetch(`${baseUrl}${url}`, {
    method: 'POST',
    headers: { 'x-api-key': key, ...(type !== undefined && { 'content-type': type }), ...headers },
    body: new Uint8Array(body),
  });
  return {
    status: response.status,
    type: response.headers.get('content-type') ?? '',
    headers: Object.fromEntries(response.headers),
    body: await response.text(),
  };
}

test('bodies of bytes: of another kind than they say, cut off, empty, or of a type that is not taken', async () => {
  const bodies = {
    nothing: Buffer.alloc(0),
    'one NUL': Buffer.alloc(1),
    NULs: Buffer.alloc(70_000),
    'half a character': Buffer.from([0x65, 0x0a, 0xf0, 0x9f]),
    HTML: Buffer.from('<!doctype html><script>alert(1)</script>'),
    JSON: Buffer.from('{"url":"https://example.org/","email":"a@example.org"}'),
    'a PNG': png,
    'a cut PNG': png.subarray(0, 20),
    'a PNG of no size': Buffer.concat([png.subarray(0, 16), Buffer.alloc(40)]),
    'a PNG of endless size': Buffer.concat([png.subarray(0, 16), Buffer.alloc(40, 0xff)]),
    'a JPEG': jpeg,
    'a cut JPEG': jpeg.subarray(0, 5),
    'a JPEG of endless segments': Buffer.from('ffd8ffe00000ffe00000ffe00000ffe00000', 'hex'),
    'garbage that begins as gzip': Buffer.from('1f8b0800ffffffff', 'hex'),
    'a cut gzip': gzipSync('email\na@example.org\n').subarray(0, 15),
    'a gzip': gzipSync('email\ngzip@example.org\n'),
  };
  const faults: string[] = [];
  const look = async (what: string, answer: Promise<Answer>, check?: (answer: Answer, what: string) => void) => {
    try {
      const given = await answer;
      checkAnswer(given, what);
      check?.(given, what);
    } catch (error) {
      assert.ok(error instanceof assert.AssertionError);
      faults.push(error.message);
    }
  };
  const taking = endpoints.filter(({ bodyTypes }) => bodyTypes.length > 0);
  assert.ok(taking.length >= 3);
  for (const endpoint of taking) {
    for (const [what, body] of Object.entries(bodies)) {
      for (const type of endpoint.bodyTypes) await look(`${endpoint.name} with ${what} as ${type}`, sendOver(endpoint, type, body));
    }
    for (const type of ['application/json', 'text/html', 'image/svg+xml', 'x', undefined]) {
      await look(`${endpoint.name} as ${type}`, sendOver(endpoint, type, bodies.JSON), refusedWith(400, 415));
    }
    for (const again of ['first', 'again']) {
      const [type = ''] = endpoint.bodyTypes;
      const body = type.startsWith('image/jpeg')
        ? bodies['a JPEG']
        : type.startsWith('image/')
          ? bodies['a PNG']
          : Buffer.from('email\nx@example.org\n');
      await look(
        `${endpoint.name}: ${again}`,
        sendOver(endpoint, type, body, { 'idempotency-key': `bytes of ${endpoint.path}` }),
        (answer, what) => {
          refusedWith(200, 201, 202)(answer, what);
          assert.equal(answer.headers['idempotency-replayed'], again === 'again' ? 'true' : undefined, what);
        },
      );
    }
  }
  assert.deepEqual(faults, []);
});

test('bodies of more bytes than are taken: 413', async () => {
  const limits = { 'POST /api/v1/newsletter-images': 2 * 1024 ** 2, 'POST /api/v1/instagram-posts/{id}/pictures': 8 * 1024 ** 2 };
  for (const [name, maxBytes] of Object.entries(limits)) {
    const endpoint = endpoints.find((each) => each.name === name);
    assert.ok(endpoint, name);
    const [type = ''] = endpoint.bodyTypes;
    const payload = Buffer.alloc(maxBytes + 1);
    const request = runner.requestTo(endpoint, { query: queryOf(endpoint), payload, headers: { 'content-type': type } });
    refusedWith(413)(await send(engine.server, request), name);
  }
});
