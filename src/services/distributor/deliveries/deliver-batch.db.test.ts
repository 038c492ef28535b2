import assert from 'node:assert/strict';
import { after, afterEach, before, beforeEach, describe, test } from 'node:test';
import { sql } from '#platform/database';
import type { MailTransport } from '#platform/mail';
import { createTestContext, type TestContext } from '../../../../tests/support/test-context.ts';
import { addressOf, createDesk, type Desk } from '../testing/desk.ts';
import { createNewsroom, type Newsroom } from '../testing/newsroom.ts';
import { batchSize } from './deliver-batch.ts';
import { messageIdOf } from './message-factory.ts';

const mailDomain = 'news.localhost';

let t: TestContext;
let desk: Desk;

before(async () => {
  t = await createTestContext();
  desk = await createDesk(t);
});
after(() => t.close());
beforeEach(() => desk.clear());
afterEach(() => desk.closeServers());

describe('a campaign', () => {
  test('reaches every reader once, and says once that it began and ended', async () => {
    const newsroom = createNewsroom(t, (await desk.openMailbox()).transport);
    const { id } = await desk.startIssue(newsroom, 250);
    await newsroom.runJobs();
    assert.deepEqual(await desk.statusOf(newsroom, id), { status: 'sent', sent: 250 });
    await desk.assertEachOnce(250);
    assert.deepEqual(await desk.eventsOf(id), ['issue.started', 'issue.finished']);
    await newsroom.distributor.sendIssue(id, 'test');
    t.clock.advance(3600_000);
    await newsroom.runJobs();
    await desk.assertEachOnce(250);
  });

  test('is a mail with the headers that big mailbox providers ask for', async () => {
    const newsroom = createNewsroom(t, (await desk.openMailbox()).transport);
    const { id, readers } = await desk.startIssue(newsroom, 1);
    await newsroom.runJobs();
    const { raw } = await t.database.one('test.raw', sql<{ raw: Buffer }>`select raw from mailbox_messages`);
    const head =
      raw
        .toString()
        .replace(/\r\n[ \t]+/g, ' ')
        .split('\r\n\r\n')[0] ?? '';
    const unsubscribe = `http://news.localhost:8000/unsubscribe/${readers[0]}.${id}`;
    for (const header of [
      `List-Unsubscribe: <${unsubscribe}>`,
      'List-Unsubscribe-Post: List-Unsubscribe=One-Click',
      'List-Id: <newsletter.news.localhost>',
      'Precedence: bulk',
      `Message-ID: ${messageIdOf(id, readers[0] ?? '', mailDomain)}`,
      'From: Newsroom <news@news.localhost>',
      'To: reader1@example.org',
    ])
      assert.ok(head.includes(header), `${header}\n\n${head}`);
    assert.match(head, /^Content-Type: multipart\/alternative/m);
    assert.match(head, /^Feedback-ID: /m);
    assert.match(head, /^Date: /m);
    assert.doesNotMatch(head, /^Auto-Submitted/m);
  });

  test('skips who unsubscribed, was suppressed or is gone since it began', async () => {
    const newsroom = createNewsroom(t, (await desk.openMailbox()).transport);
    const { id, readers } = await desk.startIssue(newsroom, 6);
    const [left, suppressed, gone] = readers;
    await restart(newsroom, id, async () => {
      await t.database.execute('test.leave', sql`update subscribers set status = 'unsubscribed' where id = ${left}::uuid`);
      await t.database.execute(
        'test.suppress',
        sql`insert into suppressions select lower(email), 'complaint', now() from subscribers where id = ${suppressed}::uuid`,
      );
      await t.database.execute('test.go', sql`delete from subscribers where id = ${gone}::uuid`);
    });
    assert.deepEqual(await desk.statusOf(newsroom, id), { status: 'sent', sent: 3, skipped: 3 });
    assert.equal((await desk.rowOf(left ?? '')).reason, 'unsubscribed');
    assert.equal((await desk.rowOf(suppressed ?? '')).reason, 'suppressed');
    assert.equal((await desk.rowOf(gone ?? '')).reason, 'gone');
    await desk.assertEachOnce(3);
  });

  test('on its way to a slow server asks again who may still be written to', async () => {
    let seen = 0;
    const left: string[] = [];
    const server = await desk.startServer({
      onMessage: async () => {
        t.clock.advance(1500);
        if ((seen += 1) !== 10) return undefined;
        const { id } = await t.database.one(
          'test.leave',
          sql<{ id: string }>`update subscribers set status = 'unsubscribed'
              where id = (select subscriber_id from deliveries where status = 'claimed' limit 1) returning id`,
        );
        left.push(id);
        return undefined;
      },
    });
    const newsroom = createNewsroom(t, desk.transportTo(server.port));
    const { id } = await desk.startIssue(newsroom, 60);
    await newsroom.runJobs();
    assert.deepEqual(await desk.statusOf(newsroom, id), { status: 'sent', sent: 59, skipped: 1 });
    assert.equal((await desk.rowOf(left[0])).reason, 'unsubscribed');
    assert.equal(server.accepted.length, 59);
    assert.equal(new Set(server.accepted).size, 59);
  });

  test('run by two processes at once, still reaches everybody once', async () => {
    const { transport } = await desk.openMailbox();
    const [one, two] = [createNewsroom(t, transport), createNewsroom(t, transport)];
    const { id } = await desk.startIssue(one, 700);
    await Promise.all([one.prepare(id), two.prepare(id)]);
    await Promise.all([one.runJobs({ width: 2 }), two.runJobs({ width: 2 })]);
    t.clock.advance(60_000);
    await one.runJobs();
    assert.deepEqual(await desk.statusOf(one, id), { status: 'sent', sent: 700 });
    await desk.assertEachOnce(700);
    assert.deepEqual(await desk.eventsOf(id), ['issue.started', 'issue.finished']);
  });

  test('whose readers have all left since it began ends at once', async () => {
    const newsroom = createNewsroom(t, desk.transportTo(1));
    const { id } = await desk.startIssue(newsroom, 2);
    await restart(newsroom, id, async () => {
      await t.database.execute('test.leave', sql`update subscribers set status = 'unsubscribed'`);
    });
    assert.deepEqual(await desk.statusOf(newsroom, id), { status: 'sent', skipped: 2 });
  });
});

/** Prepares the issue, lets `change` happen, and runs its chains. */
async function restart(newsroom: Newsroom, id: string, change: () => Promise<void>): Promise<void> {
  await newsroom.prepare(id);
  await change();
  await newsroom.runJobs();
}

describe('after kill -9 of a worker', () => {
  /** Leaves the deliveries to them as a worker that was killed leaves them. */
  async function interrupt(readers: readonly string[], leaseEndsInMs: number): Promise<string[]> {
    const rows = await t.database.query(
      'test.interrupt',
      sql<{ id: string }>`update deliveries set status = 'sending', claimed_by = ${t.clock.newId()}::uuid, changed_at = ${t.clock.now()},
              next_attempt_at = ${new Date(t.clock.now().getTime() + leaseEndsInMs)}
          where subscriber_id = any(${readers}::uuid[]) returning subscriber_id as id`,
    );
    return rows.map(({ id }) => id);
  }
  const arriveAt = (transport: MailTransport, id: string, subscriberId: string, readerNumber: number) =>
    transport.send({
      from: { address: 'news@news.localhost' },
      to: { address: addressOf(readerNumber) },
      subject: 'arrived',
      html: '',
      text: '',
      messageId: messageIdOf(id, subscriberId, mailDomain),
      date: t.clock.now(),
      headers: {},
    });

  test('what the mail server has is sent, what it has not goes out again, once the lease has ended', async () => {
    const { transport } = await desk.openMailbox();
    const newsroom = createNewsroom(t, transport);
    const { id, readers } = await desk.startIssue(newsroom, 20);
    await newsroom.prepare(id);
    const interrupted = await interrupt(readers.slice(0, 6), 20_000);
    for (const subscriberId of interrupted.slice(0, 3)) await arriveAt(transport, id, subscriberId, readers.indexOf(subscriberId) + 1);
    await t.database.execute(
      'test.claim',
      sql`update deliveries set status = 'claimed', claimed_by = ${t.clock.newId()}::uuid, next_attempt_at = ${new Date(t.clock.now().getTime() + 20_000)}
          where subscriber_id = ${readers[19]}::uuid`,
    );
    await newsroom.runJobs();
    assert.deepEqual(
      await desk.statusOf(newsroom, id),
      { status: 'sending', claimed: 1, sending: 6, sent: 13 },
      'nothing is touched while it may live',
    );
    t.clock.advance(21_000);
    await newsroom.runJobs();
    assert.deepEqual(await desk.statusOf(newsroom, id), { status: 'sent', sent: 20 });
    await desk.assertEachOnce(20);
  });

  test('where the mail server cannot be asked, nobody gets a second copy', async () => {
    const newsroom = createNewsroom(t, (await desk.openMailbox(false)).transport);
    const { id, readers } = await desk.startIssue(newsroom, 5);
    await newsroom.prepare(id);
    await interrupt(readers.slice(0, 2), -1);
    await newsroom.runJobs();
    assert.deepEqual(await desk.statusOf(newsroom, id), { status: 'sent', sent: 3, uncertain: 2 });
    await desk.assertEachOnce(3);
  });

  test('a chain that lost its job gets another, and its old job has no say any more', async () => {
    const newsroom = createNewsroom(t, (await desk.openMailbox()).transport);
    const { id } = await desk.startIssue(newsroom, 30);
    await newsroom.prepare(id);
    const [old] = await t.database.query(
      'test.old',
      sql<{ data: object }>`delete from pgboss.job where name = 'deliver-batch' returning data`,
    );
    assert.equal(await newsroom.runJobs(), 0);
    await newsroom.runNow('resume-issues');
    assert.equal(await newsroom.runJobs(), 0, 'not before it has been silent for long');
    t.clock.advance(121_000);
    await newsroom.runNow('resume-issues');
    await newsroom.runNow('resume-issues');
    await newsroom.runNow('deliver-batch', old?.data);
    assert.deepEqual(await desk.statusOf(newsroom, id), { status: 'sending', queued: 30 });
    await newsroom.runJobs();
    assert.deepEqual(await desk.statusOf(newsroom, id), { status: 'sent', sent: 30 });
  });

  test('a job that runs twice leaves one successor', async () => {
    const newsroom = createNewsroom(t, (await desk.openMailbox()).transport);
    const { id } = await desk.startIssue(newsroom, batchSize + 50);
    await newsroom.prepare(id);
    const jobs = await t.database.query(
      'test.jobs',
      sql<{ data: object }>`delete from pgboss.job where name = 'deliver-batch' returning data`,
    );
    assert.equal(jobs.length, 2);
    await Promise.all([jobs[0], jobs[0], jobs[0]].map((job) => newsroom.runNow('deliver-batch', job?.data)));
    const { count } = await t.database.one(
      'test.count',
      sql<{ count: number }>`select count(*) as count from pgboss.job where name = 'deliver-batch'`,
    );
    assert.ok(count <= 1, String(count));
  });

  test('an issue that waits to be prepared is prepared', async () => {
    const newsroom = createNewsroom(t, (await desk.openMailbox()).transport);
    const { id } = await desk.startIssue(newsroom, 3);
    await t.database.execute('test.lose', sql`delete from pgboss.job`);
    await newsroom.runNow('resume-issues');
    await newsroom.runJobs();
    assert.deepEqual(await desk.statusOf(newsroom, id), { status: 'sent', sent: 3 });
  });
});
