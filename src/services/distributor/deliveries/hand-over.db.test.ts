import assert from 'node:assert/strict';
import { after, afterEach, before, beforeEach, describe, test } from 'node:test';
import { sql } from '#platform/database';
import { createTestContext, type TestContext } from '../../../../tests/support/test-context.ts';
import { addressOf, createDesk, type Desk } from '../testing/desk.ts';
import { createNewsroom, type Newsroom } from '../testing/newsroom.ts';
import { startScriptedServer } from '../testing/smtp-servers.ts';
import { maxRetryMs } from './retry-policy.ts';

let t: TestContext;
let desk: Desk;

before(async () => {
  t = await createTestContext();
  desk = await createDesk(t);
});
after(() => t.close());
beforeEach(() => desk.clear());
afterEach(() => desk.closeServers());

describe('a mail server that refuses', () => {
  test('for now: the mail waits, longer each time, and goes out in the end', async () => {
    let isGrey = true;
    const server = await desk.startServer({ onRecipient: (to) => (isGrey && to === addressOf(1) ? '451 4.7.1 try later' : undefined) });
    const newsroom = createNewsroom(t, desk.transportTo(server.port));
    const { id, readers } = await desk.startIssue(newsroom, 4);
    await newsroom.runJobs();
    assert.deepEqual(await desk.statusOf(newsroom, id), { status: 'sending', queued: 1, sent: 3 });
    const first = await desk.rowOf(readers[0] ?? '');
    assert.equal(first.attempts, 1);
    assert.match(first.reason ?? '', /451 4\.7\.1 try later/);
    t.clock.advance(40_000);
    await newsroom.runJobs();
    const second = await desk.rowOf(readers[0] ?? '');
    assert.equal(second.attempts, 2);
    assert.ok((second.due?.getTime() ?? 0) - t.clock.now().getTime() >= 120_000);
    isGrey = false;
    t.clock.advance(150_000);
    await newsroom.runJobs();
    assert.deepEqual(await desk.statusOf(newsroom, id), { status: 'sent', sent: 4 });
    assert.equal(new Set(server.accepted).size, 4);
  });

  test('for now, again and again: it is given up at last', async () => {
    const server = await desk.startServer({ onRecipient: () => '450 4.2.0 busy' });
    const newsroom = createNewsroom(t, desk.transportTo(server.port));
    const { id, readers } = await desk.startIssue(newsroom, 1);
    for (let restMs = 0; restMs < maxRetryMs - 8 * 3600_000; restMs += 5 * 3600_000) {
      await newsroom.runJobs();
      assert.equal((await desk.rowOf(readers[0])).status, 'queued', `after ${restMs / 3600_000} h`);
      t.clock.advance(5 * 3600_000);
    }
    t.clock.advance(3 * 3600_000);
    await newsroom.runJobs();
    assert.deepEqual(await desk.statusOf(newsroom, id), { status: 'sent', failed: 1 });
    assert.match((await desk.rowOf(readers[0] ?? '')).reason ?? '', /^given up after \d+ tries: .*450 4\.2\.0 busy/);
  });

  test('for good: an unknown address is a bounce and is suppressed, a refusal of policy is not', async () => {
    const answers: Record<string, string> = { [addressOf(1)]: '550 5.1.1 no such user', [addressOf(2)]: '554 5.7.1 not from you' };
    const server = await desk.startServer({ onRecipient: (to) => answers[to] });
    const newsroom = createNewsroom(t, desk.transportTo(server.port));
    const { id, readers } = await desk.startIssue(newsroom, 4);
    await newsroom.runJobs();
    assert.deepEqual(await desk.statusOf(newsroom, id), { status: 'sent', sent: 2, failed: 2 });
    const bounced = await t.database.query('test.bounced', sql<{ id: string }>`select id from subscribers where status = 'bounced'`);
    assert.deepEqual(bounced, [{ id: readers[0] }]);
    const bounces = await t.database.query(
      'test.bounces',
      sql<object>`select type, bounce_class as class, subscriber_id as id, issue_id as issue from email_events order by type`,
    );
    assert.deepEqual(bounces, [
      { type: 'hard_bounce', class: 'hard', id: readers[0], issue: id },
      { type: 'soft_bounce', class: 'policy', id: readers[1], issue: id },
    ]);
    assert.match((await desk.rowOf(readers[1] ?? '')).reason ?? '', /554 5\.7\.1 not from you/);
  });

  test('to say whether it took the message: nobody knows, and it is not sent again', async () => {
    const server = await desk.startServer({ onMessage: (_, to) => (to === addressOf(2) ? 'cut' : undefined) });
    const newsroom = createNewsroom(t, desk.transportTo(server.port));
    const { id, readers } = await desk.startIssue(newsroom, 4);
    await newsroom.runJobs();
    t.clock.advance(3600_000);
    await newsroom.runJobs();
    assert.deepEqual(await desk.statusOf(newsroom, id), { status: 'sent', sent: 3, uncertain: 1 });
    assert.equal((await desk.rowOf(readers[1] ?? '')).status, 'uncertain');
  });

  test('one message by hanging up: the others go out, and that one is tried a few times only', async () => {
    const server = await desk.startServer({ onRecipient: (to) => (to === addressOf(3) ? 'cut' : undefined) });
    const newsroom = createNewsroom(t, desk.transportTo(server.port));
    const { id, readers } = await desk.startIssue(newsroom, 8);
    await newsroom.runJobs();
    assert.deepEqual(await desk.statusOf(newsroom, id), { status: 'sending', queued: 1, sent: 7 });
    assert.equal((await desk.rowOf(readers[2] ?? '')).attempts, 1);
    assert.equal(new Set(server.accepted).size, 7);
  });
});

test('a mail server that is down costs nobody a try; when it is back, everything goes out', async () => {
  const first = await startScriptedServer({});
  const { port } = first;
  await first.close();
  const newsroom = createNewsroom(t, desk.transportTo(port));
  const { id } = await desk.startIssue(newsroom, 120);
  await newsroom.runJobs();
  t.clock.advance(10_000);
  await newsroom.runJobs();
  assert.deepEqual(await desk.statusOf(newsroom, id), { status: 'sending', queued: 120 });
  const tried = await t.database.one('test.tried', sql<{ attempts: number }>`select sum(attempts)::int as attempts from deliveries`);
  assert.equal(tried.attempts, 0);
  const server = await desk.startServer({ port });
  t.clock.advance(60_000);
  await newsroom.runJobs();
  assert.deepEqual(await desk.statusOf(newsroom, id), { status: 'sent', sent: 120 });
  assert.equal(new Set(server.accepted).size, 120);
});

test('a database that drops every connection on the way loses no answer of the mail server', async () => {
  let seen = 0;
  const server = await desk.startServer({
    onMessage: async () => {
      if ((seen += 1) !== 12) return undefined;
      await t.database.execute(
        'test.drop-connections',
        sql`select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()`,
      );
      return undefined;
    },
  });
  const newsroom = createNewsroom(t, desk.transportTo(server.port));
  const { id } = await desk.startIssue(newsroom, 60);
  await newsroom.runJobs();
  assert.deepEqual(await desk.statusOf(newsroom, id), { status: 'sent', sent: 60 });
  assert.equal(server.accepted.length, 60);
});

describe('a campaign that is stopped on its way', () => {
  /**
   * Does something when so many messages have arrived, before that one is answered. `mostSent` is what may be sent at most:
   * what had arrived when the stop had committed, and as many as there are connections.
   */
  async function stopAfter(count: number, stop: (newsroom: Newsroom, id: string) => Promise<unknown>) {
    let id = '';
    let seen = 0;
    let mostSent = 0;
    const server = await desk.startServer({
      onMessage: async () => {
        if ((seen += 1) !== count) return undefined;
        await stop(newsroom, id);
        mostSent = seen + transport.maxConnections;
        return undefined;
      },
    });
    const transport = desk.transportTo(server.port);
    const newsroom: Newsroom = createNewsroom(t, transport);
    ({ id } = await desk.startIssue(newsroom, 200));
    await newsroom.runJobs();
    assert.ok(mostSent < 200, 'the stop committed while messages were left');
    return { server, newsroom, id, mostSent };
  }

  test('pauses between messages, and goes on where it stopped', async () => {
    const { server, newsroom, id, mostSent } = await stopAfter(20, ({ distributor }, issue) => distributor.pauseIssue(issue, 'test'));
    const paused = await newsroom.distributor.issueStatus(id);
    assert.equal(paused.status, 'paused');
    assert.ok(paused.sent >= 20 && paused.sent <= mostSent, String(paused.sent));
    assert.equal(paused.queued, 200 - paused.sent);
    t.clock.advance(600_000);
    await newsroom.runNow('resume-issues');
    await newsroom.runJobs();
    assert.equal((await newsroom.distributor.issueStatus(id)).sent, paused.sent, 'nothing leaves while it is paused');
    await Promise.all([1, 2].map(() => newsroom.distributor.resumeIssue(id, 'test')));
    await newsroom.runJobs({ width: 8 });
    assert.deepEqual(await desk.statusOf(newsroom, id), { status: 'sent', sent: 200 });
    assert.equal(server.accepted.length, 200);
    assert.equal(new Set(server.accepted).size, 200);
  });

  test('cancelled, it skips the rest for good', async () => {
    const { server, newsroom, id, mostSent } = await stopAfter(20, ({ distributor }, issue) => distributor.cancelIssue(issue, 'test'));
    t.clock.advance(60_000);
    await newsroom.runJobs();
    const { status, sent, skipped, total } = await newsroom.distributor.issueStatus(id);
    assert.equal(status, 'cancelled');
    assert.ok(sent >= 20 && sent <= mostSent, String(sent));
    assert.equal(sent + skipped, total);
    assert.equal(server.accepted.length, sent);
    await assert.rejects(newsroom.distributor.resumeIssue(id, 'test'), { code: 'campaign_cancelled' });
    assert.deepEqual(await desk.eventsOf(id), ['issue.started']);
  });
});
