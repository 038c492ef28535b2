import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';

/**
 * What the sink does with a message: takes it, answers with a line of its own, hangs up, or takes it and hangs up before it says
 * so. A promise holds the answer back.
 */
export type Verdict = 'take' | 'cut' | 'take-and-cut' | `${4 | 5}${string}`;

export type SmtpSinkOptions = {
  readonly port?: number;
  /** At RCPT TO: a line that refuses the recipient; undefined: fine. */
  readonly onRecipient?: (address: string) => string | undefined;
  /** When the first bytes of a message have come: whether to hang up in the middle of it. */
  readonly isCutInside?: (address: string) => boolean;
  /** When a whole message has come. It is taken unless told otherwise. */
  readonly onMessage?: (address: string, raw: Buffer) => Verdict | Promise<Verdict>;
};

export type SmtpSink = { readonly port: number; readonly connections: () => number; close(): Promise<void> };

const endOfData = Buffer.from('\r\n.\r\n');
const lf = 0x0a;

/** A lean SMTP server (RFC 5321, with PIPELINING) that keeps nothing: a few microseconds a message, so that it is never what is measured. */
export async function startSmtpSink(options: SmtpSinkOptions = {}): Promise<SmtpSink> {
  const sockets = new Set<Socket>();
  const server = createServer({ noDelay: true }, (socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
    socket.on('error', () => socket.destroy());
    converse(socket, options);
  });
  server.listen(options.port ?? 0, '127.0.0.1');
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    connections: () => sockets.size,
    close: () =>
      new Promise((resolve) => {
        for (const socket of sockets) socket.destroy();
        server.close(() => resolve());
      }),
  };
}

function converse(socket: Socket, { onRecipient, isCutInside, onMessage }: SmtpSinkOptions): void {
  let pending: Buffer = Buffer.alloc(0);
  let isInData = false;
  let searchFrom = 0;
  let address = '';
  let replies = '220 sink.localhost ESMTP\r\n';
  let isWaiting = false;

  const flush = () => {
    if (replies !== '') socket.write(replies);
    replies = '';
  };

  function settle(verdict: Verdict): void {
    if (verdict === 'cut' || verdict === 'take-and-cut') socket.destroy();
    else replies += verdict === 'take' ? '250 2.0.0 taken\r\n' : `${verdict}\r\n`;
  }

  /** Whether there was a whole message to be read. */
  function readMessage(): boolean {
    if (isCutInside?.(address) === true) {
      socket.destroy();
      return false;
    }
    const end = pending.indexOf(endOfData, searchFrom);
    if (end === -1) {
      searchFrom = Math.max(0, pending.length - endOfData.length + 1);
      return false;
    }
    const raw = pending.subarray(0, end + 2);
    pending = pending.subarray(end + endOfData.length);
    isInData = false;
    const verdict = onMessage?.(address, raw) ?? 'take';
    if (typeof verdict === 'string') settle(verdict);
    else {
      isWaiting = true;
      flush();
      verdict.then((later) => {
        isWaiting = false;
        settle(later);
        read();
      });
    }
    return true;
  }

  /** Whether there was a whole line to be read. */
  function readCommand(): boolean {
    const end = pending.indexOf(lf);
    if (end === -1) return false;
    const line = pending.toString('latin1', 0, end);
    pending = pending.subarray(end + 1);
    const verb = line.slice(0, 4).toUpperCase();
    if (verb === 'DATA') {
      isInData = true;
      searchFrom = 0;
      replies += '354 go on\r\n';
    } else if (verb === 'RCPT') {
      address = line.slice(line.indexOf('<') + 1, line.indexOf('>'));
      const refusal = onRecipient?.(address);
      replies += refusal === undefined ? '250 2.1.5 fine\r\n' : `${refusal}\r\n`;
    } else if (verb === 'EHLO') replies += '250-sink.localhost\r\n250-PIPELINING\r\n250-8BITMIME\r\n250 ENHANCEDSTATUSCODES\r\n';
    else if (verb === 'QUIT') {
      socket.end(`${replies}221 2.0.0 bye\r\n`);
      replies = '';
    } else replies += '250 2.0.0 fine\r\n';
    return true;
  }

  function read(): void {
    while (!isWaiting && !socket.destroyed && pending.length > 0 && (isInData ? readMessage() : readCommand()));
    if (!socket.destroyed) flush();
  }

  flush();
  socket.on('data', (chunk: Buffer) => {
    pending = pending.length === 0 ? chunk : Buffer.concat([pending, chunk]);
    read();
  });
}
