import { type AddressInfo, createServer, type Socket } from 'node:net';
import { createInterface } from 'node:readline';

/** What the server says at a step of a message; `cut` ends the connection there. Undefined: it accepts. */
export type Answer = string | 'cut' | undefined;

export type ScriptedServer = {
  readonly port: number;
  /** Message-IDs that were accepted, in their order. */
  readonly accepted: readonly string[];
  close(): Promise<void>;
};

export type Script = {
  /** At RCPT TO. */
  readonly onRecipient?: (address: string) => Answer;
  /** When the whole message has arrived. A promise holds the answer back. */
  readonly onMessage?: (messageId: string, address: string) => Answer | Promise<Answer>;
  readonly port?: number;
};

/** A mail server that speaks SMTP and answers as it is told to. */
export async function startScriptedServer({ onRecipient, onMessage, port = 0 }: Script): Promise<ScriptedServer> {
  const accepted: string[] = [];
  const sockets = new Set<Socket>();

  async function converse(socket: Socket): Promise<void> {
    const say = (answer: Answer, otherwise: string) => {
      if (answer === 'cut') socket.destroy();
      else socket.write(`${answer ?? otherwise}\r\n`);
    };
    let address = '';
    let messageId: string | undefined;
    say(undefined, '220 scripted.localhost ESMTP');
    for await (const line of createInterface({ input: socket })) {
      if (messageId !== undefined) {
        messageId = /^message-id: *(\S+)/i.exec(line)?.[1] ?? messageId;
        if (line !== '.') continue;
        const answer = await onMessage?.(messageId, address);
        if (answer === undefined) accepted.push(messageId);
        messageId = undefined;
        say(answer, '250 2.0.0 taken');
      } else if (/^rcpt to:/i.test(line)) {
        address = /<(.*?)>/.exec(line)?.[1] ?? '';
        say(onRecipient?.(address), '250 2.1.5 fine');
      } else if (/^data/i.test(line)) {
        messageId = '';
        say(undefined, '354 go on');
      } else if (/^quit/i.test(line)) {
        say(undefined, '221 bye');
        socket.end();
      } else say(undefined, '250 fine');
    }
  }

  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
    socket.on('error', () => socket.destroy());
    converse(socket).catch(() => socket.destroy());
  });
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
  return {
    port: (server.address() as AddressInfo).port,
    accepted,
    close: () =>
      new Promise((resolve) => {
        for (const socket of sockets) socket.destroy();
        server.close(() => resolve());
      }),
  };
}
