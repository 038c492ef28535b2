import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { SMTPServer } from 'smtp-server';

export type AcceptedMail = { readonly messageId: string; readonly to: string };

export type TestSmtpServer = {
  readonly port: number;
  /** In the order of their acceptance: what the server has said yes to, and so must deliver. */
  readonly accepted: readonly AcceptedMail[];
  close(): Promise<void>;
};

/** A mail server that takes everything and remembers what it took. */
export async function startTestSmtpServer(): Promise<TestSmtpServer> {
  const accepted: AcceptedMail[] = [];
  const server = new SMTPServer({
    disabledCommands: ['AUTH', 'STARTTLS'],
    disableReverseLookup: true,
    logger: false,
    onData(stream, session, done) {
      text(stream).then(
        (message) => {
          const messageId = /^message-id:\s*(\S+)/im.exec(message)?.[1] ?? '';
          for (const { address } of session.envelope.rcptTo) accepted.push({ messageId, to: address.toLowerCase() });
          done();
        },
        // The connection was cut in the middle: there is nobody to answer.
        (error: Error) => done(error),
      );
    },
  });
  server.on('error', () => undefined);
  server.listen(0, '127.0.0.1');
  await once(server.server, 'listening');
  return {
    port: (server.server.address() as AddressInfo).port,
    accepted,
    close: () => new Promise((resolve) => server.close(() => resolve())),
  };
}
