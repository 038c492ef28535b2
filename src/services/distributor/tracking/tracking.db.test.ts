import assert from 'node:assert/strict';
import { after, before, beforeEach, test } from 'node:test';
import { sql } from '#platform/database';
import { signToken } from '#shared/signing';
import { createTestContext, type TestContext } from '../../../../tests/support/test-context.ts';
import { secret, site } from '../testing/newsroom.ts';
import { createTrackingTokens } from '../tracking-token.ts';
import { createTrackingStand, links, sentAt, type TrackingStand } from './testing/tracking-stand.ts';

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

const countEvents = async () => (await t.database.one('test.count', sql<{ n: number }>`select count(*) as n from email_events`)).n;

test('an open is answered with a picture and recorded, labelled, before the answer', async () => {
  const issue = await stand.addIssue({ hosts: ['mail.example'] });
  const { response } = await stand.open(stand.tokensOf(issue, 0, 1).open);
  assert.deepEqual(
    [response.statusCode, response.headers['content-type'], response.headers['cache-control']],
    [200, 'image/gif', 'no-store'],
  );
  const row = await t.database.one(
    'test.event',
    sql<object>`select type, label, subscriber_id as "subscriberId", variant, mail_host as host, user_agent ~ 'Firefox' as "hasAgent", occurred_at as at
                from email_events where issue_id = ${issue.id}::uuid`,
  );
  assert.deepEqual(row, {
    ...{
      type: 'open',
      label: 'human',
      subscriberId: issue.readers[0],
      variant: 1,
      host: 'mail.example',
      hasAgent: true,
      at: t.clock.now(),
    },
  });
});

test('a click leads to the numbered link; who asks for the head only reads nothing', async () => {
  const issue = await stand.addIssue();
  const token = stand.tokensOf(issue).click(2);
  const { status, location, response } = await stand.click(token);
  assert.deepEqual([status, location, response.headers['cache-control']], [302, links[2]?.url, 'no-store']);
  assert.equal((await stand.click(token, { method: 'HEAD' })).status, 302);
  assert.deepEqual(await stand.labels(issue.id), ['click 2 human']);
});

test('replays are further events, and the same reader', async () => {
  const issue = await stand.addIssue();
  const token = stand.tokensOf(issue).click(0);
  for (let index = 0; index < 3; index += 1) await stand.click(token);
  const { clicks } = await stand.report(issue.id);
  assert.deepEqual([clicks.raw, clicks.human, clicks.readers, clicks.humanReaders], [3, 3, 1, 1]);
});

test('forged, tampered and foreign tokens lead nowhere and change nothing', async () => {
  const issue = await stand.addIssue();
  const { open, click } = stand.tokensOf(issue);
  const [ids = '', , tag = ''] = click(1).split('.');
  const unknown = { issueId: t.clock.newId(), subscriberId: issue.readers[0] ?? '', variant: 0 };
  const before = await countEvents();
  const forged = [
    ...[
      `${ids}.2.${tag}`,
      `${ids}.h.${tag}`,
      `${ids}.1.${tag.slice(0, -1)}`,
      `${ids}.1.${'A'.repeat(16)}`,
      `x${ids.slice(1)}.1.${tag}`,
      open,
    ],
    createTrackingTokens('another secret').sign(unknown, 2).click(1),
    createTrackingTokens(secret).sign(unknown, 2).click(1),
    createTrackingTokens(secret)
      .sign({ ...unknown, issueId: issue.id }, 200)
      .click(links.length),
    ...[encodeURIComponent('https://evil.example'), 'x', '..', '%00', 'a'.repeat(99)],
  ];
  for (const token of forged) {
    const { status, location, response } = await stand.click(token);
    assert.equal(status, 404, token);
    assert.equal(location, undefined);
    assert.match(response.body, /Nothing here/);
    const picture = await stand.open(token);
    assert.equal(picture.location, undefined);
    if (token.length < 80) assert.equal(picture.status, 200, token);
  }
  // The one that is an open's was good for that.
  assert.equal(await countEvents(), before + 1);
});

test('tokens in mails of the time before lead to where they led', async () => {
  const issue = await stand.addIssue();
  const pack = (uuid = '') => Buffer.from(uuid.replaceAll('-', ''), 'hex').toString('base64url');
  const ids = `${pack(issue.id)}.${pack(issue.readers[1])}`;
  assert.equal((await stand.click(signToken(secret, 'email-click', `${ids}.1`))).location, links[1]?.url);
  assert.equal((await stand.open(signToken(secret, 'email-open', ids))).status, 200);
  assert.deepEqual(await stand.labels(issue.id), ['click 1 human', 'open human']);
});

test('opens and clicks are labelled by who asks, and by when', async () => {
  const issue = await stand.addIssue({ readerCount: 10 });
  const at = (secondsAfterSending: number) => t.clock.set(new Date(sentAt.getTime() + secondsAfterSending * 1000));
  const gmail = 'Mozilla/5.0 (Windows NT 5.1; rv:11.0) Gecko Firefox/11.0 (via ggpht.com GoogleImageProxy)';
  const scenarios: [string, number, 'open' | 'click', { userAgent?: string; address?: string }][] = [
    ['human', 60, 'open', {}],
    ['scanner', -30, 'click', {}],
    ['scanner', 0.5, 'open', {}],
    ['human', 2, 'click', {}],
    ['prefetch', 60, 'open', { userAgent: 'Mozilla/5.0' }],
    ['prefetch', 3, 'open', { userAgent: gmail }],
    ['human', 60, 'open', { userAgent: gmail }],
    ['scanner', 60, 'click', { userAgent: 'Mimecast' }],
    ['scanner', 60, 'click', { address: '104.47.1.1' }],
    ['unknown', 60, 'click', { userAgent: '' }],
  ];
  for (const [reader, [, seconds, type, options]] of scenarios.entries()) {
    at(seconds);
    const tokens = stand.tokensOf(issue, reader);
    await (type === 'open' ? stand.open(tokens.open, options) : stand.click(tokens.click(0), options));
  }
  const rows = await t.database.query(
    'test.labels-by-reader',
    sql<{ label: string }>`select label from email_events where issue_id = ${issue.id}::uuid order by subscriber_id`,
  );
  assert.deepEqual(
    rows.map(({ label }) => label),
    scenarios.map(([label]) => label),
  );
  t.clock.set(new Date(sentAt.getTime() + 7200_000));
  const { opens, clicks } = await stand.report(issue.id);
  assert.deepEqual(opens, { raw: 5, human: 2, prefetch: 2, scanner: 1, unknown: 0, readers: 5, humanReaders: 2 });
  assert.deepEqual(clicks, { raw: 5, human: 1, prefetch: 0, scanner: 3, unknown: 1, readers: 5, humanReaders: 1 });
});

test("what comes before the ledger says sent is a machine's", async () => {
  const issue = await stand.addIssue();
  await t.database.execute(
    'test.sending',
    sql`update deliveries set status = 'sending', claimed_by = gen_random_uuid(), next_attempt_at = now() where issue_id = ${issue.id}::uuid`,
  );
  await stand.click(stand.tokensOf(issue).click(0));
  assert.deepEqual(await stand.labels(issue.id), ['click 0 scanner']);
});

test("a burst makes the clicks that came before it a machine's too, in events, readers and figures", async () => {
  const issue = await stand.addIssue();
  const burst = stand.tokensOf(issue, 0);
  const reader = stand.tokensOf(issue, 1);
  await stand.open(burst.open);
  for (const link of [0, 1, 2]) {
    await stand.click(burst.click(link));
    t.clock.advance(800);
  }
  await stand.click(reader.click(0));
  t.clock.advance(20_000);
  await stand.click(reader.click(1));
  await stand.tend();
  const before = await stand.report(issue.id);
  assert.deepEqual([before.clicks.human, before.clicks.humanReaders], [2, 1], 'the burst is known once it has settled');
  t.clock.advance(60_000);
  await stand.tend();
  assert.deepEqual(await stand.labels(issue.id), [
    ...['open human', 'click 0 scanner', 'click 1 scanner', 'click 2 scanner', 'click 0 human', 'click 1 human'],
  ]);
  const { clicks } = await stand.report(issue.id);
  assert.deepEqual(clicks, { raw: 5, human: 2, prefetch: 0, scanner: 3, unknown: 0, readers: 2, humanReaders: 1 });
  const { items } = await stand.report(issue.id, '/links');
  assert.deepEqual(
    items.map((item: { link: number; clicks: Record<string, number> }) => [
      item.link,
      item.clicks.raw,
      item.clicks.human,
      item.clicks.humanReaders,
    ]),
    [
      [0, 2, 1, 1],
      [1, 2, 1, 1],
      [2, 1, 0, 0],
      [3, 0, 0, 0],
    ],
  );
  // A click of the same reader much later is a reader's again.
  await stand.click(burst.click(3));
  await stand.tend();
  assert.equal((await stand.report(issue.id)).clicks.humanReaders, 2);
});

test('who follows the link that no reader sees is a machine, and so is all it did', async () => {
  const issue = await stand.addIssue();
  const tokens = stand.tokensOf(issue);
  await stand.open(tokens.open);
  t.clock.advance(5000);
  await stand.click(tokens.click(1));
  t.clock.advance(30_000);
  const { status, location } = await stand.click(tokens.honeypot);
  assert.deepEqual([status, location], [302, site.baseUrl]);
  t.clock.advance(60_000);
  await stand.tend();
  assert.deepEqual(await stand.labels(issue.id), ['open scanner', 'click 1 scanner', 'click -1 scanner']);
  const { opens, clicks } = await stand.report(issue.id);
  assert.deepEqual([opens.raw, opens.human, opens.humanReaders, clicks.raw, clicks.human], [1, 0, 0, 2, 0]);
});

test('an anonymous campaign leaves nothing of the reader in any table, even with a link that names them', async () => {
  const issue = await stand.addIssue({ mode: 'anonymous' });
  const userAgent = 'Mozilla/5.0 (X11; Linux x86_64) Tell-Tale/7.7';
  for (const tokens of [stand.tokensOf(issue, 0), stand.tokensOf(issue, null)]) {
    await stand.open(tokens.open, { userAgent, address: '198.51.100.77' });
    await stand.click(tokens.click(0), { userAgent, address: '198.51.100.77' });
    await stand.click(tokens.click(1), { userAgent, address: '198.51.100.77' });
  }
  t.clock.advance(60_000);
  await stand.tend();
  assert.equal((await stand.labels(issue.id)).length, 6);
  const tables = await t.database.query(
    'test.tables',
    sql<{ name: string }>`select format('%I.%I', schemaname, tablename) as name from pg_tables
        where schemaname not in ('pg_catalog', 'information_schema') and tablename !~ '^deliveries'`,
  );
  for (const { name } of tables) {
    const { found } = await t.database.one(
      'test.search',
      sql<{ found: number }>`select count(*) as found from ${sql.raw(name)} as r
          where r::text ~ ${`${issue.readers[0]}|Tell-Tale|198\\.51\\.100\\.77`}`,
    );
    assert.equal(found, 0, name);
  }
  const report = await stand.report(issue.id);
  assert.deepEqual(report.opens, { raw: 2, human: 2, prefetch: 0, scanner: 0, unknown: 0, readers: null, humanReaders: null });
  assert.deepEqual([report.clicks.raw, report.clicks.readers, report.rates.open], [4, null, null]);
});

test('no address of a reader is kept, of any campaign', async () => {
  const issue = await stand.addIssue();
  await stand.open(stand.tokensOf(issue).open, { address: '198.51.100.78' });
  for (const table of ['email_events', 'email_engagements', 'issue_figure_changes', 'issue_figures'] as const) {
    const { found } = await t.database.one(
      'test.search',
      sql<{ found: number }>`select count(*) as found from ${sql.table(table)} as r where r::text like '%198.51.100.78%'`,
    );
    assert.equal(found, 0, table);
  }
});

test('with tracking off nothing is recorded; links lead where they lead', async () => {
  const issue = await stand.addIssue({ mode: 'off' });
  const tokens = stand.tokensOf(issue);
  assert.equal((await stand.open(tokens.open)).status, 200);
  assert.equal((await stand.click(tokens.click(1))).location, links[1]?.url);
  assert.deepEqual(await stand.labels(issue.id), []);
  const { opens, clicks, sent } = await stand.report(issue.id);
  assert.deepEqual([opens, clicks, sent], [null, null, 3]);
});

test('readers get their answer while the record must wait, and it is made afterwards', async () => {
  const hasty = await createTrackingStand(t, { open: 5, click: 5 });
  const issue = await hasty.addIssue();
  const held = Promise.withResolvers<void>();
  const isLocked = Promise.withResolvers<void>();
  const lock = t.database.transaction(async (tx) => {
    await tx.execute('test.lock', sql`lock table email_events in access exclusive mode`);
    isLocked.resolve();
    await held.promise;
  });
  await isLocked.promise;
  const tokens = hasty.tokensOf(issue);
  assert.equal((await hasty.open(tokens.open)).status, 200);
  assert.equal((await hasty.click(tokens.click(0))).status, 302);
  held.resolve();
  await lock;
  // The end of the server waits for it.
  await hasty.close();
  assert.deepEqual((await stand.labels(issue.id)).sort(), ['click 0 human', 'open human']);
});

test('who unsubscribes by a mail is counted for its issue, once', async () => {
  const issue = await stand.addIssue();
  const id = t.clock.newId();
  const payload = { subscriberId: issue.readers[0], issueId: issue.id };
  for (const given of [payload, payload, { ...payload, issueId: null }]) await stand.handle('subscriber.unsubscribed', given, id);
  assert.equal((await stand.report(issue.id)).unsubscribes, 1);
});

test('who is erased is taken out of the events; the figures stay, and what comes later names nobody', async () => {
  const issue = await stand.addIssue();
  const tokens = stand.tokensOf(issue);
  await stand.open(tokens.open);
  await stand.click(tokens.click(0));
  const before = await stand.report(issue.id);
  for (let run = 0; run < 2; run += 1) await stand.handle('subscriber.erased', { subscriberId: issue.readers[0] });
  assert.deepEqual({ ...(await stand.report(issue.id)), asOf: before.asOf }, before);
  await stand.click(tokens.click(1));
  const { found } = await t.database.one(
    'test.search',
    sql<{
      found: number;
    }>`select (select count(*) from email_events where issue_id = ${issue.id}::uuid and (subscriber_id is not null or user_agent is not null))
                                + (select count(*) from email_engagements where subscriber_id = ${issue.readers[0]}::uuid) as found`,
  );
  assert.equal(found, 0);
  assert.equal((await stand.report(issue.id)).clicks.raw, 2);
});
