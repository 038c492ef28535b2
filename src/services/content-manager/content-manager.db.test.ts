import assert from 'node:assert/strict';
import path from 'node:path';
import { after, before, test } from 'node:test';
import type { HttpServer } from '#platform/http-server';
import { loadPack } from '#platform/pack';
import { createTestContext, type TestContext } from '../../../tests/support/test-context.ts';
import { authorize, createTestServer } from '../../../tests/support/test-server.ts';
import { type ContentManager, createContentManager } from './index.ts';

let t: TestContext;
let app: HttpServer;
let contentManager: ContentManager;
let authorization: string;

before(async () => {
  t = await createTestContext();
  const site = { baseUrl: 'http://localhost:8000', title: 'Test', tagline: 'Of plants', language: 'en' };
  const pack = await loadPack(path.resolve(import.meta.dirname, '../../../packs/aquascaping'));
  contentManager = createContentManager({ ...t, site, pack });
  await t.jobs.prepare(contentManager.module.jobs.map(({ definition }) => definition));
  app = await createTestServer(t, [contentManager.module.routes], { renderNotFound: contentManager.renderNotFound });
  authorization = await authorize(t, '*');
});
after(async () => {
  await app.close();
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
