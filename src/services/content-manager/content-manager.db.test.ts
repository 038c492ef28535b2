import assert from 'node:assert/strict';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { brotliDecompressSync, gunzipSync } from 'node:zlib';
import { type Compute, createCompute } from '#platform/compute';
import type { HttpServer } from '#platform/http-server';
import { loadPack } from '#platform/pack';
import { createTestContext, type TestContext } from '../../../tests/support/test-context.ts';
import { authorize, createTestServer } from '../../../tests/support/test-server.ts';
import { type ContentManager, createContentManager } from './index.ts';
import { createTestStorage, type TestStorage } from './site/testing/test-storage.ts';

let t: TestContext;
let app: HttpServer;
let compute: Compute;
let stored: TestStorage;
let contentManager: ContentManager;
let authorization: string;

before(async () => {
  t = await createTestContext();
  const site = { baseUrl: 'http://localhost:8000', title: 'Test', tagline: 'Of plants', language: 'en' };
  const pack = await loadPack(path.resolve(import.meta.dirname, '../../../packs/aquascaping'));
  compute = createCompute({ metrics: t.metrics, maxThreads: 1 });
  stored = await createTestStorage();
  contentManager = createContentManager({ ...t, compute, storage: stored.storage, site, pack });
  await t.jobs.prepare(contentManager.module.jobs.map(({ definition }) => definition));
  app = await createTestServer(t, [contentManager.module.routes], { renderNotFound: contentManager.renderNotFound });
  authorization = await authorize(t, '*');
});
after(async () => {
  await app.close();
  await compute.close();
  await stored.close();
  await t.close();
});

const nasty = "<script>alert(1)</script> & '; drop table x --";

test('an article is written over the API, read on the site once it is published, and gone once it is archived', async () => {
  const headers = { authorization };
  const body = {
    title: `Moss ${nasty}`,
    summary: nasty,
    contentType: 'guide',
    language: 'en',
    category: 'plants',
    tags: ['mosses'],
    sections: [{ heading: nasty, paragraphs: [`Moss grows on wood. ${nasty}`] }],
  };
  const created = await app.inject({ method: 'POST', url: '/api/v1/content', headers, payload: body });
  assert.equal(created.statusCode, 201, created.body);
  const { id, slug } = created.json();
  const page = `/articles/${slug}`;
  assert.equal((await app.inject({ url: page })).statusCode, 404);

  await contentManager.publishNow(id, 'test');
  assert.equal((await contentManager.findArticle(id))?.url, `http://localhost:8000${page}`);
  const shown = await app.inject({ url: page });
  assert.equal(shown.statusCode, 200);
  assert.match(shown.body, /Moss grows on wood/);
  assert.doesNotMatch(shown.body, /<script>alert/);

  const archived = await app.inject({ method: 'POST', url: `/api/v1/content/${id}/archive`, headers });
  assert.equal(archived.statusCode, 200);
  assert.equal((await app.inject({ url: page })).statusCode, 404);
});

async function publish(title: string): Promise<{ id: string; slug: string }> {
  const draft = await app.inject({
    method: 'POST',
    url: '/api/v1/content',
    headers: { authorization },
    payload: {
      ...{ title, summary: `${title}, told from the start.`, contentType: 'guide', language: 'en', category: 'plants', tags: ['mosses'] },
      sections: [{ heading: 'First', paragraphs: [`${title} is a long story. `.repeat(80)] }],
    },
  });
  assert.equal(draft.statusCode, 201, draft.body);
  const { id, slug } = draft.json();
  await contentManager.publishNow(id, 'test');
  return { id, slug };
}

const countStatements = () => t.database.monitor.figures().reduce((sum, { count }) => sum + count, 0);

test('what was read before is sent without asking the database, in the encoding that the reader takes', async () => {
  const { slug } = await publish('Kept in memory');
  const url = `/articles/${slug}`;
  const first = await app.inject({ url });
  const before = countStatements();
  for (const [encoding, unpack] of [
    ['br', brotliDecompressSync],
    ['gzip', gunzipSync],
    ['identity', (bytes: Buffer) => bytes],
  ] as const) {
    const answer = await app.inject({ url, headers: { 'accept-encoding': encoding } });
    assert.equal(answer.headers['content-encoding'], encoding === 'identity' ? undefined : encoding);
    assert.equal(answer.headers.vary, 'accept-encoding');
    assert.equal(unpack(answer.rawPayload).toString(), first.body);
  }
  const known = await app.inject({ url, headers: { 'if-none-match': String(first.headers.etag), 'accept-encoding': 'br' } });
  assert.deepEqual([known.statusCode, known.body, known.headers['content-encoding']], [304, '', undefined]);
  assert.equal(countStatements(), before);
});

test('readers see each change at once, wherever it shows', async () => {
  const old = await publish('The older one');
  const pages = ['/', '/articles', '/categories/plants', '/tags/mosses', '/feed.xml', '/sitemap.xml'];
  const show = async (url: string) => (await app.inject({ url })).body;
  for (const url of pages) assert.match(await show(url), new RegExp(old.slug), url);
  const { id, slug } = await publish('The newer one');
  for (const url of pages) assert.match(await show(url), new RegExp(slug), url);
  assert.match(await show(`/articles/${slug}`), new RegExp(old.slug), 'the older one is related');

  const changed = await app.inject({
    ...{ method: 'PATCH', url: `/api/v1/content/${old.id}`, headers: { authorization } },
    payload: { title: 'A better title' },
  });
  assert.equal(changed.statusCode, 200, changed.body);
  for (const url of [`/articles/${old.slug}`, `/articles/${slug}`, '/articles']) assert.match(await show(url), /A better title/, url);

  await app.inject({ method: 'POST', url: `/api/v1/content/${old.id}/archive`, headers: { authorization } });
  for (const url of [...pages, `/articles/${slug}`]) assert.doesNotMatch(await show(url), new RegExp(old.slug), url);
  assert.equal((await app.inject({ url: `/articles/${old.slug}` })).statusCode, 404);
  await app.inject({ method: 'POST', url: `/api/v1/content/${id}/archive`, headers: { authorization } });
});

test('a change that is rolled back leaves what is kept', async () => {
  const { id, slug } = await publish('Never withdrawn');
  const url = `/articles/${slug}`;
  await app.inject({ url });
  const before = countStatements();
  await assert.rejects(contentManager.archive(id, 'test', { expectedVersion: 1 }), { code: 'version_conflict' });
  const statements = countStatements();
  assert.ok(statements > before);
  assert.equal((await app.inject({ url })).statusCode, 200);
  assert.equal(countStatements(), statements);
});
