import assert from 'node:assert/strict';
import { after, afterEach, before, describe, test } from 'node:test';
import { sql } from '#platform/database';
import { waitFor } from '../../../../tests/support/wait-for.ts';
import { createTestArticles, factsCheck, type TestArticles } from './testing/test-articles.ts';

let t: TestArticles;
before(async () => {
  t = await createTestArticles();
  // Retries and delayed jobs are looked for every second; everything else is woken.
  await t.events.subscribe(t.articles.work.subscriptions);
  await t.jobs.work(t.articles.work.jobs);
});
after(() => t.close());
afterEach(() => t.articles.saveWorkspaceSettings({ autoApproveMinScore: null }, 'test'));

const reach = (id: string, status: string) =>
  waitFor(`${id} to be ${status}`, async () => {
    const article = await t.articles.getArticle(id);
    return article.status === status ? article : undefined;
  });
const stepsOf = (id: string) =>
  t.database.query<{ change: string; actor: string; reason: string | null }>(
    'test.steps',
    sql`select change, actor, reason from content_versions where content_id = ${id} order by version`,
  );
/** Everything that was published as an event so far has been handled. */
const settle = async () => {
  const last = await t.createDraft({ title: 'A marker', qualityScore: null });
  await reach(last, 'in_review');
  await waitFor('the last event to be handled', async () => {
    const [row] = await t.database.query<{ open: number }>(
      'test.open-events',
      sql`select count(*) as open from events e, event_offsets o
          where o.subscriber = 'content-manager.review' and (e.transaction_id, e.position) > (o.transaction_id, o.position)
            and e.type in ('article.drafted', 'article.submitted')`,
    );
    return row?.open === 0;
  });
};

test('by default a person decides: a written draft is submitted and waits', async () => {
  assert.deepEqual(await t.articles.getWorkspaceSettings(), { autoApproveMinScore: null });
  const id = await t.createDraft({ qualityScore: 1 });
  await reach(id, 'in_review');
  await settle();
  assert.equal((await t.articles.getArticle(id)).status, 'in_review');
  assert.equal(await t.articles.countAwaitingAutoApproval(), 0);
});

test('with a threshold, what reaches it is approved with the score and the threshold, and published', async () => {
  await t.articles.saveWorkspaceSettings({ autoApproveMinScore: 0.7 }, 'test');
  const reached = await t.createDraft({ qualityScore: 0.7 });
  const below = await t.createDraft({ qualityScore: 0.6999 });
  await reach(reached, 'published');
  const steps = await stepsOf(reached);
  assert.deepEqual(
    steps.map(({ change, actor }) => [change, actor]),
    [
      ['draft', 'writer'],
      ['submit', 'rule:auto-submit'],
      ['approve', 'rule:auto-approve'],
      ['publish', 'rule:auto-publish'],
    ],
  );
  assert.equal(steps[2]?.reason, "Quality score 0.7 reaches the workspace's threshold of 0.7.");
  await settle();
  assert.equal((await t.articles.getArticle(below)).status, 'in_review');
  assert.equal(await t.articles.countAwaitingAutoApproval(), 0);
});

describe('never approved automatically', () => {
  const stays = async (id: string, status: string) => {
    await settle();
    assert.equal((await t.articles.getArticle(id)).status, status);
    assert.equal(await t.articles.countAwaitingAutoApproval(), 0);
  };

  test('a draft in which a fact is found wrong', async () => {
    await t.articles.saveWorkspaceSettings({ autoApproveMinScore: 0.5 }, 'test');
    const id = await t.createDraft({ qualityScore: 0.95, qualityChecks: [factsCheck('warning'), factsCheck('error')] });
    await stays(id, 'in_review');
  });

  test('a draft that nobody has checked', async () => {
    await t.articles.saveWorkspaceSettings({ autoApproveMinScore: 0 }, 'test');
    await stays(await t.createDraft({ qualityScore: null, qualityChecks: [] }), 'in_review');
  });

  test("a person's draft: it stays a draft until the person submits it", async () => {
    await t.articles.saveWorkspaceSettings({ autoApproveMinScore: 0 }, 'test');
    await stays(await t.createDraft({ writer: 'person', qualityScore: null }), 'draft');
  });

  test('what a person rejected, reopened and submitted again', async () => {
    const id = await t.createDraft({ qualityScore: 0.9 });
    await reach(id, 'in_review');
    await t.articles.reject(id, 'key:editor', 'not for us');
    await t.articles.saveWorkspaceSettings({ autoApproveMinScore: 0.5 }, 'test');
    await t.articles.reopen(id, 'key:editor');
    await t.articles.submit(id, 'key:editor');
    await stays(id, 'in_review');
  });
});

test('a threshold that is set later moves what waits and reaches it', async () => {
  const id = await t.createDraft({ qualityScore: 0.66 });
  await reach(id, 'in_review');
  await t.articles.saveWorkspaceSettings({ autoApproveMinScore: 0.66 }, 'key:owner');
  await reach(id, 'published');
  assert.equal(await t.articles.countAwaitingAutoApproval(), 0);
  const audit = await t.database.one<{ actor: string; details: unknown }>(
    'test.audit',
    sql`select actor, details from audit_log where subject = 'workspace' and actor = 'key:owner'`,
  );
  assert.deepEqual(audit.details, { before: { autoApproveMinScore: null }, after: { autoApproveMinScore: 0.66 } });
});

test('an event handled twice changes nothing the second time', async () => {
  await t.articles.saveWorkspaceSettings({ autoApproveMinScore: 0.7 }, 'test');
  const id = await t.createDraft({ qualityScore: 0.8 });
  await reach(id, 'published');
  const { version } = await t.articles.getArticle(id);
  const [subscription] = t.articles.work.subscriptions;
  for (const type of ['article.drafted', 'article.submitted']) {
    const event = { id: t.clock.newId(), type, aggregateId: id, payload: {}, position: 0, occurredAt: t.clock.now() };
    await t.database.transaction(async (tx) => subscription?.handle(event, tx));
  }
  const publish = t.articles.work.jobs.find(({ definition }) => definition.name === 'publish-article');
  await publish?.handler({ contentId: id }, { id: t.clock.newId(), retryCount: 1, signal: AbortSignal.timeout(60_000) });
  assert.equal((await t.articles.getArticle(id)).version, version);
});

test('what is rejected between approval and publication is not published', async () => {
  const id = await t.createDraft({ writer: 'person' });
  await t.articles.submit(id, 'key:editor');
  const publish = t.articles.work.jobs.find(({ definition }) => definition.name === 'publish-article');
  await publish?.handler({ contentId: id }, { id: t.clock.newId(), retryCount: 0, signal: AbortSignal.timeout(60_000) });
  assert.equal((await t.articles.getArticle(id)).status, 'in_review');
});

test('a job that an exact time was sent for publishes at that time', async () => {
  const id = await t.createDraft({ writer: 'person' });
  await t.articles.submit(id, 'key:editor');
  await t.articles.approve(id, 'key:editor');
  await t.articles.schedule(id, 'key:editor', new Date(t.clock.now().getTime() + 300));
  const article = await reach(id, 'published');
  assert.equal((await stepsOf(id)).at(-1)?.actor, 'schedule');
  assert.ok(article.publishedAt);
});

test('settings that are no number from 0 to 1 are refused', async () => {
  for (const score of [-0.1, 1.1, Number.NaN]) {
    await assert.rejects(t.articles.saveWorkspaceSettings({ autoApproveMinScore: score }, 'test'), { code: 'invalid_request' });
  }
});
