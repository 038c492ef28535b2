import { Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import pg from 'pg';
import type { Logger, OutageLog } from '#platform/telemetry';
import { hasReplayed, type ServerDirectory, type ServerIdentity } from './server-identity.ts';

export type ServerMonitorOptions = {
  readonly what: string;
  readonly config: pg.ClientConfig;
  readonly directory: ServerDirectory;
  readonly outage: OutageLog;
  readonly onAnswer: (server: ServerIdentity) => void;
  readonly logger: Logger;
};

/** Knows whether a server answers and how far it is, by asking it again and again. */
export type ServerMonitor = {
  isUp(): boolean;
  /** Who answered last. Undefined until the server has answered for the first time. */
  server(): ServerIdentity | undefined;
  /** Resolves when it has been asked for the first time, however that went. */
  readonly firstAsked: Promise<unknown>;
  /** Somebody met trouble: nobody is sent there until it has answered again. */
  suspect(): void;
  /** True when the server has replayed this far within the time. Those who wait share what is asked. */
  waitFor(lsn: bigint, timeoutMs: number): Promise<boolean>;
  close(): void;
};

const intervalMs = 1000;
const answerTimeoutMs = 1000;
const firstRetryMs = 250;
const maxRetryMs = 5000;
const pollMs = 5;

/**
 *     up ──(no answer in time, or a failure that somebody met)──▶ suspect ──(none on a new connection either)──▶ down
 *     ▲                                                              │                                             │
 *     └──────────────────────────(an answer)─────────────────────────┴──────(an answer; asked ever less often)─────┘
 *
 * The connection is one of its own: where the pool's are all in use the server is asked all the same.
 */
export function createServerMonitor(options: ServerMonitorOptions): ServerMonitor {
  const { logger, what, outage } = options;
  let connection: { readonly client: pg.Client; readonly socket: Socket } | undefined;
  let server: ServerIdentity | undefined;
  let isUp = true;
  let failures = 0;
  let asking: Promise<void> | undefined;
  let timer: NodeJS.Timeout | undefined;
  let isClosed = false;

  function drop(): void {
    connection?.socket.destroy();
    connection = undefined;
  }

  async function open(): Promise<pg.Client> {
    const socket = new Socket();
    const client = new pg.Client({
      ...options.config,
      stream: () => socket,
      connectionTimeoutMillis: answerTimeoutMs,
      query_timeout: answerTimeoutMs,
    });
    connection = { client, socket };
    // Found out by the next question.
    client.on('error', (error) => logger.debug({ reason: error.message }, `the watch over ${what} was cut off`));
    await client.connect();
    return client;
  }

  async function askOnce(): Promise<void> {
    const answer = await options.directory.ask(connection?.client ?? (await open()));
    if (isClosed) return drop();
    server = answer;
    isUp = true;
    failures = 0;
    outage.up();
    options.onAnswer(answer);
  }

  /** An old connection may be dead where the server is not, so the second question goes by a new one. */
  async function askTwice(): Promise<void> {
    try {
      await askOnce();
    } catch {
      isUp = false;
      drop();
      if (isClosed) return;
      try {
        await askOnce();
      } catch (error) {
        drop();
        failures += 1;
        if (!isClosed) outage.down(error);
      }
    }
  }

  function ask(): Promise<void> {
    if (isClosed) return Promise.resolve();
    asking ??= askTwice().finally(() => {
      asking = undefined;
      askLater();
    });
    return asking;
  }

  function askLater(): void {
    clearTimeout(timer);
    if (isClosed) return;
    const pauseMs = isUp ? intervalMs : Math.min(maxRetryMs, firstRetryMs * 2 ** (failures - 1));
    timer = setTimeout(() => void ask(), pauseMs);
    timer.unref();
  }

  return {
    isUp: () => isUp,
    server: () => server,
    firstAsked: ask(),
    suspect() {
      if (!isUp) return;
      isUp = false;
      void ask();
    },
    async waitFor(lsn, timeoutMs) {
      const deadline = performance.now() + timeoutMs;
      for (;;) {
        // One that is under way may have been answered before the commit that is waited for.
        await asking;
        await ask();
        if (!isUp || server === undefined) return false;
        if (hasReplayed(server, lsn)) return true;
        if (performance.now() >= deadline) return false;
        await delay(pollMs);
      }
    },
    close() {
      isClosed = true;
      clearTimeout(timer);
      drop();
    },
  };
}
