import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { type ParsedMail, simpleParser } from 'mailparser';
import { createLogger, createMetrics } from '#platform/telemetry';
import { systemClock } from '#shared/clock';
import { AppError } from '#shared/errors';
import { createSmtpTransport, createTransactionalSender, type MailTransport } from './index.ts';
import { type SmtpStand, startSmtp } from './testing/smtp.ts';

const logger = createLogger({ level: 'fatal', format: 'json', role: 'test' });
const mails: ParsedMail[] = [];
let stand: SmtpStand;
let transport: MailTransport;

before(async () => {
  stand = await startSmtp({
    onRcptTo({ address }, _session, done) {
      const codes: Record<string, number> = { 'gone@example.org': 550, 'later@example.org': 450 };
      const responseCode = codes[address];
      done(responseCode === undefined ? null : Object.assign(new Error('no'), { responseCode }));
    },
    onData: (stream, _session, done) =>
      void simpleParser(stream).then((mail) => {
        mails.push(mail);
        done();
      }),
  });
  transport = createSmtpTransport({ url: stand.url, logger, metrics: createMetrics('test') });
});
after(async () => {
  await transport.close();
  await stand.close();
});

const send = (address: string, key = 'confirm 1/ä') =>
  createTransactionalSender({ transport, mailFrom: 'Digest <digest@aquascene.example>', clock: systemClock, logger })({
    to: { address },
    subject: 'Please confirm',
    html: '<p>x</p>',
    text: 'x',
    key,
  });

test('the same key gives the same message id, and no auto-responder is to answer', async () => {
  await send('a@example.org');
  await send('a@example.org');
  await send('a@example.org', 'confirm 2');
  assert.deepEqual(
    mails.map(({ messageId }) => messageId),
    ['<confirm-1--@aquascene.example>', '<confirm-1--@aquascene.example>', '<confirm-2@aquascene.example>'],
  );
  assert.equal(mails[0]?.headers.get('auto-submitted'), 'auto-generated');
  assert.equal(mails[0]?.from?.text, '"Digest" <digest@aquascene.example>');
});

test('a refusal for good ends there; one that may pass is tried again', async () => {
  await send('gone@example.org');
  await assert.rejects(send('later@example.org'), (error: unknown) => error instanceof AppError && error.retryable);
});
