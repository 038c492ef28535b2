import net, { type AddressInfo, type Server } from 'node:net';
import { SMTPServer, type SMTPServerOptions } from 'smtp-server';
import type { OutgoingMail } from '../mail-transport.ts';

export function mailTo(address: string, more: Partial<OutgoingMail> = {}): OutgoingMail {
  return {
    from: { address: 'digest@aquascene.example', name: 'Digest' },
    to: { address },
    subject: 'Plants of the week',
    html: '<p>Hello</p>',
    text: 'Hello',
    messageId: `<${address.replace('@', '.')}@aquascene.example>`,
    date: new Date('2026-11-01T10:00:00Z'),
    headers: {},
    ...more,
  };
}

export type SmtpStand = { readonly url: string; readonly connections: () => number; cut(): void; close(): Promise<void> };

/** A real mail server on loopback that does as the hooks say. `cut` ends every connection at once. */
export async function startSmtp(options: SMTPServerOptions): Promise<SmtpStand> {
  const sockets = new Set<net.Socket>();
  let connections = 0;
  const server = new SMTPServer({ disabledCommands: ['AUTH', 'STARTTLS'], disableReverseLookup: true, logger: false, ...options });
  server.on('error', () => undefined);
  server.server.on('connection', (socket: net.Socket) => {
    connections += 1;
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const cut = () => {
    for (const socket of sockets) socket.destroy();
  };
  return {
    url: `smtp://127.0.0.1:${(server.server.address() as AddressInfo).port}`,
    connections: () => connections,
    cut,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        cut();
      }),
  };
}

/** A server that takes connections and says only what `greet` writes. */
export async function startRaw(greet: (socket: net.Socket) => void): Promise<SmtpStand> {
  const sockets = new Set<net.Socket>();
  const server: Server = net.createServer((socket) => {
    sockets.add(socket);
    socket.setNoDelay(true);
    socket.on('error', () => socket.destroy());
    greet(socket);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const cut = () => {
    for (const socket of sockets) socket.destroy();
  };
  return {
    url: `smtp://127.0.0.1:${(server.address() as AddressInfo).port}`,
    connections: () => sockets.size,
    cut,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        cut();
      }),
  };
}

export type ScriptedConnection = {
  /** Counted from 1, in the order in which they came. */
  readonly number: number;
  readonly socket: net.Socket;
  /** The commands so far, in the order in which they came. */
  readonly lines: string[];
};

export type ScriptedStand = SmtpStand & {
  /** Whole messages, as they came, without their final dots. */
  readonly contents: readonly string[];
  readonly lines: () => readonly string[];
  /** Most commands that came together. */
  readonly largestGroup: () => number;
};

const usualAnswers: Readonly<Record<string, string>> = {
  greeting: '220 stand',
  EHLO: '250-stand\r\n250-PIPELINING\r\n250-SIZE 1000000\r\n250 8BITMIME',
  DATA: '354 go',
  QUIT: '221 bye',
};

/**
 * A mail server that says what `answer` says at each step (`greeting`, a verb, or `content` for a whole message): a line or
 * several without their last line end, null for nothing, undefined for what is usual.
 */
export async function startScripted(
  answer: (step: string, connection: ScriptedConnection, line: string) => string | null | undefined,
): Promise<ScriptedStand> {
  const contents: string[] = [];
  const connections: ScriptedConnection[] = [];
  let largestGroup = 0;
  const stand = await startRaw((socket) => {
    const connection: ScriptedConnection = { number: connections.length + 1, socket, lines: [] };
    connections.push(connection);
    const say = (step: string, line: string): string => {
      const given = answer(step, connection, line);
      const text = given === undefined ? (usualAnswers[step] ?? '250 ok') : given;
      if (text !== null && socket.writable) socket.write(`${text}\r\n`);
      return text ?? '';
    };
    let rest = '';
    let isContent = false;
    say('greeting', '');
    socket.on('data', (chunk) => {
      rest += chunk.toString('latin1');
      const before = connection.lines.length;
      for (;;) {
        const end = isContent ? rest.indexOf('\r\n.\r\n') : rest.indexOf('\r\n');
        if (end === -1) return;
        const text = rest.slice(0, end + (isContent ? 2 : 0));
        rest = rest.slice(end + (isContent ? 5 : 2));
        if (isContent) {
          isContent = false;
          contents.push(text);
          say('content', text);
          continue;
        }
        connection.lines.push(text);
        largestGroup = Math.max(largestGroup, connection.lines.length - before);
        isContent = say(text.slice(0, 4).trim().toUpperCase(), text).startsWith('354');
      }
    });
  });
  const lines = () => connections.flatMap((connection) => connection.lines);
  return { ...stand, contents, lines, largestGroup: () => largestGroup, connections: () => connections.length };
}
