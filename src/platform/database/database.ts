import { DummyDriver, Kysely, PostgresAdapter, PostgresIntrospector, PostgresQueryCompiler, type RawBuilder } from 'kysely';
import pg from 'pg';
import type { Logger, Metrics } from '#platform/telemetry';
import { AppError } from '#shared/errors';
import { createQueryMonitor, type QueryMonitor } from './query-monitor.ts';

export type Row = Record<string, unknown>;

/** Every statement has a name, under which its figures are kept: `<table or noun>.<verb>`. */
export type Queryable = {
  /** All rows of the statement. */
  query<R extends object>(name: string, statement: RawBuilder<R>): Promise<R[]>;
  /** The first row, or undefined. */
  maybeOne<R extends object>(name: string, statement: RawBuilder<R>): Promise<R | undefined>;
  /** The first row; an AppError `no_row` when there is none. */
  one<R extends object>(name: string, statement: RawBuilder<R>): Promise<R>;
  /** Runs the statement and returns the number of rows that it changed. */
  execute(name: string, statement: RawBuilder<unknown>): Promise<number>;
};

/** A handle inside an open transaction. Whatever is written through it commits or rolls back as one. */
export type Transaction = Queryable & {
  /** Raw access in the shape that pg-boss asks for, so that jobs commit with the caller's rows. */
  readonly executeSql: (text: string, values?: unknown[]) => Promise<{ rows: Row[]; rowCount: number }>;
  /** Runs once the transaction has committed; never when it rolled back. */
  readonly afterCommit: (callback: () => void) => void;
};

export type PoolFigures = { readonly total: number; readonly idle: number; readonly waiting: number };

export type Database = Queryable & {
  transaction<T>(work: (transaction: Transaction) => Promise<T>): Promise<T>;
  /** Takes a connection of its own and listens; reconnects by itself. The callback also runs after every reconnect. */
  listen(channel: string, onNotification: (payload: string) => void): Promise<{ close(): Promise<void> }>;
  readonly executeSql: Transaction['executeSql'];
  readonly monitor: QueryMonitor;
  poolFigures(): PoolFigures;
  close(): Promise<void>;
};

export type DatabaseOptions = {
  readonly url: string;
  readonly applicationName: string;
  readonly maxConnections: number;
  readonly connectTimeoutMs: number;
  readonly statementTimeoutMs: number;
  readonly lockTimeoutMs: number;
  readonly idleInTransactionTimeoutMs: number;
  readonly logger: Logger;
  readonly metrics: Metrics;
};

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

const compiler = new Kysely<Record<string, never>>({
  dialect: {
    createAdapter: () => new PostgresAdapter(),
    createDriver: () => new DummyDriver(),
    createIntrospector: (db) => new PostgresIntrospector(db),
    createQueryCompiler: () => new PostgresQueryCompiler(),
  },
});

/** Codes of failures after which the same request may succeed: class 08, 57P0x, 53xxx and socket errors. */
const unavailableCodes = /^(08\w{3}|57P0[123]|53[0-9A-Z]{3}|ECONNREFUSED|ECONNRESET|EPIPE|ETIMEDOUT|ENOENT|EHOSTUNREACH|EAI_AGAIN)$/;

function codeOf(error: unknown): string {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  return typeof code === 'string' ? code : '';
}

/** Names the outage so that the edge can answer 503 with Retry-After; every other error passes as it is. */
export function translateDatabaseError(error: unknown): unknown {
  if (error instanceof AppError) return error;
  const isOutage =
    unavailableCodes.test(codeOf(error)) ||
    (error instanceof Error &&
      /Connection terminated|timeout exceeded when trying to connect|Client has encountered a connection error|server closed the connection/i.test(
        error.message,
      ));
  if (!isOutage) return error;
  return new AppError('database_unavailable', 'The database cannot be reached at the moment.', {
    status: 503,
    retryable: true,
    retryAfterSeconds: 2,
    cause: error,
  });
}

export function createDatabase(options: DatabaseOptions): Database {
  const monitor = createQueryMonitor(options);
  const connectionConfig: pg.ClientConfig = {
    connectionString: options.url,
    application_name: options.applicationName,
    connectionTimeoutMillis: options.connectTimeoutMs,
    keepAlive: true,
    types,
  };
  const pool = new pg.Pool({
    ...connectionConfig,
    max: options.maxConnections,
    idleTimeoutMillis: 30_000,
    maxLifetimeSeconds: 3600,
    statement_timeout: options.statementTimeoutMs,
    lock_timeout: options.lockTimeoutMs,
    idle_in_transaction_session_timeout: options.idleInTransactionTimeoutMs,
  });
  // An idle connection that the server closed: the pool drops it by itself; unheard, the event would end the process.
  pool.on('error', (error) => options.logger.warn({ err: error }, 'an idle database connection was lost'));

  async function run(client: pg.Pool | pg.PoolClient, name: string, statement: RawBuilder<unknown>) {
    const compiled = statement.compile(compiler);
    const started = performance.now();
    try {
      const result = await client.query(compiled.sql, compiled.parameters as unknown[]);
      monitor.record(name, performance.now() - started, result.rowCount ?? 0);
      return result;
    } catch (error) {
      monitor.recordError(name, performance.now() - started, error);
      throw translateDatabaseError(error);
    }
  }

  function queryableOn(client: pg.Pool | pg.PoolClient): Queryable {
    return {
      query: async <R extends object>(name: string, statement: RawBuilder<R>) => (await run(client, name, statement)).rows as R[],
      maybeOne: async <R extends object>(name: string, statement: RawBuilder<R>) =>
        (await run(client, name, statement)).rows[0] as R | undefined,
      one: async <R extends object>(name: string, statement: RawBuilder<R>) => {
        const [row] = (await run(client, name, statement)).rows;
        if (row === undefined) throw new AppError('no_row', `The statement ${name} returned no row.`);
        return row as R;
      },
      execute: async (name, statement) => (await run(client, name, statement)).rowCount ?? 0,
    };
  }

  const executeSqlOn =
    (client: pg.Pool | pg.PoolClient) =>
    async (text: string, values?: unknown[]): Promise<{ rows: Row[]; rowCount: number }> => {
      try {
        const result = await client.query(text, values);
        // A text of several statements answers with an array; pg-boss wants the rows of all of them.
        const results: pg.QueryResult[] = Array.isArray(result) ? result : [result];
        return { rows: results.flatMap(({ rows }) => rows), rowCount: results.at(-1)?.rowCount ?? 0 };
      } catch (error) {
        throw translateDatabaseError(error);
      }
    };

  async function transaction<T>(work: (transaction: Transaction) => Promise<T>): Promise<T> {
    const client = await pool.connect().catch((error: unknown) => {
      throw translateDatabaseError(error);
    });
    const callbacks: (() => void)[] = [];
    let fatal: Error | undefined;
    const onError = (error: Error) => {
      fatal = error;
    };
    client.on('error', onError);
    try {
      await client.query('begin');
      const value = await work({
        ...queryableOn(client),
        executeSql: executeSqlOn(client),
        afterCommit: (callback) => void callbacks.push(callback),
      });
      await client.query('commit');
      for (const callback of callbacks) callback();
      return value;
    } catch (error) {
      await client.query('rollback').catch((rollbackError: Error) => {
        fatal = rollbackError;
      });
      throw translateDatabaseError(error);
    } finally {
      client.removeListener('error', onError);
      client.release(fatal);
    }
  }

  async function listen(channel: string, onNotification: (payload: string) => void) {
    let client: pg.Client | undefined;
    let isClosed = false;
    let retryTimer: NodeJS.Timeout | undefined;

    const reconnectLater = () => {
      if (isClosed) return;
      retryTimer = setTimeout(() => void connect(), 1000);
    };
    async function connect(): Promise<void> {
      if (isClosed) return;
      const next = new pg.Client({ ...connectionConfig, application_name: `${options.applicationName}-listen` });
      client = next;
      let isLost = false;
      const onLost = (error?: Error) => {
        if (isLost) return;
        isLost = true;
        if (!isClosed) options.logger.warn({ err: error, channel }, 'the notification connection was lost');
        reconnectLater();
      };
      next.on('error', onLost);
      next.on('end', () => onLost());
      next.on('notification', (message) => onNotification(message.payload ?? ''));
      try {
        await next.connect();
        await next.query(`listen ${pg.escapeIdentifier(channel)}`);
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
        await client?.end().catch((error: unknown) => options.logger.debug({ err: error }, 'listener was gone already'));
      },
    };
  }

  return {
    ...queryableOn(pool),
    transaction,
    listen,
    executeSql: executeSqlOn(pool),
    monitor,
    poolFigures: () => ({ total: pool.totalCount, idle: pool.idleCount, waiting: pool.waitingCount }),
    close: () => pool.end(),
  };
}
