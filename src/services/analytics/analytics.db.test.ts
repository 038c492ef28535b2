import assert from 'node:assert/strict';
import { after, before, beforeEach, test } from 'node:test';
import { sql } from '#platform/database';
import type { HttpServer } from '#platform/http-server';
import { transparentPixel } from '#shared/transparent-pixel';
import { readPlans, takesAll } from '../../../tests/support/query-plans.ts';
import { createTestContext, type TestContext } from '../../../tests/support/test-context.ts';
import { authorize, createTestServer } from '../../../tests/support/test-server.ts';
import { waitFor } from '../../../tests/support/wait-for.ts';
import { rollUp } from './analytics-store.ts';
import { type Analytics, type AnalyticsEventType, createAnalytics } from './index.ts';

const browser = 'Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0';
const published = '0199a5b0-0000-7000-8000-000000000001';
const second = '0199a5b0-0000-7000-8000-000000000002';
const draft = '0199a5b0-0000-7000-8000-0000000000ff';
const titles = new Map([
  [published, 'Low-light plants'],
  [draft, 'Not published'],
]);

let t: TestContext;
let app: HttpServer;
let analytics: Analytics;
let authorization: string;

before(async () => {
  t = await createTestContext();
  analytics = createAnalytics({
    ...t,
    findTitles: async (ids) => ids.flatMap((id) => ({ id, title: titles.get(id) ?? '' })).filter(({ title }) => title !== ''),
  });
  app = await createTestServer(t, [analytics.module.routes]);
  await t.events.subscribe(analytics.module.subscriptions);
  authorization = await authorize(t, 'analytics:read');
});
after(async () => {
  await app.close();
  await t.close();
});
beforeEach(async () => {
  await t.database.execute('test.empty', sql`truncate analytics_events, content_metrics`);
  t.clock.set('2026-11-10T12:00:00Z');
});

/** As the content manager does: from now on the article's views count. */
async function publish(...ids: string[]): Promise<void> {
  for (const aggregateId of ids) {
    await t.database.transaction((tx) =>
      t.events.publish(tx, { type: 'article.published', aggregateId, payload: { contentId: aggregateId } }),
    );
    await waitFor('the article to be known', () =>
      t.database.maybeOne('test.known', sql<object>`select 1 from content_metrics where content_id = ${aggregateId}::uuid`),
    );
  }
}

const view = (contentId: string, headers: Record<string, string> = {}) =>
  app.inject({ url: `/t/v/${contentId}.gif`, headers: { 'user-agent': browser, ...headers } });

const countEvents = async () => (await t.database.one<{ n: number }>('test.count', sql`select count(*) as n from analytics_events`)).n;

const rows = () =>
  t.database.query<{ contentId: string; name: string; day: string; value: number }>(
    'test.rows',
    sql`select content_id as "contentId", metric_name as name, date_bucket as day, metric_value as value
        from content_metrics where metric_value > 0 order by date_bucket, content_id, metric_name`,
  );

const report = async (url: string, expectedStatus = 200) => {
  const reply = await app.inject({ url: `/api/v1/analytics/content${url}`, headers: { authorization } });
  assert.equal(reply.statusCode, expectedStatus, reply.body);
  return reply.json();
};

async function recordMany(type: AnalyticsEventType, contentId: string, count: number): Promise<void> {
  for (let index = 0; index < count; index += 1) await analytics.record({ type, contentId });
}

const noEmails = { emailOpens: 0, emailClicks: 0, emailOpensRaw: 0, emailClicksRaw: 0 };

const addEmails = (...figures: Parameters<Analytics['addEmailFigures']>[1]) =>
  t.database.transaction((tx) => analytics.addEmailFigures(tx, figures));

test('a view of a published article is recorded, with where it came from', async () => {
  await publish(published);
  const reply = await view(published, { referer: 'https://search.example/?q=plants' });
  assert.deepEqual([reply.statusCode, reply.headers['content-type'], reply.headers['cache-control']], [200, 'image/gif', 'no-store']);
  assert.deepEqual(reply.rawPayload, transparentPixel);
  const row = await t.database.one<object>(
    'test.event',
    sql`select type, content_id as "contentId", referrer, user_agent as "userAgent", occurred_at as "occurredAt" from analytics_events`,
  );
  assert.deepEqual(row, {
    type: 'page_view',
    contentId: published,
    referrer: 'https://search.example/?q=plants',
    userAgent: browser,
    occurredAt: new Date('2026-11-10T12:00:00Z'),
  });
});

test('views of what is not published, by bots, or of nothing at all get the same picture and count nothing', async () => {
  await publish(published);
  const replies = [
    await view(draft),
    await view('0199a5b0-0000-7000-8000-00000000abcd'),
    await view('x'),
    await view(encodeURIComponent("' or 1=1 --")),
    await view('%00'),
    await view(published, { 'user-agent': 'Googlebot/2.1' }),
    await view(published, { 'user-agent': '' }),
  ];
  for (const reply of replies) assert.deepEqual([reply.statusCode, reply.rawPayload.equals(transparentPixel)], [200, true]);
  assert.equal(await countEvents(), 0);
});

test('headers of any length are kept within bounds', async () => {
  await publish(published);
  const reply = await view(published, { referer: `https://a.example/${'x'.repeat(5000)}`, 'user-agent': `${browser} ${'y'.repeat(5000)}` });
  assert.equal(reply.statusCode, 200);
  const row = await t.database.one<{ a: number; b: number }>(
    'test.lengths',
    sql`select length(referrer) as a, length(user_agent) as b from analytics_events`,
  );
  assert.deepEqual(row, { a: 500, b: 500 });
});

test('events are rolled up by day and kind, and doing it twice changes nothing', async () => {
  await publish(published, second);
  await recordMany('page_view', published, 3);
  await recordMany('page_view', second, 2);
  t.clock.set('2026-11-11T00:00:00Z');
  await recordMany('page_view', published, 1);
  // Of a subscriber, not of an article.
  await analytics.record({ type: 'subscription', subscriberId: t.clock.newId() });
  const expected = [
    { contentId: published, name: 'page_views', day: '2026-11-10', value: 3 },
    { contentId: second, name: 'page_views', day: '2026-11-10', value: 2 },
    { contentId: published, name: 'page_views', day: '2026-11-11', value: 1 },
  ];
  assert.equal(await analytics.rollUp(), 3);
  assert.deepEqual(await rows(), expected);
  assert.equal(await analytics.rollUp(), 0);
  assert.deepEqual(await rows(), expected);
});

test('figures of mails are added up, readers who were machines are taken back, and a roll-up leaves them alone', async () => {
  await addEmails(
    { contentId: published, day: '2026-11-09', type: 'click', count: 3, human: 3 },
    { contentId: published, day: '2026-11-09', type: 'open', count: 1, human: 0 },
  );
  await addEmails({ contentId: published, day: '2026-11-09', type: 'click', count: 0, human: -2 });
  await analytics.rollUp();
  assert.deepEqual(
    (await rows()).map(({ name, value }) => [name, value]),
    [
      ['email_clicks', 1],
      ['email_clicks_raw', 3],
      ['email_opens_raw', 1],
    ],
  );
});

test('two roll-ups at once come to the same figures', async () => {
  await publish(published);
  await recordMany('page_view', published, 5);
  await Promise.all([analytics.rollUp(), analytics.rollUp(), analytics.rollUp()]);
  assert.deepEqual(
    (await rows()).map(({ value }) => value),
    [5],
  );
});

test('what comes late for yesterday is counted, and a pause of weeks is caught up', async () => {
  await publish(published);
  await recordMany('page_view', published, 1);
  await analytics.rollUp();
  t.clock.set('2026-11-11T00:05:00Z');
  await recordMany('page_view', published, 1);
  await analytics.rollUp();
  // Its transaction began before midnight and committed after the roll-up.
  t.clock.set('2026-11-10T23:59:59Z');
  await recordMany('page_view', published, 1);
  t.clock.set('2026-11-11T00:06:00Z');
  await analytics.rollUp();
  t.clock.set('2026-12-01T08:00:00Z');
  await recordMany('page_view', published, 4);
  t.clock.set('2026-12-24T08:00:00Z');
  await analytics.rollUp();
  assert.deepEqual(
    (await rows()).map(({ day, value }) => [day, value]),
    [
      ['2026-11-10', 2],
      ['2026-11-11', 1],
      ['2026-12-01', 4],
    ],
  );
});

test('an event recorded in a transaction exists only if it commits', async () => {
  await assert.rejects(
    t.database.transaction(async (tx) => {
      await analytics.record({ type: 'page_view', contentId: published }, tx);
      throw new Error('rolled back');
    }),
    /rolled back/,
  );
  assert.equal(await countEvents(), 0);
});

test('the report shows totals per article over a period, most read first', async () => {
  await publish(published, second);
  await recordMany('page_view', published, 2);
  await recordMany('page_view', second, 3);
  await addEmails({ contentId: published, day: '2026-11-10', type: 'open', count: 12, human: 9 });
  await addEmails({ contentId: published, day: '2026-11-12', type: 'click', count: 6, human: 4 });
  t.clock.set('2026-11-12T12:00:00Z');
  await analytics.rollUp();
  assert.deepEqual(await report(''), {
    from: '2026-10-13',
    to: '2026-11-12',
    items: [
      {
        contentId: published,
        title: 'Low-light plants',
        pageViews: 2,
        emailOpens: 9,
        emailClicks: 4,
        emailOpensRaw: 12,
        emailClicksRaw: 6,
      },
      { contentId: second, title: null, pageViews: 3, ...noEmails },
    ],
  });
  const firstDays = await report('?to=2026-11-11');
  assert.equal(firstDays.from, '2026-10-12');
  assert.deepEqual(
    firstDays.items.map((item: { contentId: string }) => item.contentId),
    [second, published],
  );
  assert.equal((await report('?limit=1')).items.length, 1);
  assert.deepEqual((await report('?from=2020-01-01&to=2020-02-01')).items, []);
});

test('one article is shown by day', async () => {
  await publish(published);
  await recordMany('page_view', published, 2);
  t.clock.set('2026-11-12T12:00:00Z');
  await addEmails({ contentId: published, day: '2026-11-12', type: 'open', count: 2, human: 1 });
  await analytics.rollUp();
  assert.deepEqual(await report(`/${published}`), {
    contentId: published,
    title: 'Low-light plants',
    from: '2026-10-13',
    to: '2026-11-12',
    days: [
      { day: '2026-11-10', pageViews: 2, ...noEmails },
      { day: '2026-11-12', pageViews: 0, ...noEmails, emailOpens: 1, emailOpensRaw: 2 },
    ],
  });
  assert.deepEqual((await report(`/${draft}`)).days, []);
  assert.equal((await report('/0199a5b0-0000-7000-8000-00000000abcd', 404)).code, 'not_found');
});

test('a bad period, limit, id or parameter is named; nobody reads without a key', async () => {
  const fieldOf = async (url: string, status = 400) => (await report(url, status)).fields[0].path;
  assert.equal(await fieldOf('?from=yesterday'), '/querystring/from');
  assert.equal(await fieldOf('?to=2026-02-30'), '/querystring/to');
  assert.equal(await fieldOf('?limit=0'), '/querystring/limit');
  assert.equal(await fieldOf('?limit=101'), '/querystring/limit');
  assert.equal(await fieldOf('?from=2026-11-02&to=2026-11-01', 422), '/querystring/to');
  assert.equal(await fieldOf('/not-an-id'), '/params/id');
  assert.equal((await app.inject({ url: '/api/v1/analytics/content' })).statusCode, 401);
});

test('the job that rolls up runs each minute, once at a time', async () => {
  const { jobs, schedules } = analytics.module;
  assert.deepEqual(
    schedules.map(({ definition, cron }) => [definition.name, cron, definition.isKeyed]),
    [['roll-up-metrics', '* * * * *', true]],
  );
  await publish(published);
  await recordMany('page_view', published, 1);
  await t.jobs.prepare(jobs.map(({ definition }) => definition));
  await t.jobs.work(jobs);
  const [registration] = jobs;
  assert.ok(registration);
  await t.jobs.send(t.database, registration.definition, {}, { singletonKey: 'roll-up' });
  await waitFor('the figures', async () => (await rows()).length === 1);
});

test('rolling up reads the days that it counts, however much came before', async () => {
  await t.database.execute(
    'test.events',
    sql`insert into analytics_events (id, type, content_id, occurred_at)
        select gen_random_uuid(), 'page_view', ${published}::uuid, timestamptz '2026-11-12' - number * interval '10 minutes'
        from generate_series(1, 20000) as number`,
  );
  await t.database.execute(
    'test.metrics',
    sql`insert into content_metrics (content_id, metric_type, metric_name, metric_value, date_bucket)
        select gen_random_uuid(), 'engagement', 'page_views', 1, date '2026-11-11' - number % 200 from generate_series(1, 20000) as number`,
  );
  await t.database.execute('test.analyze', sql`analyze analytics_events, content_metrics`);
  const steps = await readPlans(t.database, (planner) => rollUp(planner, new Date('2026-11-12T12:00:00Z')));
  assert.deepEqual(steps.filter(takesAll), []);
});
