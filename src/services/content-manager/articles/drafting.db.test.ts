import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { sql } from '#platform/database';
import { textOf } from './article.ts';
import { createTestArticles, type TestArticles } from './testing/test-articles.ts';

let t: TestArticles;
before(async () => {
  t = await createTestArticles();
});
after(() => t.close());

const count = async (what: 'generated_content' | 'content_versions' | 'content_citations' | 'events' | 'audit_log') =>
  (await t.database.one<{ n: number }>('test.count', sql`select count(*) as n from ${sql.table(what)}`)).n;

test('a draft is kept with its text, citations, first version, audit row and event', async () => {
  const id = await t.createDraft({ title: 'Kept as it is' });
  const article = await t.articles.getArticle(id);
  const draft = t.draftOf({ title: 'Kept as it is' });
  const { generationId: _generation, writer: _writer, ...text } = draft;
  assert.deepEqual(textOf(article), text);
  assert.equal(article.writer, 'extractive');
  assert.equal(article.slug, 'kept-as-it-is');
  assert.equal(article.status, 'draft');
  assert.equal(article.version, 1);
  const row = await t.database.one<Record<string, unknown>>(
    'test.row',
    sql`select c.content, v.change, v.actor, v.snapshot ->> 'title' as "snapshotTitle", e.type, e.payload, a.action, a.actor as "auditActor"
        from generated_content c join content_versions v on v.content_id = c.id
          join events e on e.aggregate_id = c.id::text join audit_log a on a.subject = 'article:' || c.id
        where c.id = ${id}`,
  );
  assert.deepEqual(row, {
    content: 'Anubias\n\nAnubias grows in the shade. It grows slowly.',
    change: 'draft',
    actor: 'writer',
    snapshotTitle: 'Kept as it is',
    type: 'article.drafted',
    payload: { contentId: id, slug: 'kept-as-it-is', title: 'Kept as it is' },
    action: 'article.draft',
    auditActor: 'writer',
  });
});

test('a draft that rolls back leaves nothing', async () => {
  const tables = ['generated_content', 'content_versions', 'content_citations', 'events', 'audit_log'] as const;
  const counts = await Promise.all(tables.map(count));
  await assert.rejects(
    t.database.transaction(async (tx) => {
      await t.articles.createDraft(tx, t.draftOf(), 'writer');
      throw new Error('the caller failed');
    }),
    /the caller failed/,
  );
  assert.deepEqual(await Promise.all(tables.map(count)), counts);
});

test('the same generation twice is one article, also at once', async () => {
  const generationId = t.clock.newId();
  const first = await t.createDraft({ generationId, title: 'Generated' });
  assert.equal(await t.createDraft({ generationId, title: 'Written again' }), first);
  assert.equal((await t.articles.getArticle(first)).title, 'Generated');

  const other = t.clock.newId();
  const ids = await Promise.all(Array.from({ length: 5 }, () => t.createDraft({ generationId: other, title: 'At once' })));
  assert.equal(new Set(ids).size, 1);
  const versions = await t.database.query('test.versions', sql<object>`select 1 from content_versions where content_id = ${ids[0]}`);
  assert.equal(versions.length, 1);
});

test('many drafts of one title at once get an address each', async () => {
  const ids = await Promise.all(Array.from({ length: 8 }, () => t.createDraft({ title: 'The same title' })));
  const slugs = await Promise.all(ids.map(async (id) => (await t.articles.getArticle(id)).slug));
  const expected = ['the-same-title', ...[2, 3, 4, 5, 6, 7, 8].map((number) => `the-same-title-${number}`)];
  assert.deepEqual(slugs.sort(), expected.sort());
});

test('after many of one title the address holds a part of the id', async () => {
  const ids: string[] = [];
  for (let number = 0; number < 22; number += 1) ids.push(await t.createDraft({ title: 'Again' }));
  const last = await t.articles.getArticle(ids.at(-1) ?? '');
  assert.equal(last.slug, `again-${last.id.slice(-12)}`);
});

test('a Bulgarian title gets an address that can be read', async () => {
  const id = await t.createDraft({ title: 'Водни растения', language: 'bg' });
  assert.equal((await t.articles.getArticle(id)).slug, 'vodni-rastenia');
});

test('the categories and tags of the pack are there with the first draft', async () => {
  await t.createDraft();
  const categories = await t.database.query<{ slug: string }>('test.categories', sql`select slug from content_categories order by slug`);
  assert.deepEqual(categories, [{ slug: 'algae' }, { slug: 'plants' }]);
  const tags = await t.database.query<{ slug: string }>('test.tags', sql`select slug from content_tags order by slug`);
  assert.deepEqual(tags, [{ slug: 'low-light' }, { slug: 'shrimp' }]);
});

test('what a draft must not hold is named', async () => {
  const fieldsOf = async (change: Parameters<typeof t.draftOf>[0]): Promise<string[]> => {
    const error = await t.createDraft(change).then(
      () => assert.fail('was accepted'),
      (reason: { code: string; fields: { path: string }[] }) => reason,
    );
    assert.equal(error.code, 'invalid_request');
    return error.fields.map(({ path }) => path);
  };
  assert.deepEqual(await fieldsOf({ category: 'fishing', tags: ['shrimp', 'trains'] }), ['/category', '/tags/1']);
  assert.deepEqual(await fieldsOf({ citations: [] }), ['/sections/0/paragraphs/0/0/citations', '/sections/0/paragraphs/0/1/citations']);
  assert.deepEqual(await fieldsOf({ summary: 'a\u0000b' }), ['/summary']);
});
