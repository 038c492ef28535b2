import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { loadConfig } from '#app/config';
import { type Context, createContext } from '#app/context';
import { migrateAll } from '#app/database-server';
import { type EmbeddedPostgres, sql, startEmbeddedPostgres } from '#platform/database';
import { postmarkDeliveryField } from '#platform/mail';
import { createLogger } from '#platform/telemetry';
import { addNumberedReaders, addPausedCampaign } from '../support/campaign.ts';
import { findFreePort } from '../support/free-port.ts';
import { createRoleStand, type RoleProcess, type RoleStand } from '../support/role-stand.ts';
import { waitFor } from '../support/wait-for.ts';

const logger = createLogger({ level: 'silent', format: 'json', role: 'test' });
const readers = 600;
const each = readers / 3;
/** Posts under way at once. */
const postsAtOnce = 8;
const mailgunKey = 'mailgun-signing-key';
const postmarkCredentials = 'hook:secret';
const content = { subject: 'What a tank needs', html: '<p>Read on.</p>', text: 'Read on.\n' };
const packed = (uuid: string) => Buffer.from(uuid.replaceAll('-', ''), 'hex').toString('base64url');

describe('what mail providers tell while PostgreSQL is killed', () => {
  const dataDir = mkdtempSync(path.join(os.tmpdir(), 'aquascene-mail-events-'));
  let server: EmbeddedPostgres;
  let startServer: () => Promise<EmbeddedPostgres>;
  let context: Context;
  let stand: RoleStand;
  let api: RoleProcess;

  before(async () => {
    chmodSync(dataDir, 0o755);
    const port = await findFreePort();
    startServer = () => startEmbeddedPostgres({ dataDir, logger, port, settings: { fsync: 'off', full_page_writes: 'off' } });
    server = await startServer();
    const config = loadConfig({ DATABASE_URL: server.url, SAMPLE: 'off', LOG_LEVEL: 'fatal', LOG_FORMAT: 'json' });
    await migrateAll(config, server.url);
    context = await createContext({ config, databaseUrl: server.url, name: 'test', isScheduler: false, logger });
    stand = await createRoleStand({
      database: context.database,
      environment: { DATABASE_URL: server.url, MAIL_WEBHOOK_SECRETS: `mailgun=${mailgunKey},postmark=${postmarkCredentials}` },
    });
    api = await stand.start('api');
  });
  after(async () => {
    await stand?.close();
    await context?.close();
    await server?.stop();
    rmSync(dataDir, { recursive: true, force: true });
    if (server !== undefined && !server.folder.startsWith(dataDir)) rmSync(path.dirname(server.folder), { recursive: true, force: true });
  });

  /** By its number, a reader's mail arrived, came back for good, or was complained about. */
  function postOf(
    number: number,
    key: string,
  ): { readonly target: string; readonly body: object; readonly headers: Record<string, string> } {
    if (number % 3 === 1) {
      const body = {
        RecordType: 'Bounce',
        Type: 'HardBounce',
        ID: number,
        Details: 'no such user',
        Metadata: { [postmarkDeliveryField]: key },
      };
      const authorization = `Basic ${Buffer.from(postmarkCredentials).toString('base64')}`;
      return { target: '/hooks/mail/postmark', body, headers: { authorization } };
    }
    const [timestamp, token] = [String(Math.floor(Date.now() / 1000)), `token-${number}`];
    const signature = createHmac('sha256', mailgunKey).update(`${timestamp}${token}`).digest('hex');
    const message = { headers: { 'message-id': `${key}@news.example` } };
    const data = { id: `event-${number}`, event: number % 3 === 0 ? 'delivered' : 'complained', timestamp: Number(timestamp), message };
    return { target: '/hooks/mail/mailgun', body: { signature: { timestamp, token, signature }, 'event-data': data }, headers: {} };
  }
  const eventIdOf = (number: number) => (number % 3 === 1 ? `postmark:Bounce:${number}` : `mailgun:event-${number}`);

  test('what was answered with 2xx is kept, and the rest can be told again without counting twice', async () => {
    await addNumberedReaders(context, 1, readers, 10);
    const issueId = await addPausedCampaign(context, { key: 'told', recipients: readers, content, links: [] });
    // Handed over, and nobody heard the answer.
    await context.database.execute('test.hand-over', sql`update deliveries set status = 'uncertain', next_attempt_at = null`);
    const subscribers = await context.database.query(
      'test.readers',
      sql<{ id: string; number: number }>`select id, substring(email from 'reader(\\d+)')::int as number from subscribers order by 2`,
    );
    const statuses = new Map<number, number>();
    const isTaken = (number: number) => statuses.get(number) === 204;
    const post = async ({ id, number }: { readonly id: string; readonly number: number }): Promise<number> => {
      const { target, body, headers } = postOf(number, `${packed(issueId)}.${packed(id)}`);
      const { status } = await stand.call(api, 'POST', target, body, headers);
      statuses.set(number, status);
      return status;
    };

    const waiting = [...subscribers];
    const kills = [readers * 0.2, readers * 0.5];
    let isUp: Promise<unknown> = Promise.resolve();
    async function killServer(): Promise<void> {
      server.kill();
      await server.exited;
      const lost = waiting.pop();
      assert.ok(lost !== undefined);
      assert.equal(await post(lost), 503);
      server = await startServer();
      await waitFor('the recovery', async () => (await fetch(`${api.origin}/health/ready`)).status === 200);
    }
    const tell = async () => {
      for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
        await post(next);
        const [at] = kills;
        if (at !== undefined && statuses.size >= at) {
          kills.shift();
          isUp = killServer();
        }
        await isUp;
      }
    };
    await Promise.all(Array.from({ length: postsAtOnce }, tell));
    assert.equal(kills.length, 0);

    const kept = async () => {
      const rows = await context.database.query('test.kept', sql<{ id: string }>`select provider_event_id as id from email_events`);
      return rows.map(({ id }) => id);
    };
    const first = new Set(await waitFor('the database', () => kept().catch(() => undefined)));
    const taken = subscribers.filter(({ number }) => isTaken(number));
    const refused = subscribers.filter(({ number }) => !isTaken(number));
    for (const { number } of taken) assert.ok(first.has(eventIdOf(number)), `${number} was answered with 204 and is lost`);
    for (const { number } of refused) assert.equal(statuses.get(number), 503);

    // As providers do: what was refused until it is taken, and now and then what was taken as well.
    for (const reader of [...refused, ...taken.slice(0, each)]) {
      await waitFor(`the post of ${reader.number}`, async () => (await post(reader)) === 204);
    }
    assert.deepEqual((await kept()).sort(), subscribers.map(({ number }) => eventIdOf(number)).sort());
    const people = await context.database.one(
      'test.people',
      sql<object>`select count(*) filter (where status = 'active') as active, count(*) filter (where status = 'bounced') as bounced,
            count(*) filter (where status = 'complained') as complained, (select count(*) from suppressions) as suppressed,
            (select count(*) from deliveries where status = 'sent') as sent
          from subscribers`,
    );
    assert.deepEqual(people, { active: each, bounced: each, complained: each, suppressed: 2 * each, sent: readers });
    const report = (await stand.call(api, 'GET', `/api/v1/campaigns/${issueId}/report`)).json;
    assert.deepEqual(
      [report.confirmed, report.hardBounces, report.complaints, report.deliveries.sent],
      [each, each, each, readers],
      JSON.stringify(report),
    );
  });
});
