import type { RawBuilder } from 'kysely';
import type pg from 'pg';
import type { Logger, Metrics } from '#platform/telemetry';
import { AppError, messageOf } from '#shared/errors';
import { compileStatement } from './compile-statement.ts';
import type { PoolFigures, Session, WithSession } from './connection-pool.ts';
import { type ConnectionSettings, defaultConnectionSettings } from './connection-settings.ts';
import { translateDatabaseError } from './database-errors.ts';
import { createListener } from './listener.ts';
import { readGenericPlan } from './monitor/query-plan.ts';
import { createQueryMonitor, type QueryMonitor } from './query-monitor.ts';
import type { ReplicaFigures } from './read-router.ts';
import { createServers } from './servers.ts';

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
  /** Reads that may come from a replica: never staler than what this session has written. A write through it fails. */
  readonly reads: Queryable;
  /** Reads that come from the primary, and from a replica only while the primary is down. */
  readonly latest: Queryable;
  transaction<T>(work: (transaction: Transaction) => Promise<T>): Promise<T>;
  /** Takes a connection of its own and listens; reconnects by itself. The callback also runs after every reconnect. */
  listen(channel: string, onNotification: (payload: string) => void): Promise<{ close(): Promise<void> }>;
  readonly executeSql: Transaction['executeSql'];
  /**
   * The driver's own connection to the primary, for what it alone can do (cursors, COPY); for the platform only: services
   * have `Queryable`. A connection that is lost, or that work leaves in a transaction or failed, is thrown away.
   * @param name under which it is known where connections are shown as held
   */
  withClient<T>(name: string, work: (client: pg.PoolClient) => Promise<T>): Promise<T>;
  readonly monitor: QueryMonitor;
  /** Of the primary. */
  poolFigures(): PoolFigures;
  /** Each replica as this process sees it; empty where there is none. */
  replicas(): ReplicaFigures[];
  close(): Promise<void>;
};

export type DatabaseOptions = Partial<ConnectionSettings> &
  Pick<ConnectionSettings, 'applicationName' | 'maxConnections'> & {
    readonly url: string;
    /** Of the server itself where `url` leads to a pooler: what needs a connection of its own goes there. */
    readonly directUrl?: string;
    /** Each leads to one server, or to a balancer of TCP connections. */
    readonly replicaUrls?: readonly string[];
    /** A replica that lags more is passed over. 10 s unless told. */
    readonly maxReplicaLagMs?: number;
    /** A statement that takes longer is slow: it is logged, with its plan. 1000 unless told. */
    readonly slowQueryMs?: number;
    /** A folder on the disk whose space is told with slow statements; the working directory unless told. */
    readonly diskFolder?: string;
    readonly logger: Logger;
    readonly metrics: Metrics;
  };

const defaultMaxReplicaLagMs = 10_000;

export function createDatabase(options: DatabaseOptions): Database {
  const { url, logger, metrics } = options;
  const settings: ConnectionSettings = { ...defaultConnectionSettings, ...options };
  const monitor = createQueryMonitor({ ...options, readPlan: (statement) => readGenericPlan(withClient, statement) });
  const servers = createServers({
    ...{ url, settings, logger, metrics },
    replicaUrls: options.replicaUrls ?? [],
    onStall: () => listener.cutAll(),
    maxReplicaLagMs: options.maxReplicaLagMs ?? defaultMaxReplicaLagMs,
  });
  const { primary, writes } = servers;
  const listener = createListener(options.directUrl ?? url, settings, logger);

  async function run(withSession: WithSession, name: string, statement: RawBuilder<unknown>): Promise<pg.QueryResult> {
    const { text, values } = compileStatement(statement);
    const described = { text, parameterCount: values.length };
    const started = performance.now();
    try {
      const result = await withSession((session) => session.query(text, values, name));
      const [only] = resultsOf(result);
      monitor.record(name, performance.now() - started, only.rowCount ?? 0, described);
      return only;
    } catch (error) {
      monitor.recordError(name, performance.now() - started, error, described);
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
        const results = resultsOf(await withSession((session) => session.query(text, values, 'jobs.raw')));
        return { rows: results.flatMap(({ rows }) => rows), rowCount: results.at(-1)?.rowCount ?? 0 };
      } catch (error) {
        throw translateDatabaseError(error);
      }
    };

  async function transactionOn<T>(session: Session, work: (transaction: Transaction) => Promise<T>): Promise<T> {
    const callbacks: (() => void)[] = [];
    const withSession: WithSession = (use) => use(session);
    try {
      await session.query('begin', undefined, 'begin');
      const value = await work({
        ...queryableOn(withSession),
        executeSql: executeSqlOn(withSession),
        afterCommit: (callback) => void callbacks.push(callback),
      });
      const { isCommitted } = await writes.commit(session);
      if (!isCommitted) throw new AppError('transaction_aborted', 'A statement of the transaction failed; nothing was committed.');
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
      .query('rollback', undefined, 'rollback')
      .catch((error: unknown) => logger.debug({ reason: messageOf(error) }, 'connection lost before the rollback'));
  }

  async function transaction<T>(work: (transaction: Transaction) => Promise<T>): Promise<T> {
    try {
      return await primary.withHeldSession((session) => transactionOn(session, work));
    } catch (error) {
      throw translateDatabaseError(error);
    }
  }

  async function withClient<T>(name: string, work: (client: pg.PoolClient) => Promise<T>): Promise<T> {
    try {
      return await primary.withClient(name, async (client) => {
        const value = await work(client);
        await writes.afterWork(client);
        return value;
      });
    } catch (error) {
      throw translateDatabaseError(error);
    }
  }

  return {
    ...queryableOn(writes.withSession),
    reads: queryableOn(servers.reads),
    latest: queryableOn(servers.latest),
    transaction,
    withClient,
    listen: listener.listen,
    executeSql: executeSqlOn(writes.withSession),
    monitor,
    poolFigures: primary.figures,
    replicas: servers.replicas,
    async close() {
      await servers.close();
      listener.close();
    },
  };
}

/** A text of several statements is answered by as many results. */
function resultsOf(answer: pg.QueryResult | pg.QueryResult[]): [pg.QueryResult, ...pg.QueryResult[]] {
  const [first, ...others] = Array.isArray(answer) ? answer : [answer];
  if (first === undefined) throw new AppError('no_result', 'The database answered without a result.');
  return [first, ...others];
}
