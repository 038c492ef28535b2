import { setTimeout as delay } from 'node:timers/promises';
import { type EmbeddedPostgres, startEmbeddedPostgres } from '#platform/database';
import type { Logger } from '#platform/telemetry';
import { messageOf } from '#shared/errors';

export type DatabaseKeeper = { stop(): Promise<void>; kill(): void };

const firstPauseMs = 1000;
const maxPauseMs = 10_000;

/**
 * A database server that ends while the engine runs is started again on its port; requests meanwhile get 503. While that
 * fails (a full disk), it is tried again and again: what the reason is, is said when it changes.
 */
export function keepDatabaseRunning(first: EmbeddedPostgres, options: { dataDir: string; logger: Logger }): DatabaseKeeper {
  const { dataDir, logger } = options;
  let server = first;
  const stopping = new AbortController();

  let starting = Promise.resolve();

  async function startAgain(): Promise<void> {
    let lastReason = '';
    for (let pauseMs = firstPauseMs; !stopping.signal.aborted; pauseMs = Math.min(maxPauseMs, pauseMs * 2)) {
      try {
        server = await startEmbeddedPostgres({ dataDir, logger, port: server.port });
        logger.warn('the database server runs again');
        return;
      } catch (error) {
        // Without the end of the server's log, which is another each time.
        const [reason = ''] = messageOf(error).split('\n');
        if (reason !== lastReason) logger.error({ reason }, 'the database server cannot be started again; it is tried until it can');
        lastReason = reason;
        await delay(pauseMs, undefined, { signal: stopping.signal }).catch(() => undefined);
      }
    }
  }

  async function keep(): Promise<void> {
    while (!stopping.signal.aborted) {
      await server.exited;
      if (stopping.signal.aborted) return;
      logger.warn('the database server ended; starting it again');
      starting = startAgain();
      await starting;
    }
  }

  void keep();
  return {
    async stop() {
      stopping.abort();
      // One that is just being started would be left behind.
      await starting;
      await server.stop();
    },
    kill() {
      stopping.abort();
      server.kill();
    },
  };
}
