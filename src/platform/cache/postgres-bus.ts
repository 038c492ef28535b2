import { type Database, sql, type Transaction } from '#platform/database';
import type { Logger } from '#platform/telemetry';
import { messageOf } from '#shared/errors';

/** Tells the other processes. What is missed while a connection is lost is not repeated: `onGap` says that something may have been. */
export type InvalidationBus = {
  publish(payload: string): Promise<void>;
  /** As part of the transaction: told when it commits, never when it rolls back. */
  publishIn(transaction: Transaction, payload: string): Promise<void>;
  listen(onMessage: (payload: string) => void, onGap: () => void): Promise<{ close(): Promise<void> }>;
  /** The longest payload that one message carries. */
  readonly maxPayloadBytes: number;
};

const channel = 'aquascene_cache';
const heartbeat = 'heartbeat';
// PostgreSQL's limit is 8000 bytes.
const maxPayloadBytes = 7900;
const heartbeatIntervalMs = 5000;

const notify = (payload: string) => sql<object>`select pg_notify(${channel}, ${payload})`;

/**
 * For processes that share a PostgreSQL and no Redis. The server delivers every notification, in the order of the commits, as long
 * as the connection stands; a new connection means a gap. Whether a connection that seems to stand still hears anything shows
 * in a heartbeat, which is sent to itself: unheard, it is a gap, and the connection is made anew.
 */
export function createPostgresBus({ database, logger }: { readonly database: Database; readonly logger: Logger }): InvalidationBus {
  const publish = async (payload: string) => void (await database.query('cache.notify', notify(payload)));

  async function listen(onMessage: (payload: string) => void, onGap: () => void) {
    let unheard = 0;
    let isClosed = false;
    const hear = (payload: string) => {
      unheard = 0;
      // The first word of every new connection.
      if (payload === '') onGap();
      else if (payload !== heartbeat) onMessage(payload);
    };
    let subscription = await database.listen(channel, hear);

    async function beat(): Promise<void> {
      if (unheard >= 2) {
        unheard = 0;
        logger.warn({ channel }, 'notifications do not arrive; the connection is made anew');
        const deaf = subscription;
        onGap();
        subscription = await database.listen(channel, hear);
        await deaf.close();
        if (isClosed) await subscription.close();
        return;
      }
      await publish(heartbeat);
      // Sent, so the database is there: it has until the next one to be heard.
      unheard += 1;
    }
    const timer = setInterval(() => {
      beat().catch((error: unknown) => logger.debug({ reason: messageOf(error) }, 'no heartbeat of the cache bus'));
    }, heartbeatIntervalMs);
    timer.unref();
    return {
      async close() {
        isClosed = true;
        clearInterval(timer);
        await subscription.close();
      },
    };
  }

  return {
    publish,
    publishIn: async (transaction, payload) => void (await transaction.query('cache.notify', notify(payload))),
    listen,
    maxPayloadBytes,
  };
}
