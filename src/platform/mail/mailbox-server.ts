import type { AddressInfo } from 'node:net';
import { SMTPServer, type SMTPServerDataStream, type SMTPServerSession } from 'smtp-server';
import type { Database } from '#platform/database';
import type { Logger } from '#platform/telemetry';
import type { Clock } from '#shared/clock';
import { AppError, messageOf } from '#shared/errors';
import type { LookupOutcome } from './mail-transport.ts';
import { insertMessages, lookUpMessage, type MailboxMessage, pruneMessages } from './mailbox-store.ts';
import { readHeaders } from './message-headers.ts';

export type MailboxServer = { readonly port: number; close(): Promise<void> };

export type MailboxServerOptions = {
  readonly database: Database;
  readonly clock: Clock;
  /** 0 takes any free port. */
  readonly port: number;
  readonly logger: Logger;
  readonly maxMessages?: number;
  readonly maxMessageBytes?: number;
};

export const defaultMaxMailboxMessages = 5000;
const pruneEvery = 100;
const maxMessageIdLength = 250;

/** What a transport to this mailbox passes as `findByMessageId`. */
export function createMailboxLookup(
  database: Database,
  maxMessages = defaultMaxMailboxMessages,
): (messageId: string, since: Date) => Promise<LookupOutcome> {
  return (messageId, since) => lookUpMessage(database, messageId, since, maxMessages);
}

/** A mail server on loopback that keeps what it is given. A message is accepted when its row has committed, not before. */
export async function createMailboxServer(options: MailboxServerOptions): Promise<MailboxServer> {
  const { database, clock, logger } = options;
  const maxMessages = options.maxMessages ?? defaultMaxMailboxMessages;
  const store = createGroupedWriter(database, maxMessages, logger);

  async function receive(stream: SMTPServerDataStream, session: SMTPServerSession): Promise<string> {
    const chunks: Buffer[] = [];
    for await (const chunk of stream) {
      // Read to the end all the same: the client speaks until its last line.
      if (!stream.sizeExceeded) chunks.push(chunk as Buffer);
    }
    if (stream.sizeExceeded) throw Object.assign(new Error('5.3.4 Message too big for the mailbox'), { responseCode: 552 });
    const raw = Buffer.concat(chunks);
    const headers = readHeaders(raw, ['subject', 'message-id']);
    const { mailFrom, rcptTo } = session.envelope;
    const id = clock.newId();
    const isKept = await store({
      id,
      envelopeFrom: storable(mailFrom === false ? '' : mailFrom.address),
      envelopeTo: storable(rcptTo.map(({ address }) => address).join(', ')),
      subject: storable(headers.get('subject') ?? ''),
      messageId: identityOf(headers.get('message-id')),
      receivedAt: clock.now(),
      sizeBytes: raw.length,
      raw,
    });
    if (isKept) return `2.0.0 kept as ${id}`;
    logger.warn({ messageId: headers.get('message-id') }, 'a message came a second time, and is kept once');
    return '2.0.0 kept already';
  }

  const server = new SMTPServer({
    name: 'mailbox.localhost',
    banner: 'AquaScene mailbox',
    disabledCommands: ['AUTH', 'STARTTLS'],
    authOptional: true,
    disableReverseLookup: true,
    size: options.maxMessageBytes ?? 10 * 1024 * 1024,
    maxClients: 50,
    socketTimeout: 60_000,
    closeTimeout: 2000,
    logger: false,
    onData(stream, session, callback) {
      receive(stream, session).then(
        (response) => callback(null, response),
        (error: Error & { responseCode?: number }) => {
          if (error.responseCode === undefined) logger.warn({ err: error }, 'the mailbox could not keep a message');
          callback(error.responseCode === undefined ? Object.assign(new Error('4.3.0 Try again later'), { responseCode: 451 }) : error);
        },
      );
    },
  });
  server.on('error', (error) => logger.debug({ err: error }, 'mailbox session error'));

  await new Promise<void>((resolve, reject) => {
    const onError = (error: Error) => {
      reject(
        new AppError('mailbox_port_unusable', `The mailbox cannot listen on port ${options.port}: ${messageOf(error)}`, { cause: error }),
      );
    };
    server.server.once('error', onError);
    server.listen(options.port, '127.0.0.1', () => {
      server.server.removeListener('error', onError);
      resolve();
    });
  });
  const { port } = server.server.address() as AddressInfo;
  return { port, close: () => new Promise((resolve) => server.close(() => resolve())) };
}

/** PostgreSQL keeps no NUL in text: one in an encoded subject would fail the insert, and with it every message of its group. */
function storable(text: string): string {
  return text.replaceAll('\u0000', '');
}

/** Longer ones identify nothing here: an index entry has its limit, and one beyond it would fail the whole group. */
function identityOf(messageId = ''): string {
  return messageId.length > maxMessageIdLength ? '' : storable(messageId);
}

/**
 * Messages that arrive while an insert runs go into the next one together. Each call resolves when its row is committed: true,
 * or when a copy of it had been kept before: false.
 */
function createGroupedWriter(database: Database, maxMessages: number, logger: Logger): (message: MailboxMessage) => Promise<boolean> {
  type Waiting = { readonly message: MailboxMessage; resolve(isKept: boolean): void; reject(error: unknown): void };
  let waiting: Waiting[] = [];
  let isWriting = false;
  let sincePrune = pruneEvery;

  async function writeAll(): Promise<void> {
    while (waiting.length > 0) {
      const group = waiting;
      waiting = [];
      try {
        const messages = group.map(({ message }) => message);
        const kept = await insertMessages(database, messages);
        for (const { message, resolve } of group) resolve(kept.has(message.id));
      } catch (error) {
        for (const { reject } of group) reject(error);
        continue;
      }
      sincePrune += group.length;
      if (sincePrune >= pruneEvery) {
        sincePrune = 0;
        await pruneMessages(database, maxMessages).catch((error: unknown) => {
          logger.warn({ err: error }, 'old mailbox messages could not be removed');
        });
      }
    }
    isWriting = false;
  }

  return (message) =>
    new Promise<boolean>((resolve, reject) => {
      waiting.push({ message, resolve, reject });
      if (isWriting) return;
      isWriting = true;
      // Messages come in bunches: those that are here already share one commit.
      setImmediate(() => void writeAll());
    });
}
