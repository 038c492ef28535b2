import net, { type Socket } from 'node:net';
import tls from 'node:tls';
import { createReplyReader, type SmtpReply } from './reply-reader.ts';
import type { SmtpServerAddress } from './smtp-server-url.ts';

export type ChannelListener = {
  onReply(reply: SmtpReply): void;
  /** Once, and the last that is heard. */
  onEnd(reason: Error): void;
};

/** A socket to a mail server that speaks replies. What arrives goes to the one that listens now. */
export type SmtpChannel = {
  readonly isEncrypted: () => boolean;
  listen(listener: ChannelListener): void;
  write(data: string): void;
  /** As one packet where they fit. */
  writeAll(parts: readonly (string | Buffer)[]): void;
  /** Whether the kernel has all that was written. Not known under TLS: then it says that it has. */
  hasLeftWhole(): boolean;
  /** STARTTLS was answered: the rest is encrypted. */
  startTls(): Promise<void>;
  /** The last words; the socket is gone soon, whatever the server does. */
  end(data: string): void;
  destroy(): void;
  /** When the socket is gone. */
  readonly closed: Promise<void>;
};

const maxFarewellMs = 1000;

/** Connects, with TLS where the address says so; greetings are the listener's. */
export function openChannel(server: SmtpServerAddress, onConnect: () => void): SmtpChannel {
  let listener: ChannelListener | undefined;
  let ended: Error | undefined;
  let isEncrypted = false;
  let wasWhole: boolean | undefined;
  let reader = createReader();
  let socket: Socket = server.isImplicitTls ? tls.connect(connectOptions(server)) : net.connect(connectOptions(server));
  const { promise: closed, resolve: reportClosed } = Promise.withResolvers<void>();
  socket.once(server.isImplicitTls ? 'secureConnect' : 'connect', () => {
    isEncrypted = server.isImplicitTls;
    onConnect();
  });
  const detach = attach(socket);
  socket.once('close', () => reportClosed());
  socket.setNoDelay(true);

  function createReader() {
    return createReplyReader(
      (reply) => listener?.onReply(reply),
      (what) => finish(new Error(what)),
    );
  }

  const hasLeftWhole = () => isEncrypted || socket.writableLength === 0;

  function finish(reason: Error): void {
    if (ended !== undefined) return;
    ended = reason;
    // A destroyed socket forgets what it had not written.
    wasWhole = hasLeftWhole();
    socket.destroy();
    listener?.onEnd(reason);
  }

  /** @returns what takes the listeners off again */
  function attach(to: Socket): () => void {
    const onData = (chunk: Buffer) => {
      if (ended === undefined) reader.feed(chunk);
    };
    const onClosed = () =>
      finish(new Error(reader.hasPart() ? 'the server closed in the middle of a reply' : 'the server closed the connection'));
    to.on('data', onData).on('error', finish).on('end', onClosed).on('close', onClosed);
    return () => void to.off('data', onData).off('end', onClosed).off('close', onClosed);
  }

  function startTls(): Promise<void> {
    // What came behind the answer came in the clear, from anybody: it must not count as said under TLS.
    if (reader.hasPart()) return Promise.reject(new Error('the server spoke before TLS began'));
    detach();
    reader = createReader();
    const encrypted = tls.connect({ socket, ...server.tls });
    socket = encrypted;
    attach(encrypted);
    return new Promise((resolve) => {
      encrypted.once('secureConnect', () => {
        isEncrypted = true;
        resolve();
      });
    });
  }

  return {
    isEncrypted: () => isEncrypted,
    listen(next) {
      listener = next;
      if (ended !== undefined) next.onEnd(ended);
    },
    write: (data) => void socket.write(data),
    // One message at most is ever under way: there is nothing to hold back.
    writeAll(parts) {
      socket.cork();
      for (const part of parts) socket.write(part);
      socket.uncork();
    },
    hasLeftWhole: () => wasWhole ?? hasLeftWhole(),
    startTls,
    end(data) {
      ended ??= new Error('closed by us');
      socket.end(data);
      socket.resume();
      const timer = setTimeout(() => socket.destroy(), maxFarewellMs);
      socket.once('close', () => clearTimeout(timer));
    },
    destroy: () => finish(new Error('closed by us')),
    closed,
  };
}

function connectOptions({ host, port, tls: security, localAddress, isImplicitTls }: SmtpServerAddress) {
  return { host, port, ...(localAddress !== undefined && { localAddress }), ...(isImplicitTls && security) };
}
