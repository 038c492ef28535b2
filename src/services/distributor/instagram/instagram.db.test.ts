import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { after, before, beforeEach, test } from 'node:test';
import { encode } from 'jpeg-js';
import { sql } from '#platform/database';
import { createHttpClient, type HttpClient } from '#platform/http-client';
import type { HttpServer } from '#platform/http-server';
import { createStorage, type Storage } from '#platform/storage';
import { type GraphServer, startGraphServer } from '../../../../tests/support/graph-server.ts';
import { createTestContext, type TestContext } from '../../../../tests/support/test-context.ts';
import { authorize, createTestServer } from '../../../../tests/support/test-server.ts';
import { createInstagram, type Instagram } from './instagram.ts';

const picture = (width: number, height: number) => encode({ width, height, data: Buffer.alloc(width * height * 4, 120) }, 50).data;
const article = {
  id: '0199a5b0-0000-7000-8000-000000000001',
  slug: 'java-moss',
  title: 'Java moss on wood',
  summary: 'How to tie it, and how long it takes.',
  url: 'https://example.org/articles/java-moss',
  category: 'plants',
  tags: ['java moss', 'low light'],
};

let t: TestContext;
let graph: GraphServer;
let httpClient: HttpClient;
let storage: Storage;
let folder: string;
let instagram: Instagram;
let server: HttpServer;
let authorization: string;

before(async () => {
  t = await createTestContext();
  graph = await startGraphServer();
  httpClient = createHttpClient({ ...t, allowedPrivateHosts: [], serviceHosts: [graph.host], userAgent: 'test' });
  folder = mkdtempSync(path.join(os.tmpdir(), 'aquascene-instagram-'));
  const config = { kind: 'folder', folder } as const;
  storage = createStorage({ ...t, config, publicUrl: 'https://example.org', secret: 's' });
  instagram = createInstagram({
    ...t,
    httpClient,
    storage,
    account: { accountId: graph.accountId, accessToken: graph.token, apiUrl: graph.url },
    findArticle: async (id) => (id === article.id ? article : undefined),
    renderPicture: async () => picture(1080, 1350),
  });
  await t.jobs.prepare(instagram.jobs.map(({ definition }) => definition));
  server = await createTestServer(t, [instagram.routes], { maxBodyBytes: 1_000_000 });
  authorization = await authorize(t, 'campaigns:read', 'campaigns:write');
});

beforeEach(async () => {
  graph.setPollsUntilReady(1);
  await t.database.execute('test.clean', sql`delete from instagram_posts`);
  await t.database.execute('test.clean', sql`delete from instagram_calls`);
});

after(async () => {
  await server?.close();
  await httpClient?.close();
  await storage?.close();
  await graph?.close();
  rmSync(folder, { recursive: true, force: true });
  await t.close();
});

async function call(method: 'GET' | 'POST' | 'PATCH' | 'DELETE', url: string, payload?: object) {
  const answer = await server.inject({ method, url: `/api/v1/${url}`, headers: { authorization }, ...(payload && { payload }) });
  return { status: answer.statusCode, body: answer.json() };
}

async function addPicture(id: string, bytes: Buffer) {
  const headers = { authorization, 'content-type': 'image/jpeg' };
  const answer = await server.inject({
    method: 'POST',
    url: `/api/v1/instagram-posts/${id}/pictures?altText=Moss`,
    headers,
    payload: bytes,
  });
  return { status: answer.statusCode, body: answer.json() };
}

async function draft(pictures = 1): Promise<string> {
  const { status, body } = await call('POST', 'instagram-posts', { contentId: article.id });
  assert.equal(status, 201, JSON.stringify(body));
  for (let index = 1; index < pictures; index += 1) assert.equal((await addPicture(body.id, picture(400, 400))).status, 200);
  return body.id;
}

const handlerOf = (name: string) => {
  const job = instagram.jobs.find(({ definition }) => definition.name === name);
  assert.ok(job);
  return (data: object) => job.handler(data, { id: 'test', retryCount: 0, signal: new AbortController().signal });
};

/** Takes what is due; waits are over at once. */
async function run(postId: string, rounds = 6): Promise<{ status: string; statusReason: string | null; permalink: string | null }> {
  for (let round = 0; round < rounds; round += 1) {
    await t.database.execute(
      'test.due',
      sql`update instagram_posts set next_step_at = now() - interval '1 second', lease_until = null where id = ${postId}::uuid and next_step_at is not null`,
    );
    await handlerOf('advance-instagram-post')({ postId });
  }
  return (await call('GET', `instagram-posts/${postId}`)).body;
}

test('an article becomes a post: caption, hashtags, picture, container, publication, address', async () => {
  const id = await draft();
  const post = (await call('GET', `instagram-posts/${id}`)).body;
  assert.match(
    post.caption,
    /^Java moss on wood\n\nHow to tie it.*\n\nhttps:\/\/example\.org\/articles\/java-moss\n\n#plants #javamoss #lowlight$/s,
  );
  assert.match(post.media[0].url, /^https:\/\/example\.org\//);
  graph.setPollsUntilReady(2);
  await call('POST', `instagram-posts/${id}/schedule`, {});
  const published = await run(id);
  assert.equal(published.status, 'published', String(published.statusReason));
  assert.match(String(published.permalink), /instagram\.com/);
  assert.equal(graph.published.at(-1)?.caption, post.caption);
});

test('several pictures become a carousel in their order', async () => {
  const id = await draft(3);
  await call('POST', `instagram-posts/${id}/schedule`, {});
  assert.equal((await run(id)).status, 'published');
  assert.equal(graph.published.at(-1)?.children.length, 3);
});

test('a post whose answer was lost is found, and not published again', async () => {
  const id = await draft();
  await call('POST', `instagram-posts/${id}/schedule`, {});
  const before = graph.published.length;
  graph.failNext(/media_publish/, 'drop');
  const post = await run(id);
  assert.equal(post.status, 'published', String(post.statusReason));
  assert.equal(graph.published.length, before + 1);
  assert.match(String(post.permalink), new RegExp(`/${graph.published.at(-1)?.id}/`));
});

test('what is refused fails with the reason and can be retried; what is temporary is tried again', async () => {
  const id = await draft();
  await call('POST', `instagram-posts/${id}/schedule`, {});
  graph.failNext(/POST .*\/media$/, { status: 400, body: { error: { code: 9004, message: 'The picture could not be fetched.' } } });
  const failed = await run(id);
  assert.deepEqual([failed.status, failed.statusReason], ['failed', 'The picture could not be fetched. (Graph API 9004)']);
  graph.failNext(/POST .*\/media$/, { status: 500, body: { error: { code: 2, message: 'Try later.', is_transient: true } } });
  assert.equal((await call('POST', `instagram-posts/${id}/retry`)).status, 200);
  assert.equal((await run(id)).status, 'published');
});

test('a token that is not accepted loses nothing: the post waits and says why', async () => {
  const id = await draft();
  await call('POST', `instagram-posts/${id}/schedule`, {});
  graph.failNext(/POST/, { status: 401, body: { error: { code: 190, message: 'Expired.' } } });
  const waiting = await run(id, 1);
  assert.deepEqual([waiting.status, /access token/.test(waiting.statusReason ?? '')], ['scheduled', true]);
  assert.equal((await run(id)).status, 'published');
});

test('two hundred calls an hour are the most: the next waits until one is an hour old', async () => {
  await t.database.execute(
    'test.calls',
    sql`insert into instagram_calls select gen_random_uuid(), now() - interval '30 minutes' from generate_series(1, 199)`,
  );
  const id = await draft();
  await call('POST', `instagram-posts/${id}/schedule`, {});
  const before = graph.calls.length;
  const post = await run(id, 3);
  assert.equal(graph.calls.length, before + 1);
  assert.match(String(post.statusReason), /calls of this hour/);
  assert.equal((await call('GET', 'instagram-account')).body.callsInLastHour, 200);
});

test('two processes that take the same post publish it once', async () => {
  const id = await draft();
  await call('POST', `instagram-posts/${id}/schedule`, {});
  const before = graph.published.length;
  const advance = handlerOf('advance-instagram-post');
  await Promise.all([advance({ postId: id }), advance({ postId: id }), advance({ postId: id })]);
  await run(id);
  assert.equal(graph.published.length, before + 1);
});

test('figures are fetched and kept', async () => {
  const id = await draft();
  await call('POST', `instagram-posts/${id}/schedule`, {});
  await run(id);
  await handlerOf('tend-instagram')({});
  assert.equal((await call('GET', `instagram-posts/${id}`)).body.insights.reach, 120);
  assert.equal((await call('GET', `instagram-posts/${id}/insights`)).body.items.length, 1);
});

test('what Instagram would refuse is refused before it is scheduled', async () => {
  const id = await draft();
  assert.equal((await addPicture(id, Buffer.from('no picture'))).status, 422);
  assert.equal((await addPicture(id, picture(400, 100))).status, 422);
  assert.equal((await addPicture(id, picture(100, 100))).status, 422);
  const tags = Array.from({ length: 31 }, (_, index) => `#t${index}x`).join(' ');
  for (const caption of [tags, 'x'.repeat(2201), 'bell\u0007'])
    assert.equal((await call('PATCH', `instagram-posts/${id}`, { caption })).status, 422);
  assert.equal((await call('POST', `instagram-posts/${id}/schedule`, { at: '2020-01-01T00:00:00Z' })).status, 422);
  const empty = (await call('POST', 'instagram-posts', { caption: 'no picture' })).body.id;
  assert.equal((await call('POST', `instagram-posts/${empty}/schedule`, {})).status, 422);
  assert.equal((await call('POST', 'instagram-posts', { contentId: '0199a5b0-0000-7000-8000-00000000dead' })).status, 422);
});

test('a scheduled post can be taken back, changed and given up; a published one cannot', async () => {
  const id = await draft();
  const at = new Date(Date.now() + 3600_000).toISOString();
  assert.equal((await call('POST', `instagram-posts/${id}/schedule`, { at })).body.scheduledAt, at);
  assert.equal((await call('POST', `instagram-posts/${id}/unschedule`)).body.status, 'draft');
  await call('POST', `instagram-posts/${id}/schedule`, {});
  await run(id);
  assert.equal((await call('POST', `instagram-posts/${id}/cancel`)).status, 409);
});
