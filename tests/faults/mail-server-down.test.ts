import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { createWorkplace, type Engine, runCommand, startEngine, type Workplace } from '../support/engine.ts';
import { countInEngine, queryEngine } from '../support/engine-database.ts';
import { assertPipelineDone } from '../support/pipeline.ts';
import { startTestSmtpServer, type TestSmtpServer } from '../support/smtp-server.ts';
import { startTcpProxy, type TcpProxy } from '../support/tcp-proxy.ts';
import { waitFor } from '../support/wait-for.ts';

type Ledger = { readonly email: string; readonly status: string };

describe('a mail server that hangs and dies while a digest is sent', () => {
  let workplace: Workplace;
  let engine: Engine;
  let server: TestSmtpServer;
  let proxy: TcpProxy;
  let environment: Record<string, string>;

  before(async () => {
    workplace = await createWorkplace();
    server = await startTestSmtpServer();
    proxy = await startTcpProxy({ targetPort: server.port });
    environment = { SMTP_URL: `smtp://127.0.0.1:${proxy.port}` };
    engine = startEngine(workplace, environment);
  });
  after(async () => {
    await engine.stop();
    await proxy.close();
    await server.close();
    workplace.remove();
  });

  const countSent = async () => (await countInEngine(workplace, `select count(*) from deliveries where status = 'sent'`)) ?? 0;
  const readiness = async () => {
    const started = performance.now();
    const response = await fetch(`${engine.baseUrl}/health/ready`);
    const { dependencies } = (await response.json()) as { dependencies: { mail: { status: string } } };
    return { status: response.status, mail: dependencies.mail.status, seconds: (performance.now() - started) / 1000 };
  };

  /** Each recipient of the campaigns so far has exactly one mail of each, or is known as uncertain. */
  async function assertNothingTwiceNothingLost(campaigns: number): Promise<void> {
    const messageIds = server.accepted.map(({ messageId }) => messageId);
    assert.equal(new Set(messageIds).size, messageIds.length, 'no message was accepted twice');
    const ledger = await queryEngine<Ledger>(
      workplace,
      'select lower(s.email) as email, d.status from deliveries d join subscribers s on s.id = d.subscriber_id',
    );
    assert.equal(ledger.length, campaigns * 1000);
    const accepted = Map.groupBy(server.accepted, ({ to }) => to);
    for (const [email, deliveries] of Map.groupBy(ledger, (entry) => entry.email)) {
      const sent = deliveries.filter(({ status }) => status === 'sent').length;
      const uncertain = deliveries.filter(({ status }) => status === 'uncertain').length;
      assert.equal(sent + uncertain, campaigns, `${email}: ${JSON.stringify(deliveries)}`);
      const got = accepted.get(email)?.length ?? 0;
      assert.ok(got >= sent && got <= sent + uncertain, `${email} got ${got} mails, ${sent} are sent, ${uncertain} uncertain`);
    }
  }

  test('readiness answers in time, and every recipient gets one mail', { timeout: 240_000 }, async () => {
    await waitFor('the first mails', async () => (await countSent()) >= 50);
    proxy.set('silent');
    const hanging = await readiness();
    assert.equal(hanging.status, 200);
    assert.equal(hanging.mail, 'down');
    assert.ok(hanging.seconds < 8, `${hanging.seconds} s`);
    proxy.set('open');

    const before = await countSent();
    await waitFor('mails to go on', async () => (await countSent()) > before);
    proxy.set('cut');
    assert.equal((await readiness()).mail, 'down');
    proxy.set('open');

    await engine.ready;
    await assertPipelineDone(workplace);
    await assertNothingTwiceNothingLost(1);
  });

  test('the same digest asked for twice at once is sent once', { timeout: 240_000 }, async () => {
    const words = ['send', 'digest', '--key', 'twice-at-once', '--days', '30', '--json'];
    const results = await Promise.all([runCommand(workplace, words, environment), runCommand(workplace, words, environment)]);
    const issues = results.map(({ code, stdout, stderr }) => {
      assert.equal(code, 0, stdout + stderr);
      return JSON.parse(stdout).issueId;
    });
    assert.equal(issues[0], issues[1]);
    await assertNothingTwiceNothingLost(2);
  });
});
