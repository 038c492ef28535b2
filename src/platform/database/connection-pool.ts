import { Socket } from 'node:net';
import pg from 'pg';
import { createOutageLog, type Logger } from '#platform/telemetry';
import { messageOf } from '#shared/errors';
import { isAnswerOfServer } from './database-errors.ts';
import { createStallWatch } from './stall-watch.ts';

export type ConnectionPoolOptions = {
  readonly url: string;
  readonly applicationName: string;
  readonly maxConnections: number;
  readonly connectTimeoutMs: number;
  readonly statementTimeoutMs: number;
  readonly lockTimeoutMs: number;
  readonly idleInTransactionTimeoutMs: number;
  readonly logger: Logger;
};

/** One connection, while it is lent. Failures are the driver's own. */
export type Session = {
  query(text: string, values?: unknown[]): Promise<pg.QueryResult | pg.QueryResult[]>;
  /** The connection can carry no further statement, and what was open on it is rolled back. */
  isBroken(): boolean;
};

export type PoolFigures = { readonly total: number; readonly idle: number; readonly waiting: number };

export type ConnectionPool = {
  withSession<T>(work: (session: Session) => Promise<T>): Promise<T>;
  /** A connection beside the pool, not yet open, to hear notifications on. */
  createListener(): pg.Client;
  figures(): PoolFigures;
  close(): Promise<void>;
};

// The server cancels a statement at its own limit; later than that nothing will come on this connection any more.
const silenceAfterStatementTimeoutMs = 10_000;
const keepAliveAfterMs = 10_000;
const closeTimeoutMs = 2000;

// bigint (20) as a number: ids are UUIDs, so every int8 is a count. numeric (1700) as a number. date (1082) stays text.
const typeParsers = new Map<number, (text: string) => unknown>([
  [20, Number],
  [1700, Number],
  [1082, (text: string) => text],
]);

const types: pg.CustomTypesConfig = {
  getTypeParser: ((oid: number, format?: 'text' | 'binary') =>
    typeParsers.get(oid) ?? pg.types.getTypeParser(oid, format as 'text')) as typeof pg.types.getTypeParser,
};

/** Sockets of ours that are open: to a server that is silent no connection can be ended but by cutting it. */
function createSocketRegister() {
  const sockets = new Set<Socket>();
  return {
    create(): Socket {
      const socket = new Socket();
      sockets.add(socket);
      socket.once('close', () => sockets.delete(socket));
      return socket;
    },
    cutAll(): void {
      for (const socket of sockets) socket.destroy();
    },
  };
}

/**
 * PostgreSQL connections that are shared. No statement waits for ever: the server's limits end what is slow, the stall
 * watch what is never answered.
 */
export function createConnectionPool(options: ConnectionPoolOptions): ConnectionPool {
  const { logger } = options;
  const sockets = createSocketRegister();
  const config = {
    connectionString: options.url,
    connectionTimeoutMillis: options.connectTimeoutMs,
    keepAlive: true,
    keepAliveInitialDelayMillis: keepAliveAfterMs,
    types,
  };
  const pool = new pg.Pool({
    ...config,
    application_name: options.applicationName,
    stream: sockets.create,
    max: options.maxConnections,
    idleTimeoutMillis: 30_000,
    maxLifetimeSeconds: 3600,
    statement_timeout: options.statementTimeoutMs,
    query_timeout: options.statementTimeoutMs + silenceAfterStatementTimeoutMs,
    lock_timeout: options.lockTimeoutMs,
    idle_in_transaction_session_timeout: options.idleInTransactionTimeoutMs,
  });
  // An idle connection that the server closed: the pool drops it by itself; unheard, the event would end the process.
  pool.on('error', (error) => logger.debug({ reason: error.message }, 'an idle database connection was lost'));
  const outage = createOutageLog(logger, 'the database');

  // No connection made before outlives the silence: some of them might stay dead after it.
  const watch = createStallWatch({ probe, logger, onStall: sockets.cutAll });

  async function probe(timeoutMs: number): Promise<boolean> {
    const socket = new Socket();
    const client = new pg.Client({
      ...config,
      application_name: `${options.applicationName}-probe`,
      stream: () => socket,
      connectionTimeoutMillis: timeoutMs,
      query_timeout: timeoutMs,
    });
    client.on('error', (error) => logger.debug({ reason: error.message }, 'probe was cut off'));
    try {
      await client.connect();
      await client.query('select 1');
      return true;
    } catch (error) {
      // A refusal (too many connections, starting up) is an answer too.
      return error instanceof pg.DatabaseError;
    } finally {
      socket.destroy();
    }
  }

  async function acquire(): Promise<pg.PoolClient> {
    let connecting: Promise<pg.PoolClient> | undefined;
    try {
      return await watch.guard(() => {
        connecting = pool.connect();
        return connecting;
      });
    } catch (error) {
      outage.down(error);
      // A connection that comes after all goes back.
      connecting?.then(
        (client) => client.release(true),
        (late: unknown) => logger.debug({ reason: messageOf(late) }, 'no database connection'),
      );
      throw error;
    }
  }

  async function withSession<T>(work: (session: Session) => Promise<T>): Promise<T> {
    const client = await acquire();
    let isBroken = false;
    const onError = () => {
      isBroken = true;
    };
    client.on('error', onError);
    try {
      return await work({
        isBroken: () => isBroken,
        async query(text, values) {
          try {
            const result = await watch.guard(() => client.query(text, values));
            outage.up();
            return result;
          } catch (error) {
            if (!isAnswerOfServer(error)) {
              isBroken = true;
              outage.down(error);
            }
            throw error;
          }
        },
      });
    } finally {
      client.off('error', onError);
      client.release(isBroken);
    }
  }

  return {
    withSession,
    createListener: () =>
      new pg.Client({
        ...config,
        application_name: `${options.applicationName}-listen`,
        stream: sockets.create,
        query_timeout: options.connectTimeoutMs,
      }),
    figures: () => ({ total: pool.totalCount, idle: pool.idleCount, waiting: pool.waitingCount }),
    async close() {
      await pool.end();
      watch.close();
      // Goodbyes that a silent server never answers would keep the process alive.
      setTimeout(sockets.cutAll, closeTimeoutMs).unref();
    },
  };
}
