import assert from 'node:assert/strict';
import path from 'node:path';
import { after, before, beforeEach, test } from 'node:test';
import { type Compute, createCompute } from '#platform/compute';
import { sql } from '#platform/database';
import type { HttpServer } from '#platform/http-server';
import { loadPack } from '#platform/pack';
import { createTestContext, type TestContext } from '../../../tests/support/test-context.ts';
import { authorize, createTestServer } from '../../../tests/support/test-server.ts';
import { generateArticle } from './generation-jobs.ts';
import { createAiProcessor } from './index.ts';

/** No provider is set. */
const httpClient = { fetch: () => assert.fail('no other host is asked here') };

let t: TestContext;
let compute: Compute;
let app: HttpServer;
let headers: Record<string, string>;

before(async () => {
  t = await createTestContext();
  const { database, jobs, events, clock, logger, metrics } = t;
  compute = createCompute({ maxThreads: 1, metrics });
  await jobs.prepare([generateArticle]);
  const pack = await loadPack(path.resolve(import.meta.dirname, '../../../packs/aquascaping'));
  const { module } = createAiProcessor({
    ...{ database, jobs, events, clock, logger, metrics, compute, httpClient, pack, knowledge: pack.knowledge, providers: {} },
    searchRawContent: async () => [],
    createDraft: () => assert.fail('no job runs here'),
  });
  app = await createTestServer(t, [module.routes]);
  headers = { authorization: await authorize(t, 'generation:read', 'generation:write') };
});
after(async () => {
  await app.close();
  await compute.close();
  await t.close();
});
beforeEach(() => t.database.execute('test.clear', sql`truncate generation_requests`));

const post = (url: string, payload: object, more = {}) => app.inject({ method: 'POST', url, headers: { ...headers, ...more }, payload });
const get = (url: string) => app.inject({ url, headers });

test('a brief is taken with 202, defaults filled in, and can be asked for', async () => {
  const response = await post('/api/v1/generation', { title: 'Moss for shrimp' });
  assert.equal(response.statusCode, 202);
  const { jobId, ...request } = response.json();
  assert.equal(request.status, 'queued');
  assert.deepEqual(request.brief, {
    title: 'Moss for shrimp',
    query: 'Moss for shrimp',
    language: 'en',
    contentType: 'guide',
    category: null,
    tags: [],
    headings: [],
  });
  assert.equal(response.headers.location, `/api/v1/jobs/${jobId}`);
  const { name, data } = await t.jobs.find(jobId);
  assert.deepEqual([name, (data as { requestId: string }).requestId], [generateArticle.name, request.id]);
  assert.deepEqual((await get(`/api/v1/generation/${request.id}`)).json(), request);
});

test('the same Idempotency-Key asks once', async () => {
  const key = { 'idempotency-key': 'moss-1' };
  const first = await post('/api/v1/generation', { title: 'Moss' }, key);
  const second = await post('/api/v1/generation', { title: 'Moss' }, key);
  assert.equal(second.json().id, first.json().id);
  assert.equal((await get('/api/v1/generation')).json().items.length, 1);
});

test('faulty fields are all named, and nothing is queued', async () => {
  const response = await post('/api/v1/generation', {
    title: 'x'.repeat(300),
    query: '   ',
    contentType: 'poem',
    colour: 'red',
    tags: ['Not A Slug'],
    headings: [{ heading: ' ', query: 'q' }],
  });
  assert.equal(response.statusCode, 400);
  const paths = response.json().fields.map((field: { path: string }) => field.path);
  for (const field of ['/title', '/query', '/contentType', '/colour', '/tags/0', '/headings/0/heading'])
    assert.ok(paths.includes(field), field);
  const unstorable = await post('/api/v1/generation', { title: 'Moss', headings: [{ heading: 'a\u0000', query: 'q' }] });
  assert.equal(unstorable.json().fields[0].path, '/headings/0/heading');
  const unknownCategory = await post('/api/v1/generation', { title: 'Moss', category: 'cars' });
  assert.equal(unknownCategory.statusCode, 422);
  assert.match(unknownCategory.json().fields[0].message, /must be one of plants/);
  const unknownTag = await post('/api/v1/generation', { title: 'Moss', tags: ['mosses', 'cars'] });
  assert.equal(unknownTag.statusCode, 422);
  assert.deepEqual(unknownTag.json().fields[0].path, '/tags/1');
  assert.match(unknownTag.json().fields[0].message, /must be one of .*mosses/);
  assert.deepEqual((await get('/api/v1/generation')).json().items, []);
});

test('SQL and HTML in a brief are text', async () => {
  const title = `<script>alert(1)</script>'; drop table generation_requests; --`;
  const response = await post('/api/v1/generation', { title });
  assert.equal(response.json().brief.title, title);
  assert.equal((await get('/api/v1/generation?status=queued')).json().items[0].brief.title, title);
});

test('the list has pages, newest first, and filters by status', async () => {
  for (const title of ['One', 'Two', 'Three']) await post('/api/v1/generation', { title });
  const first = (await get('/api/v1/generation?limit=2')).json();
  const second = (await get(`/api/v1/generation?limit=2&cursor=${first.nextCursor}`)).json();
  assert.deepEqual(
    [...first.items, ...second.items].map((item: { brief: { title: string } }) => item.brief.title),
    ['Three', 'Two', 'One'],
  );
  assert.equal(second.nextCursor, null);
  assert.deepEqual((await get('/api/v1/generation?status=failed')).json().items, []);
  assert.equal((await get('/api/v1/generation?status=lost')).statusCode, 400);
});

test('an unknown id is 404', async () => {
  assert.equal((await get(`/api/v1/generation/${t.clock.newId()}`)).statusCode, 404);
});

test('any text can be checked; findings point into the text that comes back', async () => {
  const text = '# Java fern\n\nJava fern is happiest at a temperature of 35 °C. It is a game changer.';
  const response = await post('/api/v1/generation/check', { title: 'Java fern', text });
  assert.equal(response.statusCode, 200);
  const result = response.json();
  assert.ok(result.qualityScore > 0 && result.qualityScore < 1);
  const facts = result.checks.find((check: { name: string }) => check.name === 'facts');
  const [finding] = facts.findings.filter((one: { start: number | null }) => one.start !== null);
  assert.match(result.text.slice(finding.start, finding.end), /35/);
});
