import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { sql } from '#platform/database';
import { createTestArticles, type TestArticles } from './testing/test-articles.ts';

let t: TestArticles;
before(async () => {
  t = await createTestArticles();
});
after(() => t.close());

const actor = 'key:editor';
const citationRows = (id: string) =>
  t.database.query<{ ordinal: number; quote: string }>(
    'test.citations',
    sql`select ordinal, quote from content_citations where content_id = ${id} order by ordinal`,
  );

test('an edit is a version, keeps the address and the citations of the sentences that stay', async () => {
  const id = await t.createDraft();
  const { slug } = await t.articles.getArticle(id);
  const sections = [{ heading: 'Slow growers', paragraphs: ['In short: It grows slowly. That is no fault.'] }];
  const edited = await t.articles.edit(id, { title: 'Slow plants', sections, tags: ['shrimp', 'shrimp'], category: null }, actor, {
    reason: 'shortened',
  });
  assert.equal(edited.version, 2);
  assert.equal(edited.slug, slug);
  assert.deepEqual(edited.tags, ['shrimp']);
  assert.deepEqual(edited.sections[0]?.paragraphs[0], [
    { text: 'In short:', citations: [] },
    { text: 'It grows slowly.', citations: [1] },
    { text: 'That is no fault.', citations: [] },
  ]);
  assert.deepEqual(await citationRows(id), [{ ordinal: 1, quote: 'It grows slowly.' }]);
  assert.deepEqual(await t.articles.getArticle(id), edited);
  const { content } = await t.database.one<{ content: string }>('test.text', sql`select content from generated_content where id = ${id}`);
  assert.equal(content, 'Slow growers\n\nIn short: It grows slowly. That is no fault.');
});

test('a changed text has no score of the old one; changed tags leave the score', async () => {
  const id = await t.createDraft();
  assert.equal((await t.articles.edit(id, { tags: [] }, actor)).qualityScore, 0.82);
  const edited = await t.articles.edit(id, { summary: 'Another.' }, actor);
  assert.equal(edited.qualityScore, null);
  assert.deepEqual(edited.qualityChecks, []);
});

test('an edit to what stands there already makes no version', async () => {
  const id = await t.createDraft();
  const article = await t.articles.edit(id, { title: 'Plants for low light', tags: ['low-light'] }, actor);
  assert.equal(article.version, 1);
  assert.equal((await t.articles.edit(id, {}, actor)).version, 1);
});

test('an edit of a published article reaches the search at once', async () => {
  const id = await t.createDraft();
  await t.articles.publishNow(id, actor);
  await t.articles.edit(id, { title: 'Bucephalandra' }, actor);
  const hits = await t.database.query<{ id: string }>(
    'test.search',
    sql`select content_id as id from published_search where document @@ to_tsquery('english', 'bucephalandra')`,
  );
  assert.deepEqual(hits, [{ id }]);
});

test('of two edits of the same version one wins, the other is told the current version', async () => {
  const id = await t.createDraft();
  const outcomes = await Promise.allSettled(['one', 'two'].map((title) => t.articles.edit(id, { title }, actor, { expectedVersion: 1 })));
  assert.deepEqual(outcomes.map(({ status }) => status).sort(), ['fulfilled', 'rejected']);
  const refused = outcomes.find((outcome) => outcome.status === 'rejected');
  assert.equal(refused?.reason.code, 'version_conflict');
  assert.deepEqual(refused?.reason.fields, [{ path: '/version', message: 'is 2 by now' }]);
});

test('edits at once without a version come one after another; none is lost', async () => {
  const id = await t.createDraft();
  await Promise.all([
    t.articles.edit(id, { title: 'Title' }, actor),
    t.articles.edit(id, { summary: 'Summary' }, actor),
    t.articles.edit(id, { metaDescription: 'Meta' }, actor),
  ]);
  const { title, summary, metaDescription, version } = await t.articles.getArticle(id);
  assert.deepEqual(
    { title, summary, metaDescription, version },
    { title: 'Title', summary: 'Summary', metaDescription: 'Meta', version: 4 },
  );
});

test('what is rejected or archived is reopened before it is edited', async () => {
  const id = await t.createDraft();
  await t.articles.reject(id, actor, 'no');
  await assert.rejects(t.articles.edit(id, { title: 'x' }, actor), { code: 'not_editable', status: 409 });
  await assert.rejects(t.articles.restore(id, 1, actor), { code: 'not_editable', status: 409 });
  await t.articles.reopen(id, actor);
  assert.equal((await t.articles.edit(id, { title: 'x' }, actor)).title, 'x');
});

test('a former version comes back whole, as a new version, and so does what it replaced', async () => {
  const id = await t.createDraft();
  const first = await t.articles.getArticle(id);
  const sections = [{ heading: '', paragraphs: ['All new.'] }];
  await t.articles.edit(id, { title: 'New', sections, category: 'algae' }, actor);
  const restored = await t.articles.restore(id, 1, actor);
  assert.equal(restored.version, 3);
  const { version: _, updatedAt: _at, ...same } = restored;
  const { version: _v, updatedAt: _u, ...was } = first;
  assert.deepEqual(same, was);
  assert.deepEqual(await t.articles.getArticle(id), restored);
  const again = await t.articles.restore(id, 2, actor);
  assert.equal(again.title, 'New');
  assert.deepEqual(again.citations, []);
  const reasons = await t.database.query<{ change: string; reason: string | null }>(
    'test.reasons',
    sql`select change, reason from content_versions where content_id = ${id} and version > 2 order by version`,
  );
  assert.deepEqual(reasons, [
    { change: 'restore', reason: 'version 1' },
    { change: 'restore', reason: 'version 2' },
  ]);
  await assert.rejects(t.articles.restore(id, 99, actor), { code: 'not_found' });
});

test('an unknown category or tag is named; one that the article has already may stay', async () => {
  const id = await t.createDraft();
  await t.database.execute('test.old-tag', sql`update generated_content set tags = '{of-old}' where id = ${id}`);
  assert.deepEqual((await t.articles.edit(id, { tags: ['of-old', 'shrimp'] }, actor)).tags, ['of-old', 'shrimp']);
  await assert.rejects(t.articles.edit(id, { tags: ['unknown'], category: 'unknown' }, actor), (error: { fields: { path: string }[] }) => {
    assert.deepEqual(
      error.fields.map(({ path }) => path),
      ['/category', '/tags/0'],
    );
    return true;
  });
});
