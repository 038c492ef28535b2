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
const hourMs = 3_600_000;

type Step = { version: number; status: string; change: string; actor: string; reason: string | null };
const stepsOf = (id: string) =>
  t.database.query<Step>(
    'test.steps',
    sql`select version, status, change, actor, reason from content_versions where content_id = ${id} order by version`,
  );
const changesOf = async (id: string) => (await stepsOf(id)).map(({ change, status }) => `${change}:${status}`);
const eventsOf = async (id: string) =>
  (await t.database.query<{ type: string }>('test.events', sql`select type from events where aggregate_id = ${id} order by position`)).map(
    ({ type }) => type,
  );
const isSearchable = async (id: string) =>
  (await t.database.query('test.search', sql<object>`select 1 from published_search where content_id = ${id}`)).length === 1;
const nextHour = () => new Date(t.clock.now().getTime() + hourMs);

test('each step is a version with who, why and when, an event and an audit row', async () => {
  const id = await t.createDraft();
  await t.articles.submit(id, actor);
  await t.articles.approve(id, actor, { reason: 'well written' });
  await t.articles.schedule(id, actor, nextHour());
  await t.articles.unschedule(id, actor);
  await t.articles.publish(id, actor);
  await t.articles.archive(id, actor);
  await t.articles.reopen(id, actor);
  assert.deepEqual(await changesOf(id), [
    'draft:draft',
    'submit:in_review',
    'approve:approved',
    'schedule:scheduled',
    'unschedule:approved',
    'publish:published',
    'archive:archived',
    'reopen:draft',
  ]);
  assert.deepEqual(
    (await stepsOf(id)).map(({ version }) => version),
    [1, 2, 3, 4, 5, 6, 7, 8],
  );
  assert.deepEqual((await stepsOf(id))[2], { version: 3, status: 'approved', change: 'approve', actor, reason: 'well written' });
  assert.deepEqual(
    await eventsOf(id),
    ['drafted', 'submitted', 'approved', 'scheduled', 'unscheduled', 'published', 'archived', 'reopened'].map((name) => `article.${name}`),
  );
  const audit = await t.database.query<{ action: string; details: object }>(
    'test.audit',
    sql`select action, details from audit_log where subject = ${`article:${id}`} order by occurred_at, id`,
  );
  assert.equal(audit.length, 8);
  assert.deepEqual(audit[2], {
    action: 'article.approve',
    details: { version: 3, from: 'in_review', to: 'approved', reason: 'well written' },
  });
});

test('a rejection needs a reason, which the article keeps until it is reopened', async () => {
  const id = await t.createDraft();
  await assert.rejects(t.articles.reject(id, actor, '  '), { code: 'invalid_request' });
  const rejected = await t.articles.reject(id, actor, 'The second paragraph repeats the first.');
  assert.equal(rejected.statusReason, 'The second paragraph repeats the first.');
  assert.equal((await t.articles.reopen(id, actor)).statusReason, null);
});

test('an illegal step changes nothing', async () => {
  const id = await t.createDraft();
  await assert.rejects(t.articles.publish(id, actor), { code: 'illegal_transition', status: 409 });
  assert.deepEqual(await changesOf(id), ['draft:draft']);
  assert.equal(await isSearchable(id), false);
});

test('an id that nobody has, or that is none, is not found', async () => {
  await assert.rejects(t.articles.submit(t.clock.newId(), actor), { code: 'not_found' });
  await assert.rejects(t.articles.publishNow('nonsense', actor), { code: 'not_found' });
  await assert.rejects(t.articles.getArticle("'; drop table events --"), { code: 'not_found' });
  assert.equal(await t.articles.findArticle('nonsense'), undefined);
});

test('publishNow takes the steps that are left, each a version; a second time changes nothing', async () => {
  const id = await t.createDraft();
  const article = await t.articles.publishNow(id, actor);
  assert.equal(article.status, 'published');
  assert.ok(article.publishedAt);
  const steps = ['draft:draft', 'submit:in_review', 'approve:approved', 'publish:published'];
  assert.deepEqual(await changesOf(id), steps);
  await t.articles.publishNow(id, actor);
  assert.deepEqual(await changesOf(id), steps);
  await t.articles.archive(id, actor);
  await assert.rejects(t.articles.publishNow(id, actor), { code: 'illegal_transition' });
});

test('of two who publish at once, one does and one is told', async () => {
  const id = await t.createDraft();
  await t.articles.submit(id, actor);
  await t.articles.approve(id, actor);
  const outcomes = await Promise.allSettled([t.articles.publish(id, 'key:a'), t.articles.publish(id, 'key:b')]);
  assert.deepEqual(outcomes.map(({ status }) => status).sort(), ['fulfilled', 'rejected']);
  const refused = outcomes.find((outcome) => outcome.status === 'rejected');
  assert.equal(refused?.reason.code, 'illegal_transition');
  assert.equal((await changesOf(id)).filter((change) => change === 'publish:published').length, 1);
  assert.equal((await eventsOf(id)).filter((type) => type === 'article.published').length, 1);
});

test('publishNow by many at once publishes once', async () => {
  const id = await t.createDraft();
  await Promise.all(Array.from({ length: 5 }, () => t.articles.publishNow(id, actor)));
  assert.deepEqual(await changesOf(id), ['draft:draft', 'submit:in_review', 'approve:approved', 'publish:published']);
});

test('a step on a version that is no longer the last is a conflict that tells the last', async () => {
  const id = await t.createDraft();
  await t.articles.submit(id, actor, { expectedVersion: 1 });
  await assert.rejects(t.articles.approve(id, actor, { expectedVersion: 1 }), (error: { code: string; message: string }) => {
    assert.equal(error.code, 'version_conflict');
    assert.match(error.message, /version 2/);
    return true;
  });
});

test('scheduling takes a time to come only', async () => {
  const id = await t.createDraft();
  await t.articles.submit(id, actor);
  await t.articles.approve(id, actor);
  for (const at of [t.clock.now(), new Date(t.clock.now().getTime() - 1), new Date(Number.NaN)]) {
    await assert.rejects(t.articles.schedule(id, actor, at), { code: 'invalid_request' });
  }
  const at = nextHour();
  const scheduled = await t.articles.schedule(id, actor, at);
  assert.deepEqual(scheduled.scheduledAt, at);
  const job = await t.database.one<{ startAfter: Date }>(
    'test.job',
    sql`select start_after as "startAfter" from pgboss.job where name = 'publish-scheduled' and singleton_key = ${at.toISOString()}`,
  );
  assert.deepEqual(job.startAfter, at);
  assert.equal((await t.articles.unschedule(id, actor)).scheduledAt, null);
});

test('a step whose job cannot be sent leaves nothing', async () => {
  const other = await createTestArticles({ hasQueues: false });
  try {
    const id = await other.createDraft();
    await other.articles.submit(id, actor);
    await other.articles.approve(id, actor);
    await assert.rejects(other.articles.schedule(id, actor, nextHour()), /publish-scheduled/);
    const { status, version, scheduledAt } = await other.articles.getArticle(id);
    assert.deepEqual({ status, version, scheduledAt }, { status: 'approved', version: 3, scheduledAt: null });
    const left = await other.database.query('test.left', sql<object>`select 1 from events where type = 'article.scheduled'`);
    assert.deepEqual(left, []);
  } finally {
    await other.close();
  }
});

test('what is due is published once, also when it is looked for twice at once, and after a long pause', async () => {
  const ids: string[] = [];
  for (let number = 1; number <= 3; number += 1) {
    const id = await t.createDraft();
    await t.articles.submit(id, actor);
    await t.articles.approve(id, actor);
    await t.articles.schedule(id, actor, new Date(t.clock.now().getTime() + number * hourMs));
    ids.push(id);
  }
  assert.equal(await t.articles.publishDue(), 0);
  t.clock.advance(2 * hourMs + 1000);
  const [one = 0, other = 0] = await Promise.all([t.articles.publishDue(), t.articles.publishDue()]);
  assert.equal(one + other, 2);
  const states = await Promise.all(ids.map((id) => t.articles.getArticle(id)));
  assert.deepEqual(
    states.map(({ status, scheduledAt }) => [status, scheduledAt === null]),
    [
      ['published', true],
      ['published', true],
      ['scheduled', false],
    ],
  );
  t.clock.advance(30 * 24 * hourMs);
  assert.equal(await t.articles.publishDue(), 1);
  assert.equal(await t.articles.publishDue(), 0);
});

test('an article that is published again keeps the time of its first publication', async () => {
  const id = await t.createDraft();
  const first = await t.articles.publishNow(id, actor);
  await t.articles.archive(id, actor);
  assert.equal(await isSearchable(id), false);
  t.clock.advance(hourMs);
  await t.articles.reopen(id, actor);
  const again = await t.articles.publishNow(id, actor);
  assert.deepEqual(again.publishedAt, first.publishedAt);
  assert.equal(await isSearchable(id), true);
});

test('the search index follows publication, in the words of the language', async () => {
  const english = await t.createDraft({ title: 'Growing carpets', summary: 'Foregrounds', language: 'en' });
  const bulgarian = await t.createDraft({ title: 'Килим от растения', language: 'bg' });
  const german = await t.createDraft({ title: 'Wasserpflanzen im Aquarium', language: 'de' });
  for (const id of [english, bulgarian, german]) await t.articles.publishNow(id, actor);
  const rows = await t.database.query<{ id: string; configuration: string; document: string }>(
    'test.documents',
    sql`select content_id as id, configuration::text as configuration, document::text as document from published_search
        where content_id = any(${[english, bulgarian, german]}::uuid[])`,
  );
  const of = (id: string) => rows.find((row) => row.id === id);
  assert.equal(of(english)?.configuration, 'english');
  assert.match(of(english)?.document ?? '', /'carpet':2A/);
  assert.match(of(english)?.document ?? '', /'foreground':3B/);
  assert.match(of(english)?.document ?? '', /'shade':\d+(?!A|B)/);
  assert.equal(of(bulgarian)?.configuration, 'simple');
  assert.match(of(bulgarian)?.document ?? '', /'растения':3A/);
  assert.equal(of(german)?.configuration, 'german');
});

test('a published article is listed and found with its address; an archived one is not', async () => {
  const id = await t.createDraft({ title: 'Listed', language: 'fr' });
  assert.equal(await t.articles.findArticle(id), undefined);
  const { publishedAt } = await t.articles.publishNow(id, actor);
  const found = await t.articles.findArticle(id);
  assert.deepEqual(found, {
    id,
    slug: 'listed',
    title: 'Listed',
    summary: 'Which plants grow in the shade.',
    url: 'http://localhost:8000/articles/listed',
    language: 'fr',
    category: 'plants',
    tags: ['low-light'],
    publishedAt,
    image: { url: 'http://localhost:8000/og/listed.png', alt: 'Illustration for “Listed”' },
  });
  assert.deepEqual(await t.articles.listPublished({ limit: 5, language: 'fr' }), [found]);
  assert.deepEqual(await t.articles.listPublished({ limit: 5, language: 'fr', since: publishedAt ?? new Date() }), [found]);
  assert.deepEqual(await t.articles.listPublished({ limit: 5, language: 'fr', since: nextHour() }), []);
  await t.articles.archive(id, actor);
  assert.equal(await t.articles.findArticle(id), undefined);
  assert.deepEqual(await t.articles.findTitles([id, t.clock.newId(), 'nonsense']), [{ id, title: 'Listed' }]);
  const counts = await t.articles.countByStatus();
  const rows = await t.database.query<{ status: string }>('test.statuses', sql`select status from generated_content`);
  for (const [status, count] of Object.entries(counts)) {
    assert.equal(count, rows.filter((row) => row.status === status).length, status);
  }
  assert.ok(counts.archived > 0);
  assert.equal(counts.rejected, 0);
});

test('changes are counted once they are committed', async () => {
  const before = await metric();
  const id = await t.createDraft();
  await t.articles.submit(id, actor);
  assert.equal((await metric()) - before, 1);
});
const metric = async (): Promise<number> => {
  const text = await t.metrics.text();
  return Number(/aquascene_article_changes_total\{change="submit",from="draft",to="in_review"[^}]*\} (\d+)/.exec(text)?.[1] ?? 0);
};
