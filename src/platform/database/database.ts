import { setTimeout as delay } from 'node:timers/promises';
import { DummyDriver, Kysely, PostgresAdapter, PostgresIntrospector, PostgresQueryCompiler, type RawBuilder } from 'kysely';
import pg from 'pg';
import { createOutageLog, type Logger, type Metrics } from '#platform/telemetry';
import { AppError, messageOf } from '#shared/errors';
import { createConnectionPool, type PoolFigures, type Session } from './connection-pool.ts';
import { translateDatabaseError } from './database-errors.ts';
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

const goodbyeTimeoutMs = 1000;

const compiler = new Kysely<Record<string, never>>({
  dialect: {
    createAdapter: () => new PostgresAdapter(),
    createDriver: () => new DummyDriver(),
    createIntrospector: (db) => new PostgresIntrospector(db),
    createQueryCompiler: () => new PostgresQueryCompiler(),
  },
});

export function createDatabase(options: DatabaseOptions): Database {
  const monitor = createQueryMonitor(options);
  const pool = createConnectionPool(options);

  type WithSession = <T>(work: (session: Session) => Promise<T>) => Promise<T>;

  async function run(withSession: WithSession, name: string, statement: RawBuilder<unknown>): Promise<pg.QueryResult> {
    const compiled = statement.compile(compiler);
    const started = performance.now();
    try {
      const result = await withSession((session) => session.query(compiled.sql, compiled.parameters as unknown[]));
      const [only] = resultsOf(result);
      monitor.record(name, performance.now() - started, only.rowCount ?? 0);
      return only;
    } catch (error) {
      monitor.recordError(name, performance.now() - started, error);
      throw translateDatabaseError(error);
    }
  }

  function queryableOn(withSession: WithSession): Queryable {
    return {
      query: async <R extends object>(name: string, statement: RawBuilder<R>) => (await run(withSession, name, statement)).rows as R[],
      maybeOne: async <R extends object>(name: string, statement: RawBuilder<R>) =>
        (await run(withSession, name, statement)).rows[0] as R | undefined,
      one: async <R extends object>(name: string, statement: RawBuilder<R>) => {
        const [row] = (await run(withSession, name, statement)).rows;
        if (row === undefined) throw new AppError('no_row', `The statement ${name} returned no row.`);
        return row as R;
      },
      execute: async (name, statement) => (await run(withSession, name, statement)).rowCount ?? 0,
    };
  }

  const executeSqlOn =
    (withSession: WithSession) =>
    async (text: string, values?: unknown[]): Promise<{ rows: Row[]; rowCount: number }> => {
      try {
        // pg-boss sends several statements at once and wants the rows of all of them.
        const results = resultsOf(await withSession((session) => session.query(text, values)));
        return { rows: results.flatMap(({ rows }) => rows), rowCount: results.at(-1)?.rowCount ?? 0 };
      } catch (error) {
        throw translateDatabaseError(error);
      }
    };

  async function transactionOn<T>(session: Session, work: (transaction: Transaction) => Promise<T>): Promise<T> {
    const callbacks: (() => void)[] = [];
    const withSession: WithSession = (use) => use(session);
    try {
      await session.query('begin');
      const value = await work({
        ...queryableOn(withSession),
        executeSql: executeSqlOn(withSession),
        afterCommit: (callback) => void callbacks.push(callback),
      });
      await session.query('commit');
      for (const callback of callbacks) callback();
      return value;
    } catch (error) {
      if (!session.isBroken()) await rollBack(session);
      throw error;
    }
  }

  /** What cannot be rolled back is on a connection that has just been lost: the server rolls it back by itself. */
  async function rollBack(session: Session): Promise<void> {
    await session
      .query('rollback')
      .catch((error: unknown) => options.logger.debug({ reason: messageOf(error) }, 'connection lost before the rollback'));
  }

  async function transaction<T>(work: (transaction: Transaction) => Promise<T>): Promise<T> {
    try {
      return await pool.withSession((session) => transactionOn(session, work));
    } catch (error) {
      throw translateDatabaseError(error);
    }
  }

  async function listen(channel: string, onNotification: (payload: string) => void) {
    let client: pg.Client | undefined;
    let isClosed = false;
    let retryTimer: NodeJS.Timeout | undefined;
    const outage = createOutageLog(options.logger, 'the source of notifications', { channel });

    const reconnectLater = () => {
      if (isClosed) return;
      retryTimer = setTimeout(() => void connect(), 1000);
    };
    async function connect(): Promise<void> {
      if (isClosed) return;
      const next = pool.createListener();
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
        const goodbye = client
          ?.end()
          .catch((error: unknown) => options.logger.debug({ reason: messageOf(error) }, 'listener was gone already'));
        // A silent server answers no goodbye; the pool cuts what is left.
        await Promise.race([goodbye, delay(goodbyeTimeoutMs, undefined, { ref: false })]);
      },
    };
  }

  return {
    ...queryableOn(pool.withSession),
    transaction,
    listen,
    executeSql: executeSqlOn(pool.withSession),
    monitor,
    poolFigures: pool.figures,
    close: pool.close,
  };
}

/** A text of several statements is answered by as many results. */
function resultsOf(answer: pg.QueryResult | pg.QueryResult[]): [pg.QueryResult, ...pg.QueryResult[]] {
  const [first, ...others] = Array.isArray(answer) ? answer : [answer];
  if (first === undefined) throw new AppError('no_result', 'The database answered without a result.');
  return [first, ...others];
}
