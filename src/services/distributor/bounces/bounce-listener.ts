import type { Readable } from 'node:stream';
import { SMTPServer, type SMTPServerSession } from 'smtp-server';
import type { Logger } from '#platform/telemetry';
import type { EnvelopeSender } from '../deliveries/verp.ts';
import { maxReportBytes } from './report-mail.ts';
import type { TakeReport } from './reports.ts';

export type BounceListener = { readonly port: number; close(): Promise<void> };

const maxClients = 100;
const maxRecipients = 10;

class SmtpRefusal extends Error {
  readonly responseCode: number;

  constructor(responseCode: number, message: string) {
    super(message);
    this.responseCode = responseCode;
  }
}

async function readAll(stream: Readable & { sizeExceeded?: boolean }): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream as AsyncIterable<Buffer>) if (!stream.sizeExceeded) chunks.push(chunk);
  if (stream.sizeExceeded) throw new SmtpRefusal(552, 'The message is too long for a report.');
  return Buffer.concat(chunks);
}

/**
 * A mail server for what comes back, and nothing else: it takes mail to addresses that we signed, and to the bounce address itself, for
 * feedback loops. 250 is answered once it is committed.
 */
export async function startBounceListener(options: {
  readonly host: string;
  readonly port: number;
  /** Feedback reports come to it. */
  readonly bounceAddress: string;
  readonly envelopeSender: EnvelopeSender;
  readonly takeReport: TakeReport;
  readonly logger: Logger;
}): Promise<BounceListener> {
  const { bounceAddress, envelopeSender, takeReport, logger } = options;
  const isOurs = (address: string) => envelopeSender.read(address) !== undefined || address.toLowerCase() === bounceAddress.toLowerCase();

  async function take(stream: Readable, session: SMTPServerSession): Promise<void> {
    const raw = await readAll(stream);
    const recipients = session.envelope.rcptTo.map(({ address }) => address);
    const outcomes = await Promise.all(recipients.map((address) => takeReport(raw, [address])));
    if (outcomes.every((outcome) => outcome === 'unreadable')) throw new SmtpRefusal(550, 'This is no report about a mail of ours.');
  }

  const server = new SMTPServer({
    disabledCommands: ['AUTH', 'STARTTLS'],
    authOptional: true,
    size: maxReportBytes,
    maxClients,
    socketTimeout: 60_000,
    closeTimeout: 5000,
    onRcptTo(address, session, done) {
      if (session.envelope.rcptTo.length >= maxRecipients) return done(new SmtpRefusal(452, 'Too many recipients.'));
      return isOurs(address.address) ? done() : done(new SmtpRefusal(550, 'No such mailbox here.'));
    },
    onData(stream, session, done) {
      take(stream, session).then(
        () => done(),
        (error: unknown) => {
          if (error instanceof SmtpRefusal) return done(error);
          logger.error({ err: error }, 'a report could not be taken');
          return done(new SmtpRefusal(451, 'Try again later.'));
        },
      );
    },
  });
  server.on('error', (error) => logger.warn({ err: error }, 'the bounce listener has a fault'));
  await new Promise<void>((resolve, reject) => {
    server.server.once('error', reject);
    server.listen(options.port, options.host, () => {
      server.server.off('error', reject);
      resolve();
    });
  });
  const address = server.server.address();
  return {
    port: typeof address === 'object' && address !== null ? address.port : options.port,
    close: () => new Promise((resolve) => server.close(() => resolve())),
  };
}
