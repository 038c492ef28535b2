import { setTimeout as delay } from 'node:timers/promises';
import pg from 'pg';
import { createOutageLog, type Logger } from '#platform/telemetry';
import { messageOf } from '#shared/errors';
import type { ConnectionSettings } from './connection-settings.ts';
import { createSocketRegister, driverConfigOf } from './driver.ts';

export type Listener = {
  /** Listens on a connection of its own; connects again by itself. The callback also runs after every reconnect. */
  listen(channel: string, onNotification: (payload: string) => void): Promise<{ close(): Promise<void> }>;
  /** Ends the connections as they stand; what listens connects again. */
  cutAll(): void;
  /** Cuts what is left: a silent server answers no goodbye. */
  close(): void;
};

const reconnectPauseMs = 1000;
const goodbyeTimeoutMs = 1000;
const closeTimeoutMs = 2000;

/** @param url of the server itself: a pooler in transaction mode passes no notifications on */
export function createListener(url: string, settings: ConnectionSettings, logger: Logger): Listener {
  const sockets = createSocketRegister();
  const config: pg.ClientConfig = {
    ...driverConfigOf(url, settings, 'listen'),
    stream: sockets.create,
    connectionTimeoutMillis: settings.connectTimeoutMs,
    query_timeout: settings.connectTimeoutMs,
  };

  async function listen(channel: string, onNotification: (payload: string) => void) {
    let client: pg.Client | undefined;
    let isClosed = false;
    let retryTimer: NodeJS.Timeout | undefined;
    const outage = createOutageLog(logger, 'the source of notifications', { channel });

    const reconnectLater = () => {
      if (isClosed) return;
      retryTimer = setTimeout(() => void connect(), reconnectPauseMs);
    };
    async function connect(): Promise<void> {
      if (isClosed) return;
      const next = new pg.Client(config);
      client = next;
      let isLost = false;
      const onLost = (error?: Error) => {
        if (isLost) return;
        isLost = true;
        if (!isClosed) outage.down(error ?? 'connection closed');
        reconnectLater();
      };
      next.on('error', onLost);
      next.on('end', () => onLost());
      next.on('notification', (message) => onNotification(message.payload ?? ''));
      try {
        await next.connect();
        await next.query(`listen ${pg.escapeIdentifier(channel)}`);
        outage.up();
        onNotification('');
      } catch (error) {
        onLost(error instanceof Error ? error : undefined);
      }
    }
    await connect();
    return {
      async close() {
        isClosed = true;
        clearTimeout(retryTimer);
        const goodbye = client?.end().catch((error: unknown) => logger.debug({ reason: messageOf(error) }, 'listener was gone already'));
        await Promise.race([goodbye, delay(goodbyeTimeoutMs, undefined, { ref: false })]);
      },
    };
  }

  return {
    listen,
    cutAll: sockets.cutAll,
    close: () => void setTimeout(sockets.cutAll, closeTimeoutMs).unref(),
  };
}
