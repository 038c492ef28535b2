import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import { SMTPServer } from 'smtp-server';
import type { SenderOrder } from './limited-sender.ts';
import { waitFor } from './wait-for.ts';

export type LimitedSending = {
  readonly processes: number;
  readonly limitPerSecond: number;
  /** Messages that the sink accepted, and how many processes they came from. */
  readonly accepted: number;
  readonly senders: number;
  /** Most messages that the sink accepted in any second that slides over its own time stamps. */
  readonly mostInASecond: number;
  /** By how much that is over the limit: 0.01 is one per cent; 0 when it is not over. */
  readonly overshoot: number;
  /** Accepted a second from the first to the last, against the limit. */
  readonly toLimit: number;
};

export type LimitedSendingOptions = {
  /** `databaseUrl` is of a migrated database; limits are kept in Redis where it is given. */
  readonly store: { readonly databaseUrl: string; readonly redisUrl?: string };
  readonly processes?: number;
  /** Of the transport, or of the one recipient host. */
  readonly limitPerSecond: number;
  readonly kind: 'transport' | 'host';
  /** Ends when the sink has so many, or so many seconds after the first. */
  readonly messages?: number;
  readonly seconds: number;
};

type Accepted = { readonly at: number; readonly from: string };

const senderFile = path.resolve(import.meta.dirname, 'limited-sender.ts');

/** Some processes send as much as they get leave for to one sink. */
export async function measureLimitedSending(options: LimitedSendingOptions): Promise<LimitedSending> {
  const { processes = 4, limitPerSecond, kind, seconds, messages = Number.POSITIVE_INFINITY, store } = options;
  const sink = await startSink();
  const children = Array.from({ length: processes }, () => fork(senderFile, { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] }));
  try {
    const isTransport = kind === 'transport';
    for (const child of children) {
      tell(child, {
        kind: 'start',
        databaseUrl: store.databaseUrl,
        redisUrl: store.redisUrl,
        smtpUrl: `smtp://127.0.0.1:${sink.port}${isTransport ? `?per-second=${limitPerSecond}` : ''}`,
        hostLimits: isTransport ? '' : `limited.example=${limitPerSecond}/s`,
        domain: 'limited.example',
      });
    }
    // Processes take their time to start.
    await waitFor('a first message', () => sink.accepted.length > 0, 180_000);
    const endsAt = performance.now() + seconds * 1000;
    await waitFor('the messages', () => sink.accepted.length >= messages || performance.now() >= endsAt, (seconds + 60) * 1000);
    const accepted = [...sink.accepted];
    return summarize(accepted, processes, limitPerSecond);
  } finally {
    await Promise.all(children.map(stop));
    await sink.close();
  }
}

const tell = (child: ChildProcess, order: SenderOrder): void => void child.send(order);

async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exited = once(child, 'exit');
  const timer = setTimeout(() => child.kill('SIGKILL'), 10_000);
  if (child.connected) tell(child, { kind: 'stop' });
  await exited;
  clearTimeout(timer);
}

async function startSink() {
  const accepted: Accepted[] = [];
  const server = new SMTPServer({
    disabledCommands: ['AUTH', 'STARTTLS'],
    disableReverseLookup: true,
    logger: false,
    onData(stream, _, done) {
      let text = '';
      stream.setEncoding('latin1');
      stream.on('data', (chunk: string) => {
        text += chunk;
      });
      stream.on('end', () => {
        // Stamped before the answer leaves.
        accepted.push({ at: performance.now(), from: /^Message-ID: <(\d+)\./m.exec(text)?.[1] ?? '' });
        done();
      });
      stream.on('error', (error: Error) => done(error));
    },
  });
  server.on('error', () => undefined);
  server.listen(0, '127.0.0.1');
  await once(server.server, 'listening');
  return {
    accepted,
    port: (server.server.address() as AddressInfo).port,
    close: () => new Promise<void>((resolve) => server.close(() => resolve())),
  };
}

function summarize(accepted: readonly Accepted[], processes: number, limitPerSecond: number): LimitedSending {
  const times = accepted.map(({ at }) => at);
  let mostInASecond = 0;
  let first = 0;
  for (const [index, at] of times.entries()) {
    while ((times[first] ?? at) <= at - 1000) first += 1;
    mostInASecond = Math.max(mostInASecond, index - first + 1);
  }
  const seconds = ((times.at(-1) ?? 0) - (times[0] ?? 0)) / 1000;
  return {
    processes,
    limitPerSecond,
    accepted: accepted.length,
    senders: new Set(accepted.map(({ from }) => from)).size,
    mostInASecond,
    overshoot: Math.max(0, mostInASecond / limitPerSecond - 1),
    // The first second has a whole limit at once: it is not counted among those that it took.
    toLimit: accepted.length / (limitPerSecond * (seconds + 1)),
  };
}
