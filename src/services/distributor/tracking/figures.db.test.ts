import assert from 'node:assert/strict';
import { after, before, beforeEach, test } from 'node:test';
import { sql } from '#platform/database';
import { createTestContext, type TestContext } from '../../../../tests/support/test-context.ts';
import type { EmailEvent } from './email-event.ts';
import { engagementCondition, engagementOf } from './engagement-queries.ts';
import { recordEmailEvents } from './engagement-store.ts';
import { keepEventPartitions } from './event-partitions.ts';
import { type Figure, readFigures, readHostFigures } from './figure-store.ts';
import { isPassing } from './passing-failure.ts';
import { articles, createTrackingStand, links, type StandIssue, sentAt, type TrackingStand } from './testing/tracking-stand.ts';

let t: TestContext;
let stand: TrackingStand;

before(async () => {
  t = await createTestContext();
  stand = await createTrackingStand(t);
});
after(async () => {
  await stand.close();
  await t.close();
});
beforeEach(() => t.clock.set(new Date(sentAt.getTime() + 3600_000)));

const slices = ['total', 'hour', 'link', 'host', 'variant', 'class'] as const;
const linesOf = (figures: readonly Figure[]) => figures.map(({ slice, key, metric, count }) => `${slice} ${key} ${metric} ${count}`).sort();
const readLines = async (issueId: string) => linesOf(await readFigures(t.database, issueId, slices));

/** The same, counted one by one from the events and the ledger. */
async function countLines(issueId: string): Promise<string[]> {
  const figures = await t.database.query(
    'test.count-events',
    sql<Figure>`
      with e as (select *, type || coalesce('.' || label, '') as metric, to_char(occurred_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24') as hour
                 from email_events where issue_id = ${issueId}::uuid),
      readers as (
        select distinct type, subscriber_id, variant, mail_host, null::smallint as link, false as human from e
        union select distinct type, subscriber_id, variant, mail_host, null::smallint, true from e where label = 'human'
        union select distinct type, subscriber_id, variant, mail_host, link, false from e where type = 'click' and link >= 0
        union select distinct type, subscriber_id, variant, mail_host, link, true from e where type = 'click' and link >= 0 and label = 'human'
        union select distinct 'returned', subscriber_id, variant, mail_host, null::smallint, false from e where type = 'hard_bounce'),
      r as (select *, 'readers.' || type || case when human then '.human' else '' end as metric from readers where subscriber_id is not null),
      d as (select to_char(changed_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24') as hour, variant, mail_host, 'sent' as metric from deliveries where issue_id = ${issueId}::uuid and status = 'sent')
      select slice, key, metric, count(*) as count from (
        select 'total' as slice, '' as key, metric from e
        union all select 'hour', hour, metric from e
        union all select 'link', link::text, metric from e where link >= 0
        union all select 'host', mail_host, metric from e where mail_host is not null
        union all select 'host', mail_host, 'events' from e where mail_host is not null
        union all select 'variant', variant::text, metric from e
        union all select 'class', coalesce(bounce_class, 'unclassified'), metric from e where type like '%bounce'
        union all select 'total', '', metric from r where link is null
        union all select 'link', link::text, metric from r where link is not null
        union all select 'host', mail_host, metric from r where link is null and mail_host is not null
        union all select 'variant', variant::text, metric from r where link is null
        union all select 'total', '', metric from d
        union all select 'hour', hour, metric from d
        union all select 'host', mail_host, metric from d
        union all select 'host', mail_host, 'events' from d
        union all select 'variant', variant::text, metric from d
      ) as counted group by 1, 2, 3`,
  );
  return linesOf(figures);
}

const pick = <T>(from: readonly T[], index: number): T => from[index % from.length] as T;

const types = [
  'open',
  'click',
  'click',
  'open',
  'hard_bounce',
  'soft_bounce',
  'complaint',
  'unsubscribe',
  'delivered',
  'click',
  'click',
] as const;

/** Of all kinds, spread over readers, links and hours, some in bursts; the same for the same number. */
function eventOf(issue: StandIssue, number: number): EmailEvent {
  const type = pick(types, number);
  return {
    id: t.clock.newId(),
    type,
    issueId: issue.id,
    subscriberId: type !== 'open' || number % 3 > 0 ? pick(issue.readers, number * 5) : null,
    occurredAt: new Date(sentAt.getTime() + 60_000 + (number % 40) * 300 + Math.floor(number / 40) * 1000_000),
    ...((type === 'open' || type === 'click') && {
      label: pick(['human', 'human', 'prefetch', 'scanner', 'unknown', 'human', 'human'] as const, number),
    }),
    ...(type === 'click' && { link: pick([0, 1, 2, 3, -1, 0], Math.floor(number / 7)) }),
    ...(type === 'soft_bounce' && { bounceClass: pick(['mailbox_full', '4.7.1'], number) }),
    ...(number % 5 === 0 && { providerEventId: `test:${issue.id}:${number}` }),
  };
}

async function insistently<T>(work: () => Promise<T>): Promise<T> {
  for (;;) {
    try {
      return await work();
    } catch (error) {
      if (!isPassing(error)) throw error;
    }
  }
}

test('figures equal plain counts after writers, repeats, relabelling and adding-up all at once', async () => {
  const issues = [
    await stand.addIssue({ readerCount: 7, hosts: ['a.example', 'b.example', 'c.example'] }),
    await stand.addIssue({ readerCount: 5, hosts: ['a.example'] }),
  ];
  const writers = Array.from({ length: 4 }, async (_, writer) => {
    for (let batch = 0; batch < 12; batch += 1) {
      const events = Array.from({ length: 10 }, (_, index) => eventOf(pick(issues, index), writer * 1000 + batch * 10 + index));
      const write = () => insistently(() => t.database.transaction((tx) => recordEmailEvents(tx, events)));
      // A process that did not hear of its commit writes the same again.
      const counts = await Promise.all([write(), write()]);
      assert.equal(counts[0] + counts[1], 10);
    }
  });
  let isWriting = true;
  const tending = (async () => {
    while (isWriting) await insistently(async () => stand.tend());
  })();
  await Promise.all(writers);
  isWriting = false;
  await tending;
  for (const issue of issues) assert.deepEqual(await readLines(issue.id), await countLines(issue.id));
  const countScanners = async () =>
    (await t.database.one('test.scanners', sql<{ n: number }>`select count(*) as n from email_events where label = 'scanner'`)).n;
  const scanners = await countScanners();

  // Everything that is suspect by now is looked at, and what was pending is added up.
  t.clock.advance(24 * 3600_000);
  await stand.tend();
  const { pending } = await t.database.one('test.pending', sql<{ pending: number }>`select count(*) as pending from issue_figure_changes`);
  assert.equal(pending, 0);
  for (const issue of issues) assert.deepEqual(await readLines(issue.id), await countLines(issue.id));
  assert.ok((await countScanners()) > scanners, 'there were bursts');
});

test("a provider's event is one, however often and with whatever time it comes", async () => {
  const issue = await stand.addIssue();
  const event = { ...eventOf(issue, 4), providerEventId: 'ses:1' };
  const again = { ...event, id: t.clock.newId(), occurredAt: new Date(sentAt.getTime() + 99_000) };
  assert.equal(await recordEmailEvents(t.database, [event, again]), 1);
  assert.equal(await recordEmailEvents(t.database, [again]), 0);
  const { hardBounces, delivered, bounces } = await stand.report(issue.id);
  assert.deepEqual([hardBounces, delivered, bounces], [1, 2, [{ class: 'unclassified', hard: 1, soft: 0 }]]);
});

test('a bounce of what no server had accepted takes nothing from what was delivered', async () => {
  const issue = await stand.addIssue();
  await t.database.execute(
    'test.failed',
    sql`update deliveries set status = 'failed' where issue_id = ${issue.id}::uuid and subscriber_id = ${issue.readers[0]}::uuid`,
  );
  await recordEmailEvents(t.database, [{ ...eventOf(issue, 4), subscriberId: issue.readers[0] ?? null }]);
  const { sent, delivered, hardBounces, variants } = await stand.report(issue.id);
  assert.deepEqual([sent, delivered, hardBounces], [2, 2, 1]);
  assert.deepEqual(
    variants.map((variant: Record<string, number>) => [variant.variant, variant.sent, variant.hardBounces]),
    [
      [0, 1, 0],
      [1, 1, 1],
    ],
  );
});

test('articles get the figures of the mails that carry them and of the links that lead to them, human and raw', async () => {
  const issue = await stand.addIssue();
  await t.database.execute('test.clear', sql`truncate content_metrics`);
  const at = { id: '', issueId: issue.id, subscriberId: issue.readers[0] ?? null, occurredAt: new Date('2026-11-25T23:59:59Z') };
  const event = (part: Partial<EmailEvent>): EmailEvent => ({ ...at, type: 'click', label: 'human', ...part, id: t.clock.newId() });
  await recordEmailEvents(t.database, [
    event({ type: 'open' }),
    event({ type: 'open', label: 'prefetch' }),
    event({ link: 0 }),
    event({ link: 0, label: 'scanner' }),
    event({ link: 2 }),
    event({ link: 1, occurredAt: new Date('2026-11-26T00:00:01Z'), subscriberId: issue.readers[1] ?? null }),
  ]);
  await stand.tend();
  const rows = await t.database.query(
    'test.metrics',
    sql<{
      line: string;
    }>`select concat_ws(' ', date_bucket, right(content_id::text, 1), metric_name, metric_value) as line from content_metrics order by 1`,
  );
  assert.deepEqual(
    rows.map(({ line }) => line),
    [
      ...['2026-11-25 1 email_clicks 1', '2026-11-25 1 email_clicks_raw 2', '2026-11-25 1 email_opens 1', '2026-11-25 1 email_opens_raw 2'],
      ...['2026-11-25 2 email_opens 1', '2026-11-25 2 email_opens_raw 2', '2026-11-26 2 email_clicks 1', '2026-11-26 2 email_clicks_raw 1'],
    ],
  );
  assert.equal(articles.length, 2);
});

test('the report comes by time, link, host and segment, and as CSV that no spreadsheet runs', async () => {
  const readers = await t.database.query(
    'test.subscribers',
    sql<{ id: string }>`insert into subscribers (id, email, status, language, subscription_date, source, created_at, updated_at)
        select gen_random_uuid(), 'r' || n || '@x.example', 'active', case when n = 1 then 'bg' else 'en' end, now(), 'test', now(), now()
        from generate_series(1, 3) as n returning id`,
  );
  const segmentId = t.clock.newId();
  const issue = await stand.addIssue({ readerCount: 0 });
  await t.database.execute(
    'test.deliver',
    sql`insert into deliveries (issue_id, subscriber_id, mail_host, status, next_attempt_at, changed_at)
        select ${issue.id}::uuid, id, '=cmd|calc', 'queued', now(), ${sentAt} from subscribers`,
  );
  await t.database.execute(
    'test.sent',
    sql`update deliveries set status = 'sent', next_attempt_at = null where issue_id = ${issue.id}::uuid`,
  );
  const all = { ...issue, readers: readers.map(({ id }) => id) };
  await stand.open(stand.tokensOf(all, 0).open);
  await stand.click(stand.tokensOf(all, 0).click(2));
  t.clock.advance(24 * 3600_000);
  await stand.open(stand.tokensOf(all, 1).open, { userAgent: 'Mozilla/5.0' });

  for (const isAddedUp of [false, true]) {
    if (isAddedUp) await stand.tend();
    const hours = (await stand.report(issue.id, '/timeline')).items.map((item: Record<string, unknown>) => [
      ...[item.at, item.sent, item.opens, item.humanOpens, item.humanClicks],
    ]);
    assert.deepEqual(hours, [
      ['2026-11-25T10:00:00.000Z', 3, 0, 0, 0],
      ['2026-11-25T11:00:00.000Z', 0, 1, 1, 1],
      ['2026-11-26T11:00:00.000Z', 0, 1, 0, 0],
    ]);
    const days = (await stand.report(issue.id, '/timeline?bucket=day&from=2026-11-25&to=2026-11-25')).items;
    assert.deepEqual([days.length, days[0].at, days[0].sent, days[0].opens], [1, '2026-11-25T00:00:00.000Z', 3, 1]);
    const { items: hosts } = await stand.report(issue.id, '/hosts?limit=1');
    assert.deepEqual(
      [hosts.length, hosts[0].host, hosts[0].sent, hosts[0].opens.raw, hosts[0].clicks.humanReaders],
      [1, '=cmd|calc', 3, 2, 1],
    );
    const { items: segments } = await stand.report(issue.id, `/segments?segmentId=${segmentId}`);
    assert.deepEqual(segments, [{ segmentId, sent: 1, opened: 1, humanOpened: 1, clicked: 1, humanClicked: 1 }]);
    const csv: string = await stand.report(issue.id, '.csv');
    assert.match(csv, /^slice,key,address,metric,count\r\n/);
    assert.match(csv, /\r\nhost,'=cmd\|calc,,sent,3\r\n/);
    assert.match(csv, /\r\nlink,2,"https:\/\/elsewhere\.example\/\?q=""three"",&x",click\.human,1\r\n/);
    assert.match(csv, /\r\ntotal,,,readers\.open,2\r\n/);
  }
  assert.equal((await stand.report(t.clock.newId(), '', 404)).code, 'not_found');
  for (const path of [
    '/timeline?bucket=year',
    '/timeline?from=yesterday',
    '/hosts?limit=0',
    '/segments',
    '/segments?segmentId=x',
    '/hosts?x=1',
  ]) {
    assert.ok((await stand.report(issue.id, path, 400)).fields.length > 0, path);
  }
});

test('who opened, clicked or received is told by human events and the ledger', async () => {
  const issue = await stand.addIssue({ readerCount: 4 });
  const other = { ...(await stand.addIssue({ readerCount: 4 })), readers: issue.readers };
  await stand.open(stand.tokensOf(issue, 0, 0).open);
  await stand.click(stand.tokensOf(issue, 1, 1).click(0));
  await stand.open(stand.tokensOf(issue, 2, 0).open, { userAgent: 'Mozilla/5.0' });
  await stand.open(stand.tokensOf(other, 0).open);
  const who = async (rule: Parameters<typeof engagementCondition>[0]) => {
    const rows = await t.database.query(
      'test.condition',
      sql<{
        n: number;
      }>`select n - 1 as n from unnest(${issue.readers}::uuid[]) with ordinality as r (id, n) where ${engagementCondition(rule, sql`r.id`)} order by n`,
    );
    return rows.map(({ n }) => n);
  };
  assert.deepEqual(await who({ kind: 'opened', times: 1, issueId: issue.id }), [0]);
  assert.deepEqual(await who({ kind: 'opened', times: 2 }), [0]);
  assert.deepEqual(await who({ kind: 'clicked', times: 1 }), [1]);
  assert.deepEqual(await who({ kind: 'clicked', times: 1, since: new Date('2027-01-01') }), []);
  assert.deepEqual(await who({ kind: 'received', times: 1, issueId: issue.id, since: sentAt }), [0, 1, 2, 3]);
  assert.deepEqual(await who({ kind: 'received', times: 2 }), []);

  const events = await engagementOf(t.database, issue.readers[1] ?? '');
  assert.deepEqual(
    events.map(({ type, url, label }) => [type, url, label]),
    [['click', links[0]?.url, 'human']],
  );
});

test('months get their partitions ahead of time, and what came before its month had one moves in', async () => {
  const issue = await stand.addIssue();
  await stand.open(stand.tokensOf(issue).open);
  const before = await stand.labels(issue.id);
  const now = t.clock.now();
  assert.equal((await keepEventPartitions(t.database, now)).created, 4);
  assert.deepEqual(await stand.labels(issue.id), before);
  assert.deepEqual(await keepEventPartitions(t.database, now), { created: 0, dropped: 0, deleted: 0 });
  await stand.open(stand.tokensOf(issue).open);
  const places = await t.database.query(
    'test.places',
    sql<{ place: string }>`select distinct tableoid::regclass::text as place from email_events where issue_id = ${issue.id}::uuid`,
  );
  assert.deepEqual(places, [{ place: 'email_events_2026_11' }]);
});

test("events older than thirteen months go with their partitions, readers' rows too; figures stay", async () => {
  const issue = await stand.addIssue();
  await recordEmailEvents(t.database, [eventOf(issue, 0), { ...eventOf(issue, 1), occurredAt: new Date('2020-01-01') }]);
  await stand.tend();
  const figures = await readLines(issue.id);
  await keepEventPartitions(t.database, t.clock.now());
  const { dropped } = await keepEventPartitions(t.database, new Date('2028-03-01'));
  assert.ok(dropped >= 1);
  const { left } = await t.database.one(
    'test.left',
    sql<{ left: number }>`select (select count(*) from email_events) + (select count(*) from email_engagements) as left`,
  );
  assert.equal(left, 0);
  assert.deepEqual(await readLines(issue.id), figures);
  assert.ok((await readHostFigures(t.database, issue.id, 5)).length > 0);
});
