import assert from 'node:assert/strict';
import { sql } from '#platform/database';
import { createSmtpTransport, type MailTransport } from '#platform/mail';
import { addArticles, addReaders, createMailbox, createNewsroom, type Mailbox, type Newsroom, type Setting } from './newsroom.ts';
import { type Script, type ScriptedServer, startScriptedServer } from './smtp-servers.ts';

/** What the tests of deliveries share: issues that are ready to go, servers to send them to, and a look at the ledger. */
export type Desk = {
  /** Empties the ledger and all around it. */
  clear(): Promise<void>;
  /** Closes what was opened since the last time. */
  closeServers(): Promise<void>;
  openMailbox(canLookUp?: boolean): Promise<Mailbox>;
  startServer(script: Script): Promise<ScriptedServer>;
  transportTo(port: number): MailTransport;
  /** Adds readers and an issue for them, which is about to be prepared. */
  startIssue(newsroom: Newsroom, readerCount: number): Promise<{ id: string; readers: string[] }>;
  /** The issue's status, and its deliveries by theirs; none is left out. */
  statusOf(newsroom: Newsroom, id: string): Promise<Record<string, string | number>>;
  rowOf(subscriberId: string | undefined): Promise<{ status: string; attempts: number; reason: string | null; due: Date | null }>;
  eventsOf(issueId: string): Promise<string[]>;
  /**
   * That so many messages arrived in the mailbox, each another, each to another reader. The mailbox keeps no second copy, so
   * that none was sent is told by the transports of this process.
   */
  assertEachOnce(count: number): Promise<void>;
};

export const addressOf = (readerNumber: number) => `reader${readerNumber}@example.org`;

export async function createDesk(setting: Setting & { readonly clock: { set(time: Date): void } }): Promise<Desk> {
  const { database, clock, logger, metrics, jobs } = setting;
  const closers: (() => Promise<void>)[] = [];

  function transportTo(port: number): MailTransport {
    const transport = createSmtpTransport({ url: `smtp://127.0.0.1:${port}`, logger, metrics });
    closers.push(() => transport.close());
    return transport;
  }

  async function countAccepted(): Promise<number> {
    return Number(/^aquascene_mail_sent_total\{outcome="accepted".*\} (\d+)$/m.exec(await metrics.text())?.[1] ?? 0);
  }
  let acceptedBefore = 0;

  const { distributor } = createNewsroom(setting, transportTo(1));
  await jobs.prepare(distributor.module.jobs.map(({ definition }) => definition));
  await addArticles(setting, 3);

  return {
    transportTo,
    async clear() {
      await database.execute(
        'test.clear',
        sql`truncate deliveries, newsletter_issues, delivery_chains, subscribers, suppressions, mailbox_messages, email_events, pgboss.job cascade`,
      );
      acceptedBefore = await countAccepted();
      // Ahead of the database's own clock, which stamps the jobs that may start at once.
      clock.set(new Date(Date.now() + 3600_000));
    },
    async closeServers() {
      for (const close of closers.splice(0)) await close();
    },
    async openMailbox(canLookUp = true) {
      const mailbox = await createMailbox(setting, canLookUp);
      closers.push(mailbox.close);
      return mailbox;
    },
    async startServer(script) {
      const server = await startScriptedServer(script);
      closers.push(server.close);
      return server;
    },
    async startIssue(newsroom, readerCount) {
      const readers = await addReaders(setting, readerCount);
      const digest = await newsroom.distributor.createDigest({ key: clock.newId(), since: new Date(0), actor: 'test' });
      assert.ok(digest.kind === 'created');
      await newsroom.distributor.sendIssue(digest.issue.id, 'test');
      return { id: digest.issue.id, readers };
    },
    async statusOf(newsroom, id) {
      const { status, statusReason: _, total: __, ...counts } = await newsroom.distributor.issueStatus(id);
      return { status, ...Object.fromEntries(Object.entries(counts).filter(([, count]) => count > 0)) };
    },
    rowOf: (subscriberId) =>
      database.one(
        'test.row',
        sql<{ status: string; attempts: number; reason: string | null; due: Date | null }>`
          select status, attempts, reason, next_attempt_at as due from deliveries where subscriber_id = ${subscriberId ?? null}::uuid`,
      ),
    async eventsOf(issueId) {
      const events = await database.query(
        'test.events',
        sql<{ type: string }>`select type from events where aggregate_id = ${issueId} order by position`,
      );
      return events.map(({ type }) => type);
    },
    async assertEachOnce(count) {
      const arrived = await database.one(
        'test.arrived',
        sql<object>`select count(*) as messages, count(distinct message_id) as ids, count(distinct envelope_to) as readers from mailbox_messages`,
      );
      assert.deepEqual(arrived, { messages: count, ids: count, readers: count });
      const accepted = (await countAccepted()) - acceptedBefore;
      assert.ok(accepted <= count, `${accepted} messages were sent to ${count} readers`);
    },
  };
}
