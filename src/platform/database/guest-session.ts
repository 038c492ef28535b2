import { setTimeout as delay } from 'node:timers/promises';
import pg from 'pg';
import type { Logger } from '#platform/telemetry';

// Any constant: it only has to be the same in every process that uses an embedded server.
const advisoryLockKey = 7_209_114_534;
const reconnectPauseMs = 1000;
const leaveTimeoutMs = 3000;

export type GuestSession = {
  /**
   * Ends the stay. True when nobody else is there: newcomers are kept waiting until `close`, and the server can be shut
   * down under their eyes.
   */
  leave(): Promise<boolean>;
  /** At once, e.g. when the server is gone. */
  close(): void;
};

/**
 * Says to other processes that the server is in use, so that whoever leaves last shuts it down and nobody before. A
 * session's lock is that sign: however a process ends, the server lets go of it.
 *
 * @throws when the server shuts down meanwhile: it is to be started anew
 */
export async function enterAsGuest(url: string, logger: Logger): Promise<GuestSession> {
  let isLeaving = false;
  let client = await connect();

  async function connect(): Promise<pg.Client> {
    const next = new pg.Client({ connectionString: url, application_name: 'aquascene-guest', keepAlive: true });
    next.on('error', (error) => logger.debug({ err: error }, 'guest session was cut off'));
    await next.connect();
    await next.query('select pg_advisory_lock_shared($1)', [advisoryLockKey]);
    next.once('end', () => void comeBack());
    return next;
  }

  /** After the server's own recovery from a crash every session is gone, and the server is still in use. */
  async function comeBack(): Promise<void> {
    for (;;) {
      await delay(reconnectPauseMs, undefined, { ref: false });
      if (isLeaving) return;
      try {
        client = await connect();
        return;
      } catch (error) {
        logger.debug({ err: error }, 'guest session cannot be opened; trying again');
      }
    }
  }

  async function isLast(): Promise<boolean> {
    try {
      await client.query('select pg_advisory_unlock_shared($1)', [advisoryLockKey]);
      const { rows } = await client.query('select pg_try_advisory_lock($1) as "isLast"', [advisoryLockKey]);
      return rows[0].isLast === true;
    } catch (error) {
      // A server that cannot be asked serves nobody.
      logger.debug({ err: error }, 'guest session was cut off before its end');
      return true;
    }
  }

  return {
    async leave() {
      isLeaving = true;
      const result = await Promise.race([isLast(), delay(leaveTimeoutMs, true, { ref: false })]);
      if (!result) await client.end();
      return result;
    },
    close() {
      isLeaving = true;
      void client.end().catch((error: unknown) => logger.debug({ err: error }, 'guest session was gone'));
    },
  };
}
