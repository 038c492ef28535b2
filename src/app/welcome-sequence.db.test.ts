import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { sql } from '#platform/database';
import { createApiKey } from '#platform/http-server';
import { createMailboxServer, type MailboxServer } from '#platform/mail';
import { createTestContext, type TestContext } from '../../tests/support/test-context.ts';
import { waitFor } from '../../tests/support/wait-for.ts';
import { loadConfig } from './config.ts';
import { type Context, createContext } from './context.ts';
import { createEngineServer } from './engine-server.ts';
import { send } from './testing/test-engine.ts';

/** All services together, with their events and jobs running by themselves. */
let t: TestContext;
let mailbox: MailboxServer;
let context: Context;
let server: Awaited<ReturnType<typeof createEngineServer>>;
const dataDir = mkdtempSync(path.join(os.tmpdir(), 'aquascene-welcome-'));

before(async () => {
  t = await createTestContext();
  mailbox = await createMailboxServer({ database: t.database, clock: t.clock, port: 0, logger: t.logger });
  const config = loadConfig({
    DATABASE_URL: t.databaseUrl,
    DATA_DIR: dataDir,
    SMTP_URL: `smtp://127.0.0.1:${mailbox.port}`,
    MAIL_FROM: 'Newsroom <news@news.localhost>',
    RATE_LIMITS: 'off',
    LOAD_SHEDDING_LAG_MS: '60000',
    LOG_LEVEL: t.logger.level,
    LOG_FORMAT: 'json',
  });
  context = await createContext({ config, databaseUrl: t.databaseUrl, name: 'test', isScheduler: false });
  server = await createEngineServer(context, { isApi: true, metricsText: () => context.metrics.text() });
  await context.jobs.work(context.modules.flatMap(({ jobs }) => jobs));
  await context.events.subscribe(context.modules.flatMap(({ subscriptions }) => subscriptions));
});
after(async () => {
  await server.close();
  await context.close();
  await mailbox.close();
  await t.close();
  rmSync(dataDir, { recursive: true, force: true });
});

test('who confirms a subscription gets the mails of the welcome sequence, each once', async () => {
  const { key } = await createApiKey(t.database, t.clock, {
    name: 'editor',
    scopes: ['campaigns:read', 'campaigns:write', 'subscribers:read', 'subscribers:write'],
  });
  const post = async (url: string, payload: object) => {
    const answer = await send(server, { method: 'POST', url, payload, headers: { authorization: `Bearer ${key}` } });
    assert.ok(answer.status < 300, `${url}: ${answer.status} ${answer.body}`);
    return JSON.parse(answer.body);
  };
  const definition = {
    trigger: { type: 'confirmed' },
    steps: [
      { id: 'hello', type: 'send', subject: 'Welcome aboard', body: 'Hello there.' },
      { id: 'mark', type: 'tag', add: ['welcomed'] },
      { id: 'known', type: 'branch', if: { type: 'tag', tag: 'welcomed' }, yes: 'more', no: null },
      { id: 'more', type: 'send', subject: 'One more thing', body: 'As promised.' },
    ],
  };
  const { id } = await post('/api/v1/sequences', { name: 'Welcome', definition });
  await post(`/api/v1/sequences/${id}/activate`, {});
  await context.subscriberManager.subscribe(
    { email: 'ann@example.org', profile: {}, source: 'test', statement: { text: 'I want the newsletter.' } },
    { origin: 'test' },
  );
  const { raw } = await waitFor('the mail that asks for a confirmation', () =>
    t.database.maybeOne('test.confirmation', sql<{ raw: Buffer }>`select raw from mailbox_messages where envelope_to = 'ann@example.org'`),
  );
  const link = /https?:\/\/[^/\s"]+(\/subscriptions?\/confirm[^\s"<]*|\/confirm[^\s"<]*)/.exec(
    raw.toString().replace(/=\r\n/g, '').replace(/=3D/g, '='),
  );
  assert.ok(link?.[1] !== undefined, raw.toString());
  const confirmed = await send(server, {
    method: 'POST',
    url: link[1],
    payload: '',
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
  });
  assert.ok(confirmed.status < 400, `${link[1]}: ${confirmed.status} ${confirmed.body}`);
  const subjects = () =>
    t.database.query(
      'test.subjects',
      sql<{
        subject: string;
      }>`select subject from mailbox_messages where envelope_to = 'ann@example.org' and subject in ('Welcome aboard', 'One more thing')`,
    );
  await waitFor('both mails', async () => (await subjects()).length >= 2);
  await waitFor('the end of the sequence', async () => {
    const row = await t.database.maybeOne('test.ended', sql<object>`select 1 from sequence_enrolments where status = 'completed'`);
    return row !== undefined;
  });
  assert.deepEqual((await subjects()).map(({ subject }) => subject).sort(), ['One more thing', 'Welcome aboard']);
});
