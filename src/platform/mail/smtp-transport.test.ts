import assert from 'node:assert/strict';
import { afterEach, test } from 'node:test';
import { type ParsedMail, simpleParser } from 'mailparser';
import type { SMTPServerDataStream } from 'smtp-server';
import { createLogger, createMetrics } from '#platform/telemetry';
import { AppError } from '#shared/errors';
import { findFreePort } from '../../../tests/support/free-port.ts';
import { createSmtpTransport, isHardBounce, type MailTransport, type SmtpTransportOptions } from './index.ts';
import { mailTo, type SmtpStand, startRaw, startScripted, startSmtp } from './testing/smtp.ts';

const logger = createLogger({ level: 'fatal', format: 'json', role: 'test' });
const closers: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

function open(stand: SmtpStand | undefined, options: Partial<SmtpTransportOptions> = {}): MailTransport {
  if (stand !== undefined) closers.push(() => stand.close());
  const transport = createSmtpTransport({ url: stand?.url ?? '', logger, metrics: createMetrics('test'), ...options });
  closers.push(() => transport.close());
  return transport;
}

const refusal = (code: number, text: string) => Object.assign(new Error(text), { responseCode: code });

async function readAll(stream: SMTPServerDataStream): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

const isUnavailable = (error: unknown) => error instanceof AppError && error.code === 'mail_unavailable' && error.retryable;

test('a message arrives whole: both parts, headers, date and message id', async () => {
  const mails: ParsedMail[] = [];
  const stand = await startSmtp({
    onData: (stream, _session, done) =>
      void readAll(stream).then(async (raw) => {
        mails.push(await simpleParser(raw));
        done(null, '2.0.0 queued as 17');
      }),
  });
  const transport = open(stand);
  const message = mailTo('reader@example.org', {
    subject: 'Водни растения: ½ час',
    to: { address: 'reader@example.org', name: 'Zoé "Z" Lefèvre' },
    headers: { 'List-Unsubscribe': '<https://a.example/u/1>', 'List-Unsubscribe-Post': 'List-Unsubscribe=One-Click' },
  });
  const outcome = await transport.send(message);
  assert.equal(outcome.kind, 'accepted');
  assert.match(outcome.response, /queued as 17/);
  const [mail] = mails;
  assert.equal(mail?.subject, message.subject);
  assert.equal(mail?.messageId, message.messageId);
  assert.equal(mail?.date?.toISOString(), message.date.toISOString());
  assert.equal(mail?.text?.trim(), 'Hello');
  assert.equal(mail?.html, '<p>Hello</p>');
  const line = (name: string) => mail?.headerLines.find(({ key }) => key === name)?.line;
  assert.equal(line('list-unsubscribe'), 'List-Unsubscribe: <https://a.example/u/1>');
  assert.equal(line('list-unsubscribe-post'), 'List-Unsubscribe-Post: List-Unsubscribe=One-Click');
});

test('a refused recipient or message is an outcome that says whether to try again', async () => {
  const replies: Record<string, [number, string]> = {
    'nobody@example.org': [550, '5.1.1 No such user'],
    'full@example.org': [552, '5.2.2 Mailbox full'],
    'grey@example.org': [451, '4.7.1 Try again in five minutes'],
    'policy@example.org': [550, '5.7.1 Not wanted here'],
    'plain@example.org': [553, 'go away'],
  };
  const stand = await startSmtp({
    onRcptTo: ({ address }, _session, done) => done(refusal(...(replies[address] ?? [500, 'unknown']))),
  });
  const transport = open(stand);
  const expected: [string, boolean, number, string | null, boolean][] = [
    ['nobody@example.org', false, 550, '5.1.1', true],
    ['full@example.org', true, 552, '5.2.2', false],
    ['grey@example.org', true, 451, '4.7.1', false],
    ['policy@example.org', false, 550, '5.7.1', false],
    ['plain@example.org', false, 553, null, false],
  ];
  for (const [address, temporary, code, enhancedCode, isBounce] of expected) {
    const outcome = await transport.send(mailTo(address));
    assert.equal(outcome.kind, 'rejected', address);
    assert.deepEqual([outcome.temporary, outcome.code, outcome.enhancedCode], [temporary, code, enhancedCode], address);
    assert.equal(isHardBounce(outcome), isBounce, address);
  }
});

test('a refused sender, and a refusal after the whole message, are outcomes too', async () => {
  const stand = await startSmtp({
    onMailFrom: ({ address }, _session, done) => done(address === 'bad@aquascene.example' ? refusal(553, '5.7.1 Sender unknown') : null),
    onData: (stream, _session, done) => void readAll(stream).then(() => done(refusal(554, '5.6.0 Looks like spam'))),
  });
  const transport = open(stand);
  const sender = await transport.send(mailTo('a@example.org', { from: { address: 'bad@aquascene.example' } }));
  assert.ok(sender.kind === 'rejected' && !sender.temporary && sender.code === 553);
  const content = await transport.send(mailTo('a@example.org'));
  assert.ok(content.kind === 'rejected' && !content.temporary && content.code === 554);
});

test('a connection that ends after the whole message leaves it unknown whether it was taken', async () => {
  const received: string[] = [];
  const stand: SmtpStand = await startSmtp({
    onData: (stream) =>
      void readAll(stream).then((raw) => {
        received.push(raw.toString());
        stand.cut();
      }),
  });
  const transport = open(stand);
  const outcome = await transport.send(mailTo('a@example.org'));
  assert.equal(outcome.kind, 'unknown');
  assert.equal(received.length, 1, 'it is not sent a second time');
  assert.match(received[0] ?? '', /Plants of the week/);
});

test('a server that never answers the whole message leaves it unknown as well', async () => {
  const stand = await startScripted((step) => (step === 'content' ? null : undefined));
  const transport = open(stand, { sendTimeoutMs: 500 });
  assert.deepEqual(await transport.send(mailTo('a@example.org')), { kind: 'unknown', response: 'not answered within 500 ms' });
});

test('a connection that ends before the message has left is a failure to try again', async () => {
  let rounds = 0;
  const stand: SmtpStand = await startSmtp({
    onRcptTo: () => {
      rounds += 1;
      stand.cut();
    },
  });
  const transport = open(stand);
  await assert.rejects(transport.send(mailTo('a@example.org')), isUnavailable);
  assert.ok(rounds >= 1);
});

test('a server that is away, silent, refuses everybody or speaks something else is unavailable', async () => {
  const nowhere = open(undefined, { url: `smtp://127.0.0.1:${await findFreePort()}` });
  await assert.rejects(nowhere.send(mailTo('a@example.org')), isUnavailable);
  await assert.rejects(nowhere.verify(), isUnavailable);
  const silent = open(await startRaw(() => undefined), { connectTimeoutMs: 100 });
  await assert.rejects(silent.send(mailTo('a@example.org')), isUnavailable);
  await assert.rejects(silent.verify(), isUnavailable);
  const web = open(await startRaw((socket) => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n')));
  await assert.rejects(web.send(mailTo('a@example.org')), isUnavailable);
  await assert.rejects(web.verify(), isUnavailable);
});

test('a sign-in that is refused is about us, not about the recipient', async () => {
  const stand = await startSmtp({
    disabledCommands: ['STARTTLS'],
    allowInsecureAuth: true,
    onAuth: (_auth, _session, done) => done(refusal(535, '5.7.8 Wrong password')),
  });
  const transport = open(stand, { url: stand.url.replace('smtp://', 'smtp://user:wrong@') });
  await assert.rejects(transport.send(mailTo('a@example.org')), isUnavailable);
  await assert.rejects(transport.verify(), isUnavailable);
});

test('one connection carries many messages; a usable server passes verification', async () => {
  const stand = await startSmtp({ onData: (stream, _session, done) => void readAll(stream).then(() => done()) });
  const transport = open(stand, { maxConnections: 1 });
  await transport.verify();
  const before = stand.connections();
  const outcomes = await Promise.all(Array.from({ length: 20 }, (_, index) => transport.send(mailTo(`a${index}@example.org`))));
  assert.ok(outcomes.every(({ kind }) => kind === 'accepted'));
  assert.ok(stand.connections() - before <= 1);
});

test('a connection that died while idle is replaced without anybody noticing', async () => {
  let taken = 0;
  const stand = await startSmtp({
    onData: (stream, _session, done) =>
      void readAll(stream).then(() => {
        taken += 1;
        done();
      }),
  });
  const transport = open(stand, { maxConnections: 1 });
  assert.equal((await transport.send(mailTo('a@example.org'))).kind, 'accepted');
  stand.cut();
  assert.equal((await transport.send(mailTo('b@example.org'))).kind, 'accepted');
  assert.equal(taken, 2);
});

test('what would break out of a header or an address is refused before it is sent', async () => {
  const stand = await startSmtp({ onData: (stream, _session, done) => void readAll(stream).then(() => done()) });
  const transport = open(stand);
  const injections = [
    mailTo('a@example.org', { subject: 'x\r\nBcc: victim@example.org' }),
    mailTo('a@example.org', { headers: { 'X-Test': 'x\nBcc: victim@example.org' } }),
    mailTo('a@example.org', { headers: { 'X-Test\r\nBcc': 'x' } }),
    mailTo('a@example.org>\r\nRCPT TO:<victim@example.org'),
    mailTo('a@example.org', { to: { address: 'a@example.org', name: 'x\r\nBcc: victim@example.org' } }),
  ];
  for (const message of injections) {
    const outcome = await transport.send(message);
    assert.ok(outcome.kind === 'rejected' && !outcome.temporary, JSON.stringify(message));
    assert.match(outcome.response, /^not sent: (?:the header ".*" holds a control character|".*" is no name of a header)$/s);
  }
  assert.equal(stand.connections(), 0);
  const noAddress = await transport.send(mailTo(''));
  assert.ok(noAddress.kind === 'rejected' && !noAddress.temporary);
});

test('sends are counted by their outcome', async () => {
  const metrics = createMetrics('own');
  const stand = await startSmtp({ onData: (stream, _session, done) => void readAll(stream).then(() => done()) });
  const transport = open(stand, { metrics });
  await transport.send(mailTo('a@example.org'));
  await transport.send(mailTo('a@example.org', { subject: '\n' }));
  const text = await metrics.text();
  assert.match(text, /aquascene_mail_sent_total\{outcome="accepted",role="own"\} 1/);
  assert.match(text, /aquascene_mail_sent_total\{outcome="rejected",role="own"\} 1/);
});
