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
