import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { HttpServer } from '#platform/http-server';
import { authorize, createTestServer } from '../../../../tests/support/test-server.ts';
import { createTestArticles, type TestArticles } from './testing/test-articles.ts';

let t: TestArticles;
let app: HttpServer;
let reader: string;
let editor: string;

before(async () => {
  t = await createTestArticles();
  app = await createTestServer(t, [t.articles.routes]);
  reader = await authorize(t, 'content:read');
  editor = await authorize(t, 'content:read', 'content:write');
});
after(async () => {
  await app.close();
  await t.close();
});

type Method = 'GET' | 'POST' | 'PATCH';
const call = (method: Method, url: string, body?: unknown, headers: Record<string, string> = {}) =>
  app.inject({
    method,
    url,
    headers: {
      authorization: editor,
      ...(body !== undefined && { 'content-type': 'application/json' }),
      ...headers,
    },
    ...(body !== undefined && { payload: typeof body === 'string' ? body : JSON.stringify(body) }),
  });

const newArticle = (change: object = {}) => ({
  title: 'Shrimp and moss',
  contentType: 'guide',
  language: 'en',
  sections: [{ heading: 'Moss', paragraphs: ['Shrimp graze on moss.'] }],
  ...change,
});
const create = async (change: object = {}): Promise<{ id: string }> => {
  const response = await call('POST', '/api/v1/content', newArticle(change));
  assert.equal(response.statusCode, 201, response.body);
  return response.json();
};
type Answer = Awaited<ReturnType<typeof call>>;
const assertProblem = (response: Answer, status: number, code: string, paths?: string[]) => {
  assert.equal(response.statusCode, status, response.body);
  assert.match(String(response.headers['content-type']), /^application\/problem\+json/);
  assert.equal(response.json().code, code);
  if (paths !== undefined)
    assert.deepEqual(
      response
        .json()
        .fields.map(({ path }: { path: string }) => path)
        .sort(),
      paths.sort(),
    );
};

test('without a key, or with one that may only read, nothing is written', async () => {
  assertProblem(await app.inject({ url: '/api/v1/content' }), 401, 'key_missing');
  const { id } = await create();
  for (const url of ['/api/v1/content', `/api/v1/content/${id}/submit`, `/api/v1/content/${id}/versions/1/restore`]) {
    assertProblem(await call('POST', url, newArticle(), { authorization: reader }), 403, 'scope_missing');
  }
  assertProblem(await call('PATCH', '/api/v1/workspace', {}, { authorization: reader }), 403, 'scope_missing');
  assert.equal((await call('GET', `/api/v1/content/${id}`, undefined, { authorization: reader })).statusCode, 200);
});

test('a person writes an article, with citations, and takes it to its readers', async () => {
  const citation = {
    rawContentId: t.clock.newId(),
    startOffset: 0,
    endOffset: 21,
    quote: 'Shrimp graze on moss.',
    sourceUrl: 'https://example.org/shrimp?a=1',
    sourceTitle: 'Shrimp',
  };
  const created = await call(
    'POST',
    '/api/v1/content',
    newArticle({
      category: 'plants',
      tags: ['shrimp'],
      citations: [citation],
      sections: [{ heading: '', paragraphs: [[{ text: 'Shrimp graze on moss.', citations: [1] }, { text: 'So do snails.' }], 'The end.'] }],
    }),
  );
  assert.equal(created.statusCode, 201, created.body);
  const article = created.json();
  assert.equal(created.headers.location, `/api/v1/content/${article.id}`);
  assert.equal(article.writer, 'person');
  assert.equal(article.status, 'draft');
  assert.deepEqual(article.citations, [{ ...citation, ordinal: 1, sourceAuthor: null }]);
  assert.deepEqual(article.sections[0].paragraphs, [
    [
      { text: 'Shrimp graze on moss.', citations: [1] },
      { text: 'So do snails.', citations: [] },
    ],
    [{ text: 'The end.', citations: [] }],
  ]);
  assert.deepEqual(article.allowedActions, ['submit', 'reject', 'archive']);

  const url = `/api/v1/content/${article.id}`;
  assert.equal((await call('POST', `${url}/submit`)).json().status, 'in_review');
  const approved = await call('POST', `${url}/approve`, { reason: 'good', version: 2 });
  assert.equal(approved.json().status, 'approved');
  assert.equal(approved.json().statusReason, 'good');
  const at = new Date(t.clock.now().getTime() + 60_000).toISOString();
  assert.equal((await call('POST', `${url}/schedule`, { at })).json().scheduledAt, at);
  assert.equal((await call('POST', `${url}/unschedule`)).json().scheduledAt, null);
  const published = await call('POST', `${url}/publish`);
  assert.equal(published.json().status, 'published');
  assert.match(published.json().publishedAt, /^\d{4}-\d\d-\d\dT.*Z$/);
  assert.equal((await call('POST', `${url}/archive`)).json().status, 'archived');
  assert.equal((await call('POST', `${url}/reopen`)).json().status, 'draft');
  assertProblem(await call('POST', `${url}/reject`, {}), 400, 'invalid_request', ['/reason']);
  assert.equal((await call('POST', `${url}/reject`, { reason: 'late' })).json().statusReason, 'late');

  const versions = (await call('GET', `${url}/versions`)).json();
  assert.equal(versions.items.length, 9);
  assert.equal(versions.items[0].change, 'reject');
  assert.equal(versions.items[0].actor, 'key:tests');
  assert.equal(versions.nextCursor, null);
});

test('an illegal step is 409 and says what is allowed', async () => {
  const { id } = await create();
  const response = await call('POST', `/api/v1/content/${id}/publish`);
  assertProblem(response, 409, 'illegal_transition');
  assert.match(response.json().detail, /draft.*submit, reject, archive/);
});

test('one Idempotency-Key writes one article', async () => {
  const headers = { 'idempotency-key': 'article-1' };
  const [first, second] = [
    await call('POST', '/api/v1/content', newArticle(), headers),
    await call('POST', '/api/v1/content', newArticle(), headers),
  ];
  assert.equal(second?.json().id, first?.json().id);
});

test('an ETag is current until the next change, and guards it', async () => {
  const { id } = await create();
  const url = `/api/v1/content/${id}`;
  const etag = String((await call('GET', url)).headers.etag);
  const notModified = await call('GET', url, undefined, { 'if-none-match': `"x", W/${etag}` });
  assert.equal(notModified.statusCode, 304);
  assert.equal(notModified.body, '');
  const patched = await call('PATCH', url, { title: 'Moss and shrimp' }, { 'if-match': etag });
  assert.equal(patched.statusCode, 200, patched.body);
  assert.equal(patched.json().title, 'Moss and shrimp');
  assert.notEqual(patched.headers.etag, etag);
  assertProblem(await call('PATCH', url, { title: 'Lost' }, { 'if-match': etag }), 409, 'version_conflict', ['/version']);
  assertProblem(await call('PATCH', url, { title: 'Lost', version: 1 }), 409, 'version_conflict', ['/version']);
  assertProblem(await call('PATCH', url, { title: 'Lost' }, { 'if-match': 'nonsense' }), 422, 'invalid_request', ['/headers/if-match']);
  assert.equal((await call('GET', url, undefined, { 'if-none-match': etag })).statusCode, 200);
});

test('former versions are read and restored', async () => {
  const { id } = await create({ title: 'The first' });
  const url = `/api/v1/content/${id}`;
  await call('PATCH', url, { title: 'The second', sections: [{ heading: 'New', paragraphs: ['Words.'] }] });
  const first = (await call('GET', `${url}/versions/1`)).json();
  assert.equal(first.snapshot.title, 'The first');
  assert.deepEqual(first.snapshot.sections[0].paragraphs, [[{ text: 'Shrimp graze on moss.', citations: [] }]]);
  const restored = await call('POST', `${url}/versions/1/restore`);
  assert.equal(restored.json().title, 'The first');
  assert.equal(restored.json().version, 3);
  assertProblem(await call('GET', `${url}/versions/9`), 404, 'not_found');
  assertProblem(await call('GET', `${url}/versions/0`), 400, 'invalid_request');
  assertProblem(await call('GET', `/api/v1/content/${t.clock.newId()}/versions`), 404, 'not_found');
  const page = (await call('GET', `${url}/versions?limit=2`)).json();
  assert.deepEqual(
    page.items.map(({ version }: { version: number }) => version),
    [3, 2],
  );
  const rest = (await call('GET', `${url}/versions?limit=2&cursor=${page.nextCursor}`)).json();
  assert.deepEqual(
    rest.items.map(({ version }: { version: number }) => version),
    [1],
  );
  assert.equal(rest.nextCursor, null);
});

test('the list is filtered and paged, newest first, each article once', async () => {
  const ids: string[] = [];
  for (const title of ['Filter % one', 'Filter _ two', 'Filter three'])
    ids.push((await create({ title, language: 'nl', tags: ['shrimp'] })).id);
  await call('POST', `/api/v1/content/${ids[0]}/submit`);
  const list = async (query: string) => {
    const response = await call('GET', `/api/v1/content?${query}`);
    assert.equal(response.statusCode, 200, response.body);
    return response.json();
  };
  const idsOf = (page: { items: { id: string }[] }) => page.items.map(({ id }) => id);
  const first = await list('language=nl&limit=2');
  assert.deepEqual(idsOf(first), [ids[2], ids[1]]);
  const second = await list(`language=nl&limit=2&cursor=${first.nextCursor}`);
  assert.deepEqual(idsOf(second), [ids[0]]);
  assert.equal(second.nextCursor, null);
  assert.equal('sections' in second.items[0], false);
  assert.deepEqual(idsOf(await list('language=nl&status=in_review')), [ids[0]]);
  assert.deepEqual(idsOf(await list('language=nl&tag=shrimp&type=guide&q=THREE')), [ids[2]]);
  assert.deepEqual(idsOf(await list('q=filter%20%25')), [ids[0]]);
  assert.deepEqual(idsOf(await list('q=filter%20_')), [ids[1]]);
  assert.deepEqual(idsOf(await list("q=';drop table generated_content--")), []);
  assert.deepEqual(idsOf(await list('language=nl&minQualityScore=0.1')), []);
  assert.deepEqual(idsOf(await list('language=nl&category=plants')), []);
});

test('a query that is not valid names what is accepted', async () => {
  assertProblem(await call('GET', '/api/v1/content?status=lost'), 400, 'invalid_request', ['/querystring/status']);
  assertProblem(await call('GET', '/api/v1/content?color=red'), 400, 'invalid_request', ['/querystring/color']);
  assertProblem(await call('GET', '/api/v1/content?minQualityScore=2'), 400, 'invalid_request', ['/querystring/minQualityScore']);
  assertProblem(await call('GET', '/api/v1/content?limit=1000'), 400, 'invalid_request', ['/querystring/limit']);
  assertProblem(await call('GET', '/api/v1/content?cursor=nonsense'), 422, 'invalid_request', ['/querystring/cursor']);
  assertProblem(await call('GET', '/api/v1/content?q=%00'), 422, 'invalid_request', ['/querystring/q']);
  assertProblem(await call('GET', '/api/v1/content/nonsense'), 400, 'invalid_request', ['/params/id']);
  assertProblem(await call('GET', `/api/v1/content/${t.clock.newId()}`), 404, 'not_found');
});

test('categories and tags come with the numbers of their articles', async () => {
  const { id } = await create({ category: 'algae', tags: ['low-light'] });
  await t.articles.publishNow(id, 'test');
  const categories = (await call('GET', '/api/v1/content/categories')).json().items;
  assert.deepEqual(
    categories.find(({ slug }: { slug: string }) => slug === 'algae'),
    { slug: 'algae', name: 'Algae', description: '', articles: 1, published: 1 },
  );
  const tags = (await call('GET', '/api/v1/content/tags')).json().items;
  assert.deepEqual(
    tags.find(({ slug }: { slug: string }) => slug === 'low-light'),
    { slug: 'low-light', name: 'Low light', articles: 1, published: 1 },
  );
});

test('the settings of the workspace: a person decides, until a threshold is set', async () => {
  assert.deepEqual((await call('GET', '/api/v1/workspace')).json(), { autoApproveMinScore: null });
  assert.deepEqual((await call('PATCH', '/api/v1/workspace', { autoApproveMinScore: 0.75 })).json(), { autoApproveMinScore: 0.75 });
  assert.deepEqual((await call('PATCH', '/api/v1/workspace', {})).json(), { autoApproveMinScore: 0.75 });
  assert.deepEqual((await call('PATCH', '/api/v1/workspace', { autoApproveMinScore: null })).json(), { autoApproveMinScore: null });
  for (const autoApproveMinScore of [-1, 1.5, '0.7', true]) {
    const response = await call('PATCH', '/api/v1/workspace', { autoApproveMinScore });
    assertProblem(response, 400, 'invalid_request', ['/autoApproveMinScore']);
  }
  assertProblem(await call('PATCH', '/api/v1/workspace', { theme: 'dark' }), 400, 'invalid_request', ['/theme']);
});

test('bad input names every field and keeps nothing', async () => {
  const count = async () => (await call('GET', '/api/v1/content?limit=100')).json().items.length;
  const before = await count();
  const post = (change: object) => call('POST', '/api/v1/content', newArticle(change));
  assertProblem(await call('POST', '/api/v1/content', '{"title": '), 400, 'invalid_json_body');
  const deep = `${'['.repeat(100_000)}${']'.repeat(100_000)}`;
  assertProblem(await call('POST', '/api/v1/content', `{"title": ${deep}}`), 400, 'invalid_request');
  assertProblem(await call('POST', '/api/v1/content', {}), 400, 'invalid_request', ['/title', '/contentType', '/language', '/sections']);
  assertProblem(await post({ colour: 'red', title: 'x'.repeat(301) }), 400, 'invalid_request', ['/colour', '/title']);
  assertProblem(await post({ title: ' \n ' }), 400, 'invalid_request', ['/title']);
  assertProblem(await post({ contentType: 'poem' }), 400, 'invalid_request', ['/contentType']);
  assertProblem(await post({ category: 'fishing', tags: ['trains'] }), 422, 'invalid_request', ['/category', '/tags/0']);
  assertProblem(await post({ summary: 'a\u0000b', sections: [{ heading: '\u0000', paragraphs: ['x'] }] }), 422, 'invalid_request', [
    '/summary',
    '/sections/0/heading',
  ]);
  assertProblem(await post({ sections: [{ heading: '', paragraphs: [[{ text: 'a', citations: [3] }]] }] }), 422, 'invalid_request', [
    '/sections/0/paragraphs/0/0/citations',
  ]);
  const citation = { rawContentId: t.clock.newId(), startOffset: 5, endOffset: 5, quote: 'q', sourceTitle: 's' };
  assertProblem(await post({ citations: [{ ...citation, sourceUrl: 'javascript:alert(1)' }] }), 400, 'invalid_request', [
    '/citations/0/sourceUrl',
  ]);
  assertProblem(await post({ citations: [{ ...citation, sourceUrl: 'https://e.org/' }] }), 422, 'invalid_request', [
    '/citations/0/endOffset',
  ]);
  const huge = Array.from({ length: 20 }, () => 'x'.repeat(19_000));
  assertProblem(await post({ sections: [{ heading: '', paragraphs: huge }] }), 422, 'invalid_request', ['/sections']);
  const { id } = await create();
  for (const at of ['tomorrow', '2026-13-01T00:00:00Z', '2016-12-31T23:59:60Z', 5]) {
    assertProblem(await call('POST', `/api/v1/content/${id}/schedule`, { at }), 400, 'invalid_request', ['/at']);
  }
  assertProblem(await call('POST', `/api/v1/content/${id}/schedule`, { at: '2020-01-01T00:00:00Z' }), 422, 'invalid_request', ['/at']);
  assertProblem(await call('POST', `/api/v1/content/${id}/submit`, { colour: 'red' }), 400, 'invalid_request', ['/colour']);
  assert.equal(await count(), before + 1);
});

test('SQL and HTML in every text field are kept as they are', async () => {
  const nasty = `'; drop table generated_content; -- <script>alert("x")</script> \${7*7} %s \\ 🌿`;
  const sections = [{ heading: nasty, paragraphs: [nasty] }];
  const { id } = await create({ title: nasty, summary: nasty, metaDescription: nasty, sections });
  const article = (await call('GET', `/api/v1/content/${id}`)).json();
  assert.equal(article.title, nasty);
  assert.equal(article.summary, nasty);
  assert.equal(article.metaDescription, nasty);
  assert.equal(article.sections[0].heading, nasty);
  assert.equal(article.sections[0].paragraphs[0][0].text, nasty);
  assert.match(article.slug, /^[a-z0-9-]+$/);
  const rejected = await call('POST', `/api/v1/content/${id}/reject`, { reason: nasty });
  assert.equal(rejected.json().statusReason, nasty);
});

test('every route stands in the API description', async () => {
  const { paths } = (await app.inject({ url: '/openapi.json' })).json();
  for (const step of ['submit', 'approve', 'reject', 'schedule', 'unschedule', 'publish', 'archive', 'reopen']) {
    assert.ok(paths[`/api/v1/content/{id}/${step}`]?.post.responses['200'], step);
  }
  for (const path of ['', '/categories', '/tags', '/{id}', '/{id}/versions', '/{id}/versions/{version}']) {
    assert.ok(paths[`/api/v1/content${path}`]?.get.summary, path);
  }
});
