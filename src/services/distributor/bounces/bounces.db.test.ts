import assert from 'node:assert/strict';
import { createHmac, createSign, generateKeyPairSync } from 'node:crypto';
import { after, before, beforeEach, describe, test } from 'node:test';
import { createTransport } from 'nodemailer';
import { sql } from '#platform/database';
import { createHttpClient, type HttpClient } from '#platform/http-client';
import type { HttpServer } from '#platform/http-server';
import { type Dovecot, dovecot, startDovecot } from '../../../../tests/support/dovecot.ts';
import { reasonToSkip } from '../../../../tests/support/programs.ts';
import { createTestContext, type TestContext } from '../../../../tests/support/test-context.ts';
import { createTestServer } from '../../../../tests/support/test-server.ts';
import { createPartition } from '../deliveries/delivery-store.ts';
import { messageIdOf } from '../deliveries/message-factory.ts';
import { createEnvelopeSender } from '../deliveries/verp.ts';
import { addReaders, createAudience } from '../testing/newsroom.ts';
import type { BounceListener } from './bounce-listener.ts';
import { type Bounces, createBounces } from './bounces.ts';
import { autoReply, dsn, feedbackReport } from './testing/report-mails.ts';

const secret = 'a secret of the tests';
const address = 'bounces@news.example';
const mailgunKey = 'mailgun-signing-key';
const sendgridKeys = generateKeyPairSync('ec', { namedCurve: 'prime256v1' });
const envelopeSender = createEnvelopeSender('news@news.example', address, secret);
const day = 24 * 3600_000;

let t: TestContext;
let httpClient: HttpClient;
let bounces: Bounces;
let listener: BounceListener;
let server: HttpServer;
let templateId: string;

before(async () => {
  t = await createTestContext();
  templateId = t.clock.newId();
  await t.database.execute(
    'test.template',
    sql`insert into newsletter_templates (id, name, mjml, text_template, created_at, updated_at) values (${templateId}, 'x', '', '', now(), now())`,
  );
  httpClient = createHttpClient({ ...t, allowedPrivateHosts: [], userAgent: 'test' });
  bounces = createBounces({
    ...t,
    httpClient,
    subscribers: createAudience(t),
    envelopeSender,
    bounces: {
      address,
      mailbox: null,
      listener: { host: '127.0.0.1', port: 0 },
      webhookSecrets: {
        mailgun: mailgunKey,
        postmark: 'hook:secret',
        ses: 'arn:aws:sns:eu-west-1:1:bounces',
        sendgrid: sendgridKeys.publicKey.export({ type: 'spki', format: 'der' }).toString('base64'),
      },
    },
  });
  listener = (await bounces.startListener()) as BounceListener;
  server = await createTestServer(t, [bounces.routes]);
});
after(async () => {
  await server?.close();
  await listener?.close();
  await httpClient?.close();
  await t.close();
});

type Sent = { readonly issueId: string; readonly subscriberId: string; readonly messageId: string; readonly verp: string };

/** An issue that was sent to one reader. */
async function sendTo(subscriberId: string, status = 'sent'): Promise<Sent> {
  const issueId = t.clock.newId();
  await t.database.execute(
    'test.issue',
    sql`insert into newsletter_issues (id, issue_key, subject, template_id, status, created_at, started_at)
        values (${issueId}, ${issueId}, 'x', ${templateId}, 'sent', now(), now())`,
  );
  await createPartition(t.database, issueId);
  await t.database.execute(
    'test.delivery',
    sql`insert into deliveries (issue_id, subscriber_id, status, changed_at, attempts) values (${issueId}, ${subscriberId}, ${status}, now(), 1)`,
  );
  const key = { issueId, subscriberId };
  return { ...key, messageId: messageIdOf(issueId, subscriberId, 'news.example'), verp: envelopeSender.of(key) };
}

const addReader = async () => (await addReaders(t, 1, `r-${t.clock.newId()}`))[0] ?? '';
const statusOf = async (id: string) =>
  (await t.database.one('test.status', sql<{ status: string }>`select status from subscribers where id = ${id}::uuid`)).status;
const eventsOf = (issueId: string) =>
  t.database.query(
    'test.events',
    sql<{
      type: string;
      bounceClass: string | null;
    }>`select type, bounce_class as "bounceClass" from email_events where issue_id = ${issueId}::uuid order by occurred_at, type`,
  );

async function smtp(to: string, raw: Buffer): Promise<string> {
  const transport = createTransport({ host: '127.0.0.1', port: listener.port, secure: false, ignoreTLS: true });
  try {
    return (await transport.sendMail({ envelope: { from: '', to }, raw })).response;
  } finally {
    transport.close();
  }
}

describe('mail that comes back to the listener', () => {
  test('a hard bounce to the signed address ends the mail to its person, once', async () => {
    const sent = await sendTo(await addReader());
    const report = dsn({ status: '5.1.1', diagnostic: '550 5.1.1 user unknown' });
    for (let round = 0; round < 2; round += 1) assert.match(await smtp(sent.verp, report), /^250/);
    assert.equal(await statusOf(sent.subscriberId), 'bounced');
    assert.deepEqual(await eventsOf(sent.issueId), [{ type: 'hard_bounce', bounceClass: 'hard' }]);
  });

  test('one without a signed address is told by the Message-ID that it carries back', async () => {
    const sent = await sendTo(await addReader());
    await smtp(address, dsn({ status: '5.0.0', diagnostic: '550 5.2.1 account disabled', messageId: sent.messageId }));
    assert.equal(await statusOf(sent.subscriberId), 'bounced');
  });

  test('full mailboxes end it when three issues within a month met them, and policy never does', async () => {
    const reader = await addReader();
    const soft = dsn({ status: '5.2.2', diagnostic: '552 5.2.2 mailbox full' });
    for (const expected of ['active', 'active', 'bounced']) {
      await smtp((await sendTo(reader)).verp, soft);
      assert.equal(await statusOf(reader), expected);
    }
    const other = await addReader();
    for (let round = 0; round < 4; round += 1) {
      await smtp((await sendTo(other)).verp, dsn({ status: '5.7.1', diagnostic: `550 5.7.1 blocked by reputation ${round}` }));
    }
    assert.equal(await statusOf(other), 'active');
  });

  test('a complaint ends it, by the mail that it carries back', async () => {
    const sent = await sendTo(await addReader());
    await smtp(address, feedbackReport({ messageId: sent.messageId }));
    assert.equal(await statusOf(sent.subscriberId), 'complained');
    assert.deepEqual(
      (await eventsOf(sent.issueId)).map(({ type }) => type),
      ['complaint'],
    );
  });

  test('a delay, an absence and a "not spam" change nothing', async () => {
    const sent = await sendTo(await addReader());
    await smtp(sent.verp, dsn({ status: '4.4.1', action: 'delayed' }));
    await smtp(sent.verp, autoReply);
    await smtp(address, feedbackReport({ messageId: sent.messageId, type: 'not-spam' }));
    assert.equal(await statusOf(sent.subscriberId), 'active');
    assert.deepEqual(await eventsOf(sent.issueId), []);
  });

  test('addresses that we did not sign, other mail, and what is too long are refused', async () => {
    const sent = await sendTo(await addReader());
    const forged = sent.verp.replace(/(?<=\+)./, (first) => (first === 'A' ? 'B' : 'A'));
    await assert.rejects(smtp(forged, dsn({ status: '5.1.1' })), /550/);
    await assert.rejects(smtp('anybody@news.example', dsn({ status: '5.1.1' })), /550/);
    await assert.rejects(smtp(address, Buffer.from('Subject: Hello\r\n\r\nBuy this.\r\n')), /550/);
    await assert.rejects(smtp(sent.verp, Buffer.concat([dsn({ status: '5.1.1' }), Buffer.alloc(2_000_000, 'x\r\n')])), /552/);
    assert.equal(await statusOf(sent.subscriberId), 'active');
  });

  test('a mail of which nobody knew whether it arrived is sent when its bounce comes back', async () => {
    const sent = await sendTo(await addReader(), 'uncertain');
    await smtp(sent.verp, dsn({ status: '5.2.2', diagnostic: 'full' }));
    const row = await t.database.one(
      'test.row',
      sql<{ status: string }>`select status from deliveries where issue_id = ${sent.issueId}::uuid`,
    );
    assert.equal(row.status, 'sent');
  });
});

describe('mailboxes', () => {
  let mailbox: Dovecot;
  const skip = reasonToSkip(dovecot);
  before(async () => {
    if (skip === false) mailbox = await startDovecot();
  });
  after(() => mailbox?.stop());

  // POP3 first: it takes away what it read.
  for (const protocol of ['pop3', 'imap'] as const) {
    test(`reports are read over ${protocol}, and once`, { skip }, async () => {
      const { user, password } = mailbox;
      const port = protocol === 'imap' ? mailbox.imapPort : mailbox.pop3Port;
      const settings = { protocol, isSecure: false, host: '127.0.0.1', port, user, password, folder: 'INBOX' } as const;
      const reading = createBounces({
        ...{ ...t, httpClient, subscribers: createAudience(t), envelopeSender },
        bounces: { address, mailbox: settings, listener: null, webhookSecrets: {} },
      });
      const [job] = reading.jobs;
      const read = () => job?.handler({}, { id: 'x', retryCount: 0, signal: new AbortController().signal });
      const sent = await sendTo(await addReader());
      mailbox.deliver(Buffer.concat([Buffer.from(`Delivered-To: ${sent.verp}\r\n`), dsn({ status: '5.1.1', diagnostic: 'unknown' })]));
      mailbox.deliver(Buffer.from('Subject: Not a report\r\n\r\nHello\r\n'));
      assert.equal(await read(), 2);
      assert.equal(await statusOf(sent.subscriberId), 'bounced');
      assert.equal(await read(), 0);
    });
  }
});

describe('webhooks of providers', () => {
  beforeEach(() => t.clock.set(new Date()));

  const post = (provider: string, payload: string | Buffer, headers: Record<string, string> = {}) =>
    server.inject({ method: 'POST', url: `/hooks/mail/${provider}`, payload, headers: { 'content-type': 'application/json', ...headers } });
  const keyOf = ({ messageId }: Sent) => messageId.slice(1, messageId.indexOf('@'));

  function mailgunPost(data: object, { at = t.clock.now(), key = mailgunKey } = {}): string {
    const timestamp = String(Math.floor(at.getTime() / 1000));
    const signature = createHmac('sha256', key).update(`${timestamp}token`).digest('hex');
    return JSON.stringify({ signature: { timestamp, token: 'token', signature }, 'event-data': data });
  }

  test('Mailgun: signed events count once; forged and old ones change nothing', async () => {
    const sent = await sendTo(await addReader());
    const data = {
      ...{ id: 'mg-1', event: 'failed', severity: 'permanent', timestamp: t.clock.now().getTime() / 1000 },
      'delivery-status': { code: 550, 'enhanced-code': '5.1.1', message: 'unknown user' },
      'user-variables': { aquascene_delivery: keyOf(sent) },
    };
    assert.equal((await post('mailgun', mailgunPost(data, { key: 'wrong' }))).statusCode, 403);
    assert.equal((await post('mailgun', mailgunPost(data, { at: new Date(Date.now() - day) }))).statusCode, 403);
    assert.equal(await statusOf(sent.subscriberId), 'active');
    for (let round = 0; round < 2; round += 1) assert.equal((await post('mailgun', mailgunPost(data))).statusCode, 204);
    assert.equal(await statusOf(sent.subscriberId), 'bounced');
    assert.equal((await eventsOf(sent.issueId)).length, 1);
  });

  test('SendGrid: a list of events over its signature; arrivals settle what was uncertain', async () => {
    const [left, right] = [await sendTo(await addReader(), 'uncertain'), await sendTo(await addReader())];
    const body = JSON.stringify([
      { event: 'delivered', sg_event_id: 'a', aquascene_delivery: keyOf(left), timestamp: 1 },
      { event: 'spamreport', sg_event_id: 'b', aquascene_delivery: keyOf(right), timestamp: 1 },
      { event: 'processed', sg_event_id: 'c' },
    ]);
    const timestamp = String(Math.floor(t.clock.now().getTime() / 1000));
    const sign = (text: string) => createSign('sha256').update(`${timestamp}${text}`).sign(sendgridKeys.privateKey, 'base64');
    const headers = (text: string) => ({
      'x-twilio-email-event-webhook-timestamp': timestamp,
      'x-twilio-email-event-webhook-signature': sign(text),
    });
    assert.equal((await post('sendgrid', body, headers(`${body} `))).statusCode, 403);
    assert.equal((await post('sendgrid', body, headers(body))).statusCode, 204);
    const row = await t.database.one(
      'test.row',
      sql<{ status: string }>`select status from deliveries where issue_id = ${left.issueId}::uuid`,
    );
    assert.equal(row.status, 'sent');
    assert.equal(await statusOf(right.subscriberId), 'complained');
  });

  test('Postmark: name and password; a bounce by its type', async () => {
    const sent = await sendTo(await addReader());
    const body = JSON.stringify({ RecordType: 'Bounce', ID: 42, Type: 'HardBounce', Details: 'gone', Metadata: { delivery: keyOf(sent) } });
    const authorization = (text: string) => ({ authorization: `Basic ${Buffer.from(text).toString('base64')}` });
    assert.equal((await post('postmark', body)).statusCode, 403);
    assert.equal((await post('postmark', body, authorization('hook:wrong'))).statusCode, 403);
    assert.equal((await post('postmark', body, authorization('hook:secret'))).statusCode, 204);
    assert.equal(await statusOf(sent.subscriberId), 'bounced');
  });

  test('SES: another topic, a certificate from elsewhere, and no signature are refused without asking anybody', async () => {
    const message = {
      Type: 'Notification',
      TopicArn: 'arn:aws:sns:eu-west-1:1:bounces',
      MessageId: '1',
      Message: '{}',
      Timestamp: new Date().toISOString(),
    };
    for (const forged of [
      { ...message, TopicArn: 'arn:aws:sns:eu-west-1:2:mine', SigningCertURL: 'https://sns.eu-west-1.amazonaws.com/x.pem' },
      { ...message, SigningCertURL: 'https://sns.eu-west-1.amazonaws.com.evil.example/x.pem' },
      { ...message, SigningCertURL: 'http://sns.eu-west-1.amazonaws.com/x.pem' },
      { ...message, SigningCertURL: 'https://user@sns.eu-west-1.amazonaws.com/x.pem' },
      {},
    ]) {
      assert.equal((await post('ses', JSON.stringify(forged), { 'content-type': 'text/plain' })).statusCode, 403, JSON.stringify(forged));
    }
  });

  test('a provider that is not set up is not there; a body that is no JSON is an error', async () => {
    assert.equal((await post('nobody', '{}')).statusCode, 400);
    assert.equal((await post('mailgun', 'no json')).statusCode, 400);
    assert.equal((await post('mailgun', '')).statusCode, 400);
  });
});
