/**
 * Every path and method of the API's description against everything that a client may send: whatever it is, the answer is no
 * fault of ours, and a refusal says what is wrong where. The same requests in each run.
 */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { sql } from '#platform/database';
import { scopes } from '#platform/http-server';
import {
  type Case,
  type CaseRunner,
  createCaseRunner,
  endsSomething,
  isRepeatable,
  json,
  namesField,
  refusedWith,
  unknownValueOf,
} from './testing/api-cases.ts';
import { type ApiDescription, type Endpoint, endpointsOf } from './testing/api-description.ts';
import {
  createRandom,
  forgedCursors,
  isAllowed,
  malformedIds,
  malformedNumbers,
  sampleOf,
  script,
  storableTexts,
  unstorableTexts,
  wrongQueryValues,
  wrongValues,
} from './testing/hostile-input.ts';
import { createKnownValues } from './testing/known-values.ts';
import { livePublishing } from './testing/publishing-life.ts';
import { fillStock, type Stock } from './testing/stock.ts';
import { createTestEngine, send, type TestEngine } from './testing/test-engine.ts';

const samplesOfEach = 8;

let engine: TestEngine;
let endpoints: Endpoint[];
let key: string;
let stock: Stock;
let runner: CaseRunner;
let knownValues: ReturnType<typeof createKnownValues>;
const random = createRandom(20_260_501);

before(async () => {
  engine = await createTestEngine();
  endpoints = endpointsOf(JSON.parse((await send(engine.server, { url: '/openapi.json' })).body) as ApiDescription);
  key = await engine.createKey(['*']);
  stock = await fillStock(engine, key);
  runner = createCaseRunner(engine.server, key, stock);
  knownValues = createKnownValues(stock);
});
after(async () => engine.close());

test('without a key 401, with a key that lacks the scope 403; only health is for everybody', async () => {
  const open = endpoints.filter(({ scope }) => scope === undefined);
  assert.deepEqual(open.map(({ path }) => path).sort(), ['/health/live', '/health/ready']);
  const cases: Case[] = [];
  for (const endpoint of endpoints) {
    const { scope, name } = endpoint;
    if (scope === undefined) continue;
    const other = await engine.createKey(scopes.filter((each) => each !== '*' && each !== scope));
    cases.push(
      { what: `${name} without a key`, request: runner.requestTo(endpoint, { headers: { 'x-api-key': '' } }), check: refusedWith(401) },
      {
        what: `${name} with an unknown key`,
        request: runner.requestTo(endpoint, { headers: { 'x-api-key': `aqs_${'é'.repeat(9)}` } }),
        check: refusedWith(401),
      },
      {
        what: `${name} without ${scope}`,
        request: runner.requestTo(endpoint, { headers: { 'x-api-key': other } }),
        check: refusedWith(403),
      },
    );
  }
  await runner.run(cases);
});

test('bodies that are no body: malformed, of another type, compressed, bottomless', async () => {
  const deep = '['.repeat(100_000) + ']'.repeat(100_000);
  const cases = endpoints
    .filter(({ method }) => method !== 'GET')
    .flatMap((endpoint): Case[] => {
      const { name } = endpoint;
      const raw = (what: string, payload: string | Buffer, headers: Record<string, string>, check?: Case['check']): Case => ({
        what: `${name}: ${what}`,
        request: runner.requestTo(endpoint, { payload, headers }),
        ...(check && { check }),
      });
      return [
        ...[
          '{"a":',
          '{"a":1}}',
          '',
          '\ufeff{}',
          '{"__proto__":{"a":1}}',
          '{"constructor":{"prototype":{"a":1}}}',
          'undefined',
          "{'a':1}",
        ].map((text) => raw(`the body ${text}`, text, json)),
        ...['null', '[]', '"text"', '1', 'true', '[{}]', '[[]]'].map((text) => raw(`the body ${text}`, text, json)),
        raw('a bottomless body', `{"a":${deep}}`, json, refusedWith(400, 415)),
        raw('a bottomless array', deep, json, refusedWith(400, 415)),
        raw('text', 'title=x', { 'content-type': 'text/plain' }),
        raw('XML', '<a/>', { 'content-type': 'application/xml' }, refusedWith(415)),
        raw('a form', 'title=x&a[b]=c', { 'content-type': 'application/x-www-form-urlencoded' }),
        raw('a multipart form', '--x\r\n\r\n--x--', { 'content-type': 'multipart/form-data; boundary=x' }, refusedWith(415)),
        raw('a strange type', '{}', { 'content-type': 'application/json; charset="\u00e9' }),
        raw('no type', '{}', { 'content-type': '' }),
        raw('garbage that says gzip', 'garbage', { ...json, 'content-encoding': 'gzip' }, refusedWith(400, 415)),
        raw('an unknown encoding', '{}', { ...json, 'content-encoding': 'rot13' }, refusedWith(415)),
        raw('a bomb', gzipSync('a'.repeat(3_000_000)), { ...json, 'content-encoding': 'gzip' }, refusedWith(413, 415)),
        raw('a body too large', JSON.stringify({ a: 'x'.repeat(1_100_000) }), json, refusedWith(413, 415)),
      ];
    });
  await runner.run(cases);
});

test('each field missing, unknown, of another type, too long, or not to be stored: refused, and named', async () => {
  const cases = endpoints.flatMap((endpoint): Case[] => {
    const { body, name } = endpoint;
    if (body === undefined) return [];
    const { properties = {}, required = [] } = body;
    const sample = (): Record<string, unknown> => ({ ...(sampleOf({ ...body, type: 'object' }, random) as object) });
    const without = (field: string) => Object.fromEntries(Object.entries(sample()).filter(([each]) => each !== field));
    return [
      ...required.map((field) => ({
        what: `${name} without ${field}`,
        request: runner.withBody(endpoint, without(field)),
        check: namesField(`/${field}`),
      })),
      {
        what: `${name} with an unknown field`,
        request: runner.withBody(endpoint, { ...sample(), colour: 'red' }),
        check: namesField('/colour'),
      },
      { what: `${name} with an empty name`, request: runner.withBody(endpoint, { ...sample(), '': 1 }), check: namesField('/') },
      {
        what: `${name} with a NUL in a name`,
        request: runner.withBody(endpoint, { ...sample(), 'a\u0000': 1 }),
        check: refusedWith(400, 422),
      },
      ...Object.keys(properties).flatMap((field) => [
        ...wrongValues.map((value) => ({
          what: `${name} with ${field} ${JSON.stringify(value).slice(0, 40)}`,
          request: runner.withBody(endpoint, { ...sample(), [field]: value }),
        })),
        ...unstorableTexts.map((text) => ({
          what: `${name} with ${field} ${JSON.stringify(text)}`,
          request: runner.withBody(endpoint, { ...sample(), [field]: text }),
          check: namesField(`/${field}`),
        })),
        ...storableTexts.map((text) => ({
          what: `${name} with ${field} ${JSON.stringify(text)}`,
          request: runner.withBody(endpoint, { ...sample(), [field]: text }),
        })),
      ]),
    ];
  });
  await runner.run(cases);
});

test('a body on a route that takes none, and a query where none is read, are refused and not ignored', async () => {
  const cases = endpoints
    .filter(({ path }) => path.startsWith('/api/'))
    .flatMap((endpoint): Case[] => {
      const { method, requestBody, name } = endpoint;
      const misspelt = {
        what: `${name}?colour=red`,
        request: runner.requestTo(endpoint, { query: 'colour=red' }),
        check: namesField('/querystring/colour'),
      };
      // Some want a body, and say so first.
      const asked = requestBody === undefined ? [misspelt] : [];
      if (method === 'GET' || requestBody !== undefined) return asked;
      return [
        ...asked,
        { what: `${name} with a body`, request: runner.withBody(endpoint, { colour: 'red' }), check: namesField('/colour') },
      ];
    });
  await runner.run(cases);
});

test('ids and names: malformed ones are named, unknown ones are not found', async () => {
  const cases = endpoints.flatMap((endpoint): Case[] => {
    const body = endpoint.body === undefined ? {} : { payload: JSON.stringify(sampleOf(endpoint.body, random) ?? {}), headers: json };
    return endpoint.pathParameters.flatMap((parameter) => {
      const { name, schema } = parameter;
      const of = (value: string, check: Case['check']): Case => ({
        what: `${endpoint.name} of the ${name} ${value.slice(0, 50)}`,
        request: runner.requestTo(endpoint, { path: { [name]: value }, ...body }),
        ...(check && { check }),
      });
      const malformed = schema.type === 'integer' ? malformedNumbers : malformedIds.filter((value) => !isAllowed(value, schema));
      assert.ok(malformed.length > 5, `${endpoint.name} takes everything as ${name}`);
      return [
        ...malformed.map((value) => of(value, refusedWith(400, 404, 405, 414, 422))),
        // What is put there is there.
        of(unknownValueOf(parameter), endpoint.method === 'PUT' ? undefined : refusedWith(400, 404, 409, 422)),
      ];
    });
  });
  await runner.run(cases);
});

test('queries: wrong, twice, forged, absurd, or unknown', async () => {
  const cases = endpoints.flatMap((endpoint): Case[] => {
    const { query, name } = endpoint;
    if (query.length === 0) return [];
    const get = (text: string, check?: Case['check']): Case => ({
      what: `${name}?${text.slice(0, 60)}`,
      request: runner.requestTo(endpoint, { query: text }),
      ...(check && { check }),
    });
    return [
      // What wants a body says so first.
      get('colour=red', endpoint.requestBody === undefined ? namesField('/querystring/colour') : undefined),
      get('__proto__=x&constructor=y&toString=z'),
      get('&&&=&=x&%00=%00'),
      ...query.flatMap((parameter) => [
        ...wrongQueryValues.map((value) => get(`${parameter.name}=${value}`)),
        get(`${parameter.name}=a&${parameter.name}=b`, refusedWith(400, 422)),
        get(`${parameter.name}[]=a&${parameter.name}[b]=c`, refusedWith(400, 422)),
        ...(parameter.name === 'cursor' ? forgedCursors.map((cursor) => get(`cursor=${cursor}`)) : []),
      ]),
      ...storableTexts.map((text) => get(query.map((parameter) => `${parameter.name}=${encodeURIComponent(text)}`).join('&'))),
    ];
  });
  await runner.run(cases);
});

test('an Idempotency-Key that is none, or is used for something else', async () => {
  const cases = endpoints
    .filter(({ method }) => method === 'POST')
    .flatMap((endpoint): Case[] => {
      const body = JSON.stringify(endpoint.body === undefined ? undefined : sampleOf(endpoint.body, random));
      const post = (idempotencyKey: string, check?: Case['check']): Case => ({
        what: `${endpoint.name} with the Idempotency-Key ${idempotencyKey.slice(0, 20)}`,
        request: runner.requestTo(endpoint, {
          headers: { 'idempotency-key': idempotencyKey, ...(body !== undefined && json) },
          ...(body !== undefined && { payload: body }),
        }),
        ...(check && { check }),
      });
      const isKept = isRepeatable(endpoint);
      return [
        post('', isKept ? refusedWith(400, 422) : undefined),
        post('x'.repeat(256), isKept ? refusedWith(400, 422) : undefined),
        post("'; drop table idempotency_keys; --é"),
        post('shared-by-all'),
      ];
    });
  await runner.run(cases);
});

test('requests of the right shape that are as nasty as the shape allows, on real things', async () => {
  const cases = endpoints.flatMap((endpoint): Case[] =>
    Array.from({ length: endpoint.body === undefined ? 1 : samplesOfEach }, () => {
      const parameters = endpoint.query.filter(({ name }) => name !== 'cursor');
      const known: Record<string, string | undefined> = {
        subscriberId: stock.get('/api/v1/subscribers')?.id,
        segmentId: stock.get('/api/v1/segments')?.id,
      };
      const query = parameters
        .map(({ name, schema }) => `${name}=${encodeURIComponent(String(known[name] ?? sampleOf(schema, random)))}`)
        .join('&');
      if (endpoint.body === undefined) return { what: `${endpoint.name}?${query}`, request: runner.requestTo(endpoint, { query }) };
      const sample = sampleOf(endpoint.body, random);
      const body = typeof sample === 'object' && sample !== null ? { ...sample, ...knownValues(endpoint.body) } : sample;
      return { what: `${endpoint.name} ${JSON.stringify(body)}`, request: runner.withBody(endpoint, body) };
    }),
  );
  await runner.run(cases);
});

test('every step of an article, a newsletter, a subscriber and a job, with a nasty reason where one is taken', async () => {
  const reason = storableTexts.join(' ');
  const step = async (what: string, path: string, id: string | undefined, payload?: object): Promise<void> => {
    const url = `${path}/${id}${what.slice(what.indexOf('}') + 1)}`;
    const headers = { 'x-api-key': key, ...(payload && json) };
    await runner.run([
      { what: `POST ${what}`, request: { method: 'POST', url, headers, ...(payload && { payload }) }, check: refusedWith(200) },
    ]);
  };
  const article = {
    title: `Life of ${script}`,
    contentType: 'guide',
    language: 'en',
    sections: [{ heading: '', paragraphs: storableTexts }],
  };
  const { body } = await send(engine.server, { method: 'POST', url: '/api/v1/content', headers: { 'x-api-key': key }, payload: article });
  for (const name of ['submit', 'reject', 'reopen', 'submit', 'approve', 'schedule', 'unschedule', 'publish', 'archive']) {
    const payload = name === 'schedule' ? { reason, at: '2126-05-01T12:00:00Z' } : { reason };
    await step(`/api/v1/content/{id}/${name}`, '/api/v1/content', JSON.parse(body).id, payload);
  }
  const subscribers = '/api/v1/subscribers';
  const asking = { method: 'POST', url: subscribers, headers: { 'x-api-key': key }, payload: { email: 'pending@example.org' } } as const;
  const pending = JSON.parse((await send(engine.server, asking)).body).id;
  await step(`${subscribers}/{id}/confirm`, subscribers, pending, { confirmedBy: reason });
  const jobs = '/api/v1/jobs';
  await engine.t.database.execute('test.fail', sql`update pgboss.job set state = 'failed' where id = ${stock.get(jobs)?.id}::uuid`);
  await step(`${jobs}/{id}/retry`, jobs, stock.get(jobs)?.id);
  const csv = [
    'email,name,tags,country',
    ...storableTexts.map((text, index) => `c${index}@example.org,"${text.replaceAll('"', '""')}",a;b,BG`),
  ];
  const imported = {
    method: 'POST',
    url: '/api/v1/subscriber-imports',
    payload: [...csv, 'a\u0000b,,,', '"', ','.repeat(5000)].join('\n'),
  } as const;
  const headers = { 'x-api-key': key, 'content-type': 'text/csv' };
  await runner.run([{ what: 'POST /api/v1/subscriber-imports', request: { ...imported, headers }, check: refusedWith(202) }]);
});

test('every step of what is published beyond the site', async () => {
  const idOf = (path: string) => stock.get(path)?.id ?? '';
  await livePublishing({
    ...{ engine, runner, key, articleId: idOf('/api/v1/analytics/content') },
    ...{ subscriberId: idOf('/api/v1/subscribers'), segmentId: idOf('/api/v1/segments') },
  });
});

test('what was stored by then is read again by every list and every page', async () => {
  const lists = endpoints.filter(({ method, query }) => method === 'GET' && query.some(({ name }) => name === 'cursor'));
  assert.ok(lists.length >= 9);
  for (const endpoint of lists) {
    let query = 'limit=7';
    for (let page = 0; query !== '' && page < 100; page += 1) {
      const answer = await send(engine.server, runner.requestTo(endpoint, { query }));
      assert.equal(answer.status, 200, `${endpoint.name}?${query}: ${answer.body.slice(0, 300)}`);
      const { nextCursor } = JSON.parse(answer.body);
      query = nextCursor === null ? '' : `limit=7&cursor=${encodeURIComponent(nextCursor)}`;
    }
  }
});

test('what an operator asks of caches and events', async () => {
  const { database, clock } = engine.t;
  const [subscriber, id] = ['fuzz.subscriber', clock.newId()];
  await engine.context.events.subscribe([{ subscriber, types: ['fuzz.happened'], handle: async () => undefined }]);
  await database.execute(
    'test.dead-letter',
    sql`insert into event_failures (subscriber, id, transaction_id, position, type, aggregate_id, payload, occurred_at, state, attempts, error)
        values (${subscriber}, ${id}, '1', 1, 'fuzz.happened', 'a', '{}', now(), 'dead', 10, 'failed')`,
  );
  const wishes = {
    'caches/purge': { cache: 'content', all: true },
    'events/replay': { subscriber, from: '2026-01-01T00:00:00Z' },
    'events/dead-letters/discard': { subscriber, id },
  };
  for (const [path, payload] of Object.entries(wishes)) {
    const request = { method: 'POST', url: `/api/v1/system/${path}`, headers: { 'x-api-key': key }, payload } as const;
    await runner.run([{ what: `POST ${request.url}`, request }]);
  }
});

test('in the end each thing can be ended, and every endpoint has done something', async () => {
  for (const endpoint of endpoints.filter(endsSomething)) {
    const body = endpoint.body === undefined ? {} : { payload: '{}', headers: json };
    const path = runner.realPathOf(endpoint);
    await runner.run([{ what: endpoint.name, request: runner.requestTo(endpoint, { path, ...body }) }]);
    await runner.run([{ what: `${endpoint.name} again`, request: runner.requestTo(endpoint, { path, ...body }) }]);
  }
  const unused = { name: `${script} unused`, rules: { all: [] } };
  const { body } = await send(engine.server, { method: 'POST', url: '/api/v1/segments', headers: { 'x-api-key': key }, payload: unused });
  const deletion = { method: 'DELETE', url: `/api/v1/segments/${JSON.parse(body).id}`, headers: { 'x-api-key': key } } as const;
  await runner.run([{ what: 'DELETE /api/v1/segments/{id}', request: deletion }]);
  const query = `address=${encodeURIComponent("o'brien%_@example.org")}`;
  const address = { 'x-api-key': key };
  await send(engine.server, {
    method: 'POST',
    url: '/api/v1/suppressions',
    headers: address,
    payload: { address: "o'brien%_@example.org" },
  });
  await runner.run([
    { what: 'DELETE /api/v1/suppressions', request: { method: 'DELETE', url: `/api/v1/suppressions?${query}`, headers: address } },
  ]);
  const idle = endpoints.map(({ name }) => name).filter((name) => !runner.succeeded.has(name));
  assert.deepEqual(idle, []);
});
