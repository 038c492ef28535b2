import assert from 'node:assert/strict';
import net from 'node:net';
import { after, afterEach, before, test } from 'node:test';
import { sql } from '#platform/database';
import { AppError } from '#shared/errors';
import { createTestContext, type TestContext } from '../../../tests/support/test-context.ts';
import { createMailboxLookup, createMailboxServer, createSmtpTransport, type MailboxServer, type MailTransport } from './index.ts';
import { findMessage, listMessages, pruneMessages } from './mailbox-store.ts';
import { mailTo } from './testing/smtp.ts';

const maxMessages = 20;
let t: TestContext;
let mailbox: MailboxServer;
let transport: MailTransport;

before(async () => {
  t = await createTestContext();
  mailbox = await createMailboxServer({
    database: t.database,
    clock: t.clock,
    port: 0,
    logger: t.logger,
    maxMessages,
    maxMessageBytes: 20_000,
  });
  transport = createSmtpTransport({ url: `smtp://127.0.0.1:${mailbox.port}`, logger: t.logger, metrics: t.metrics });
});
after(async () => {
  await transport.close();
  await mailbox.close();
  await t.close();
});
afterEach(() => t.database.execute('test.empty', sql`delete from mailbox_messages`));

const list = (search = '', limit = 100) => listMessages(t.database, { search, before: undefined, limit });
const count = async () => (await list()).length;

/** Speaks SMTP by hand, a line or a message for each reply: what a library would not let out. Gives the replies. */
function speak(lines: readonly string[]): Promise<string> {
  return new Promise((resolve, reject) => {
    let replies = '';
    const rest = [...lines];
    const socket = net.connect(mailbox.port, '127.0.0.1');
    socket.on('data', (chunk) => {
      replies += chunk.toString();
      if (!/\r\n$/.test(replies)) return;
      const line = rest.shift();
      if (line === undefined) socket.end();
      else socket.write(`${line}\r\n`);
    });
    socket.on('error', reject);
    socket.on('close', () => resolve(replies));
  });
}

const envelope = ['HELO test', 'MAIL FROM:<a@example.org>', 'RCPT TO:<b@example.org>', 'DATA'];

test('an accepted message is a committed row, with its envelope and its source', async () => {
  const message = mailTo('reader@example.org', { subject: 'Водни растения' });
  const outcome = await transport.send(message);
  assert.equal(outcome.kind, 'accepted');
  const [entry] = await list();
  assert.ok(entry && outcome.response.includes(entry.id));
  const kept = await findMessage(t.database, entry.id);
  assert.deepEqual(
    [kept?.envelopeFrom, kept?.envelopeTo, kept?.subject, kept?.messageId],
    ['digest@aquascene.example', 'reader@example.org', 'Водни растения', message.messageId],
  );
  assert.equal(kept?.raw.length, kept?.sizeBytes);
  assert.ok(kept?.raw.includes('<p>Hello</p>'));
});

test('many messages at once are all kept, each once', async () => {
  const outcomes = await Promise.all(Array.from({ length: 15 }, (_, index) => transport.send(mailTo(`r${index}@example.org`))));
  assert.ok(outcomes.every(({ kind }) => kind === 'accepted'));
  assert.equal(new Set((await list()).map(({ envelopeTo }) => envelopeTo)).size, 15);
});

test('a message beyond the limit is refused for good, and nothing of it is kept', async () => {
  const outcome = await transport.send(mailTo('big@example.org', { html: 'x'.repeat(30_000) }));
  assert.ok(outcome.kind === 'rejected' && !outcome.temporary && outcome.code === 552);
  assert.equal(await count(), 0);
});

test('odd mail is kept as it is: no headers, NUL characters in the subject, broken encodings, no recipient name', async () => {
  const bodies = [
    ['.'],
    ['no header at all', '.'],
    ['Subject: =?utf-8?B?QQBC?= =?utf-8?Q?=00C?=', 'Message-ID: <nul@example.org>', '', 'x', '.'],
    ['Subject: =?nonsense?Q?=FF?=', 'Content-Type: multipart/mixed; boundary=x', '', '--x', '.'],
    ['Subject: one', 'Subject: two', '', `${'x'.repeat(900)}`, '.'],
  ];
  for (const body of bodies) assert.match(await speak([...envelope, body.join('\r\n'), 'QUIT']), /250 2\.0\.0 kept as/, body.join('|'));
  const subjects = (await list()).map(({ subject }) => subject);
  assert.equal(subjects.length, bodies.length);
  assert.ok(subjects.includes('ABC'));
});

test('one odd message does not cost those that are written with it', async () => {
  const odd = ['Subject: =?utf-8?B?AA==?=', '', 'x', '.'].join('\r\n');
  const outcomes = await Promise.all([
    speak([...envelope, odd, 'QUIT']),
    ...Array.from({ length: 5 }, (_, index) => transport.send(mailTo(`n${index}@example.org`)).then(({ kind }) => kind)),
  ]);
  assert.deepEqual(outcomes.slice(1), Array(5).fill('accepted'));
  assert.equal(await count(), 6);
});

test('a second copy for the same recipient is accepted and not kept; another recipient, or no Message-ID, is no copy', async () => {
  const first = await transport.send(mailTo('a@example.org'));
  const copies = await Promise.all([1, 2].map(() => transport.send(mailTo('a@example.org', { subject: 'later' }))));
  assert.deepEqual(
    [first, ...copies].map(({ kind }) => kind),
    ['accepted', 'accepted', 'accepted'],
  );
  assert.deepEqual(
    (await list()).map(({ subject }) => subject),
    ['Plants of the week'],
  );
  await transport.send(mailTo('b@example.org', { messageId: mailTo('a@example.org').messageId }));
  for (let time = 0; time < 2; time += 1) await speak([...envelope, 'Subject: nameless\r\n\r\nx\r\n.', 'QUIT']);
  assert.deepEqual((await list()).map(({ subject }) => subject).sort(), [
    'Plants of the week',
    'Plants of the week',
    'nameless',
    'nameless',
  ]);
});

test('neither a Message-ID nor a list of recipients can be too long to be kept', async () => {
  const noise = (length: number) => Array.from({ length }, (_, index) => (index * 7919).toString(36)).join('.');
  const recipients = Array.from({ length: 99 }, (_, index) => `RCPT TO:<${noise(9)}${index}@${noise(8)}.example.org>`);
  const replies = await Promise.all([
    speak([...envelope, `Message-ID: <${noise(900)}@x>\r\n\r\nx\r\n.`, 'QUIT']),
    speak(['HELO test', 'MAIL FROM:<a@example.org>', ...recipients, 'DATA', 'Subject: many\r\n\r\nx\r\n.', 'QUIT']),
  ]);
  for (const reply of replies) assert.match(reply, /250 2\.0\.0 kept as/);
});

test('the newest messages are kept, older ones make room', async () => {
  for (let index = 0; index < 30; index += 1) {
    t.clock.set(new Date(Date.UTC(2026, 0, 1, 0, 0, index)));
    await transport.send(mailTo(`p${index}@example.org`));
  }
  assert.ok((await pruneMessages(t.database, 10)) >= 10);
  const kept = (await list()).map(({ envelopeTo }) => envelopeTo);
  assert.deepEqual(
    kept,
    Array.from({ length: 10 }, (_, index) => `p${29 - index}@example.org`),
  );
  assert.equal(await pruneMessages(t.database, 10), 0);
});

test('the server itself keeps within its limit', async () => {
  for (let index = 0; index < 130; index += 1) await transport.send(mailTo(`s${index}@example.org`));
  // It looks after every hundredth message.
  assert.ok((await count()) < maxMessages + 100);
});

test('a message can be asked for by its id; absence proves something only as far as memory goes', async () => {
  const lookUp = createMailboxLookup(t.database, 3);
  t.clock.set('2026-01-01T10:00:00Z');
  await transport.send(mailTo('a@example.org'));
  assert.equal(await lookUp('<a.example.org@aquascene.example>', t.clock.now()), 'accepted');
  assert.equal(await lookUp('<other@aquascene.example>', t.clock.now()), 'absent');
  t.clock.set('2026-01-01T11:00:00Z');
  for (const name of ['b', 'c', 'd']) await transport.send(mailTo(`${name}@example.org`));
  await pruneMessages(t.database, 3);
  assert.equal(await lookUp('<other@aquascene.example>', new Date('2026-01-01T10:30:00Z')), 'unknown');
  assert.equal(await lookUp('<a.example.org@aquascene.example>', new Date('2026-01-01T10:00:00Z')), 'unknown');
  assert.equal(await lookUp('<other@aquascene.example>', new Date('2026-01-01T11:30:00Z')), 'absent');
});

test('addresses are searched by any part, in any case, and wildcards mean themselves', async () => {
  for (const address of ['First.Last@Example.org', 'fifty%off@example.com', 'under_score@example.com'])
    await transport.send(mailTo(address));
  const found = async (search: string) => (await list(search)).map(({ envelopeTo }) => envelopeTo.toLowerCase());
  assert.deepEqual(await found('LAST@exam'), ['first.last@example.org']);
  assert.deepEqual(await found('%'), ['fifty%off@example.com']);
  assert.deepEqual(await found('_'), ['under_score@example.com']);
  assert.deepEqual(await found("' or 1=1 --"), []);
  assert.equal((await found('')).length, 3);
});

test('while the database is away, a message is put off, not lost', async () => {
  const away = await createTestContext();
  const server = await createMailboxServer({ database: away.database, clock: away.clock, port: 0, logger: away.logger });
  const other = createSmtpTransport({ url: `smtp://127.0.0.1:${server.port}`, logger: t.logger, metrics: t.metrics });
  await away.close();
  const outcome = await other.send(mailTo('a@example.org'));
  assert.ok(outcome.kind === 'rejected' && outcome.temporary && outcome.code === 451);
  await other.close();
  await server.close();
});

test('a port in use is named', async () => {
  await assert.rejects(
    createMailboxServer({ database: t.database, clock: t.clock, port: mailbox.port, logger: t.logger }),
    (error: unknown) => error instanceof AppError && error.message.includes(`port ${mailbox.port}`),
  );
});
