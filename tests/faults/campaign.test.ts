import assert from 'node:assert/strict';
import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { after, afterEach, before, beforeEach, describe, test } from 'node:test';
import { loadConfig } from '#app/config';
import { type Context, createContext } from '#app/context';
import { migrateAll } from '#app/database-server';
import { type EmbeddedPostgres, sql, startEmbeddedPostgres } from '#platform/database';
import { createLogger } from '#platform/telemetry';
import { addNumberedReaders, addPausedCampaign } from '../support/campaign.ts';
import { findFreePort } from '../support/free-port.ts';
import { type Sender, startSender } from '../support/sender.ts';
import { type SmtpSink, type SmtpSinkOptions, startSmtpSink, type Verdict } from '../support/smtp-sink.ts';
import { waitFor } from '../support/wait-for.ts';

const logger = createLogger({ level: 'silent', format: 'json', role: 'test' });
const connections = 10;
/** Only ends a test that hangs. */
const giveUpAfterMs = 300_000;
const content = {
  subject: 'What a tank needs',
  html: '<p>Dear {{ name }}, <a href="{{ links[0] }}">read on</a> or <a href="{{ unsubscribe_url }}">leave</a>.</p><img src="{{ open_url }}">',
  text: 'Dear {{ name }}, read on: {{ links[0] }}, or leave: {{ unsubscribe_url }}\n',
};

type Row = { readonly id: string; readonly number: number; readonly status: string; readonly claimedBy: string | null };

/** A database of its own, on a port that it keeps, and what a test needs to look at it. */
async function openWorkshop() {
  const dataDir = mkdtempSync(path.join(os.tmpdir(), 'aquascene-campaign-'));
  chmodSync(dataDir, 0o755);
  const port = await findFreePort();
  const startServer = () =>
    startEmbeddedPostgres({ dataDir, logger, port, settings: { fsync: 'off', full_page_writes: 'off', max_connections: '200' } });
  let server: EmbeddedPostgres = await startServer();
  const { url, folder } = server;
  const environment = (smtpPort: number) => ({
    DATABASE_URL: url,
    SMTP_URL: `smtp://127.0.0.1:${smtpPort}?connections=${connections}`,
    MAIL_FROM: 'Newsroom <news@news.localhost>',
    SAMPLE: 'off',
    LOG_LEVEL: 'fatal',
    LOG_FORMAT: 'json',
  });
  const config = loadConfig(environment(1));
  await migrateAll(config, url);
  const context: Context = await createContext({ config, databaseUrl: url, name: 'test', isScheduler: true, logger });
  return {
    context,
    environment,
    /** Ends the server at once and starts it again. */
    async restartDatabase() {
      server.kill();
      await server.exited;
      server = await startServer();
    },
    rowsOf: (issueId: string) =>
      context.database.query<Row>(
        'test.rows',
        sql`select s.id, substring(s.email from 'reader(\\d+)')::int as number, d.status, d.claimed_by::text as "claimedBy"
            from deliveries d join subscribers s on s.id = d.subscriber_id where d.issue_id = ${issueId}::uuid`,
      ),
    async close() {
      await context.close();
      await server.stop();
      rmSync(dataDir, { recursive: true, force: true });
      if (!folder.startsWith(dataDir)) rmSync(path.dirname(folder), { recursive: true, force: true });
    },
  };
}

const numberOf = (address: string) => Number(/^reader(\d+)@/.exec(address)?.[1]);

describe('a campaign to 20,000 readers', () => {
  const readers = 20_000;
  const kills = 20;
  const unsubscribers = 200;
  /** Of every hundred readers one each has a server with this fault; the first time only, unless it is for good. */
  const faults = { goesAway: 1, throttles: 2, isBusy: 3, knowsNobody: 4, isSlow: 5, cutsInside: 6, forgetsToAnswer: 7 } as const;
  const faultOf = (number: number) => number % 100;

  let workshop: Awaited<ReturnType<typeof openWorkshop>>;
  let sink: SmtpSink;
  let senders: Sender[] = [];
  /** By the number of the reader: mails that the sink has said yes to, or would have. */
  const accepted = new Map<number, number>();
  const met = new Set<number>();
  let cuts = 0;

  const isFirst = (number: number) => {
    if (met.has(number)) return false;
    met.add(number);
    return true;
  };
  /** The sink answers no more than these until they are raised, so that every fault meets a campaign that is under way. */
  let allowed = 0;
  const waiting: (() => void)[] = [];
  const allow = (mails: number): void => {
    allowed = mails;
    for (const goOn of waiting.splice(0)) goOn();
  };
  const take = (number: number): Verdict => {
    accepted.set(number, (accepted.get(number) ?? 0) + 1);
    return 'take';
  };
  const script: SmtpSinkOptions = {
    onRecipient(address) {
      const number = numberOf(address);
      if (faultOf(number) === faults.knowsNobody) return '550 5.1.1 no such user';
      if (faultOf(number) === faults.isBusy && isFirst(number)) return '451 4.3.0 try again';
      return undefined;
    },
    isCutInside(address) {
      const isCut = faultOf(numberOf(address)) === faults.cutsInside && isFirst(numberOf(address));
      if (isCut) cuts += 1;
      return isCut;
    },
    onMessage(address) {
      const number = numberOf(address);
      const fault = faultOf(number);
      if (fault === faults.isSlow) return new Promise((resolve) => setTimeout(() => resolve(take(number)), 200));
      if (fault === faults.goesAway && isFirst(number)) return '421 4.3.2 going away';
      if (fault === faults.throttles && isFirst(number)) return '454 4.7.0 too many';
      if (fault === faults.forgetsToAnswer && isFirst(number)) {
        cuts += 1;
        take(number);
        return 'take-and-cut';
      }
      if (accepted.size < allowed) return take(number);
      return new Promise((resolve) => {
        const goOn = () => (accepted.size < allowed ? resolve(take(number)) : waiting.push(goOn));
        waiting.push(goOn);
      });
    },
  };

  before(async () => {
    workshop = await openWorkshop();
    sink = await startSmtpSink(script);
  });
  after(async () => {
    for (const sender of senders) await sender.kill();
    await sink.close();
    await workshop.close();
  });

  const startOne = () => startSender(workshop.environment(sink.port));

  /** What a person would do after a crash rather than wait for the leases and heartbeats of what has died. */
  async function nudge(issueId: string): Promise<void> {
    const { distributor } = workshop.context;
    await distributor.pauseIssue(issueId, 'test');
    await distributor.resumeIssue(issueId, 'test');
  }

  /** In one transaction: who leaves here was not claimed yet. */
  async function unsubscribeSome(issueId: string, limit: number): Promise<string[]> {
    const rows = await workshop.context.database.query<{ id: string }>(
      'test.leave',
      sql`update subscribers set status = 'unsubscribed' where id in (
            select subscriber_id from deliveries where issue_id = ${issueId}::uuid and status = 'queued' and attempts = 0
            order by subscriber_id desc limit ${limit} for update skip locked)
          returning id`,
    );
    return rows.map(({ id }) => id);
  }

  test('loses nobody and writes to nobody twice, while senders and the database are killed', { timeout: 580_000 }, async () => {
    const { context } = workshop;
    await addNumberedReaders(context, 1, readers, readers);
    const id = await addPausedCampaign(context, { key: 'faults', recipients: readers, content, links: ['http://localhost/articles/1'] });
    senders = [await startOne(), await startOne()];
    await context.distributor.resumeIssue(id, 'test');
    const left = new Set<string>();
    // What a sender that was killed had claimed is queued again only when its lease has ended.
    const leave = async () => {
      for (const reader of await unsubscribeSome(id, unsubscribers - left.size)) left.add(reader);
      return left.size === unsubscribers;
    };
    for (let kill = 1; kill <= kills; kill += 1) {
      const wanted = Math.floor((kill * readers) / (kills + 3));
      allow(wanted + 2 * connections);
      await waitFor(`progress ${kill}`, () => accepted.size >= wanted, giveUpAfterMs);
      await senders.shift()?.kill();
      if (kill === 6 || kill === 13) await workshop.restartDatabase();
      senders.push(await startOne());
      await waitFor('the database', () =>
        nudge(id).then(
          () => true,
          () => false,
        ),
      );
    }
    await waitFor('readers to leave', leave, giveUpAfterMs);
    allow(Number.POSITIVE_INFINITY);

    await waitFor(
      'the end',
      async () => {
        // Time passes: what was refused need not wait for its turn here.
        await context.database.execute(
          'test.hurry',
          sql`update deliveries set next_attempt_at = now() where issue_id = ${id}::uuid and status = 'queued' and next_attempt_at > now()`,
        );
        return (await context.distributor.issueStatus(id)).status === 'sent';
      },
      giveUpAfterMs,
    );

    const rows = await workshop.rowsOf(id);
    const status = await context.distributor.issueStatus(id);
    assert.equal(rows.length, readers);
    for (const { id: subscriber, number, status: state } of rows) {
      const got = accepted.get(number) ?? 0;
      const told = `reader ${number}: ${state}, ${got} mails`;
      assert.ok(got <= 1, told);
      if (left.has(subscriber)) assert.ok(state === 'skipped' && got === 0, told);
      else if (faultOf(number) === faults.knowsNobody) assert.ok(state === 'failed' || state === 'uncertain', told);
      else assert.ok((state === 'sent' && got === 1) || state === 'uncertain', told);
    }
    assert.ok(status.uncertain <= connections * kills + cuts, `${status.uncertain} uncertain, ${cuts} connections were cut`);
    const counted = { sent: status.sent, failed: status.failed, skipped: status.skipped, uncertain: status.uncertain };
    const found = Object.groupBy(rows, (row) => row.status);
    for (const [state, count] of Object.entries(counted)) assert.equal(found[state]?.length ?? 0, count, state);
  });
});

describe('SIGTERM of a sender', () => {
  let workshop: Awaited<ReturnType<typeof openWorkshop>>;
  let sink: SmtpSink;
  let held: (() => void)[] = [];
  let isHolding = true;
  const accepted: number[] = [];

  beforeEach(async () => {
    workshop = await openWorkshop();
    sink = await startSmtpSink({
      onMessage(address) {
        const { promise, resolve } = Promise.withResolvers<Verdict>();
        const answer = () => {
          accepted.push(numberOf(address));
          resolve('take');
        };
        if (isHolding) held.push(answer);
        else answer();
        return promise;
      },
    });
  });
  afterEach(async () => {
    await sink.close();
    await workshop.close();
  });

  test('lets the messages that are under way finish, and leaves the rest claimed by nobody', { timeout: 300_000 }, async () => {
    const { context, environment, rowsOf } = workshop;
    await addNumberedReaders(context, 1, 2000, 2000);
    const id = await addPausedCampaign(context, { key: 'stop', recipients: 2000, content, links: ['http://localhost/articles/1'] });
    await context.distributor.resumeIssue(id, 'test');
    const sender = await startSender(environment(sink.port));
    await waitFor('messages under way', () => held.length >= connections, giveUpAfterMs);
    sender.child.kill('SIGTERM');
    isHolding = false;
    for (const answer of held) answer();
    held = [];
    assert.equal(await sender.exited, 0);
    const rows = await rowsOf(id);
    const sent = rows.filter(({ status }) => status === 'sent').map(({ number }) => number);
    assert.deepEqual(
      sent.sort((a, b) => a - b),
      accepted.sort((a, b) => a - b),
    );
    assert.ok(sent.length < rows.length, 'it stopped before the end');
    for (const { status, claimedBy } of rows) assert.ok(status === 'sent' || (status === 'queued' && claimedBy === null), status);
  });
});
