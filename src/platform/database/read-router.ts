import type { Metrics } from '#platform/telemetry';
import type { ConnectionPool, PoolFigures, Session, WithSession } from './connection-pool.ts';
import { isRecoveryConflict, isServerFailure, mayLackSchema } from './database-errors.ts';
import { chooseReplica, type PrimaryView, type ReplicaView } from './replica-choice.ts';
import { createReplicationLag } from './replication-lag.ts';
import { hasReplayed, type ServerIdentity } from './server-identity.ts';
import type { ServerMonitor } from './server-monitor.ts';
import { currentSession } from './session.ts';
import { formatLsn, type WalPosition } from './wal-position.ts';

/** A server with what reaches it and what watches it. */
export type WatchedServer = {
  /** Host and port. */
  readonly name: string;
  readonly pool: ConnectionPool;
  /** @param onAnswer is told of each answer of the server */
  readonly startMonitor: (onAnswer: (server: ServerIdentity) => void) => ServerMonitor;
};

export type ReplicaFigures = {
  /** Host and port. */
  readonly name: string;
  readonly isUp: boolean;
  readonly isInRecovery: boolean;
  readonly lagMs: number;
  /** Undefined until it was asked. */
  readonly replayedLsn: string | undefined;
  readonly readsInFlight: number;
  readonly pool: PoolFigures;
};

export type ReadRouterOptions = {
  readonly primary: WatchedServer;
  readonly replicas: readonly WatchedServer[];
  /** A replica that lags more is passed over while the primary is up. */
  readonly maxLagMs: number;
  readonly metrics: Metrics;
  /** 0 to 1. */
  readonly random?: () => number;
};

export type ReadRouter = {
  /** On a replica where one can serve, else on the primary. The work may run more than once. */
  readonly reads: WithSession;
  /** On the primary, and on the replica that is furthest while the primary is down. The work may run more than once. */
  readonly latest: WithSession;
  /** After each commit of a session of this process. */
  noteCommit(position: WalPosition): void;
  replicas(): ReplicaFigures[];
  close(): void;
};

const maxWaitForReplicaMs = 100;
const behind = Symbol('behind');

type Replica = {
  readonly name: string;
  readonly pool: ConnectionPool;
  readonly monitor: ServerMonitor;
  lagMs: number;
  inFlight: number;
};

type Candidate = ReplicaView & { readonly replica: Replica };

/** Deals reads out to replicas. Whoever fails is passed over, and what was asked of it is asked of the next. */
export function createReadRouter(options: ReadRouterOptions): ReadRouter {
  const { primary, maxLagMs, random = Math.random } = options;
  const lag = createReplicationLag();
  const primaryMonitor = primary.startMonitor(({ lsn }) => lag.note(lsn, performance.now()));
  const replicas = options.replicas.map(watchReplica);
  let isReady = false;
  const firstAsked = Promise.all([primaryMonitor, ...replicas.map(({ monitor }) => monitor)].map((monitor) => monitor.firstAsked)).then(
    () => void (isReady = true),
  );
  const counter = options.metrics.counter('aquascene_db_reads_total', 'Reads by the server that answered, and why it was that one', [
    'server',
    'reason',
  ]);
  observe(options.metrics);

  function watchReplica({ name, pool, startMonitor }: WatchedServer): Replica {
    const replica: Replica = {
      name,
      pool,
      monitor: startMonitor((server) => {
        replica.lagMs = server.isInRecovery ? lag.lagMsOf(server.lsn, performance.now()) : 0;
      }),
      lagMs: 0,
      inFlight: 0,
    };
    return replica;
  }

  const isPrimaryUp = () => primaryMonitor.isUp() && !primary.pool.isSilent();

  function viewPrimary(): PrimaryView {
    const server = primaryMonitor.server();
    return isPrimaryUp() && server !== undefined ? server : undefined;
  }

  const viewReplica = (replica: Replica): Candidate => ({
    replica,
    isUp: replica.monitor.isUp() && !replica.pool.isSilent(),
    server: replica.monitor.server(),
    lagMs: replica.lagMs,
    inFlight: replica.inFlight,
  });

  /** `behind` when the server at the other end of the connection, which may be one of several, lacks what was written. */
  async function readOn<T>(replica: Replica, position: WalPosition | undefined, work: (session: Session) => Promise<T>) {
    replica.inFlight += 1;
    try {
      return await replica.pool.withSession(async (session) => {
        if (position === undefined || (await serves(replica, session, position))) return await work(session);
        return behind;
      });
    } finally {
      replica.inFlight -= 1;
    }
  }

  async function serves({ pool }: Replica, session: Session, { lsn }: WalPosition): Promise<boolean> {
    if (session.server !== undefined && hasReplayed(session.server, lsn)) return true;
    try {
      return hasReplayed(await pool.directory.ask(session.client), lsn);
    } catch (error) {
      session.discard();
      throw error;
    }
  }

  /** After a failure of the server, when the next one may answer; what is wrong with the statement itself is thrown. */
  function passOver(replica: Replica, error: unknown): void {
    if (isRecoveryConflict(error) || mayLackSchema(error)) return;
    if (!isServerFailure(error)) throw error;
    replica.monitor.suspect();
  }

  const reads: WithSession = async (work) => {
    if (!isReady) await firstAsked;
    const position = currentSession()?.position();
    let left = replicas;
    let passedOver: string | undefined;
    for (;;) {
      const choice = chooseReplica(left.map(viewReplica), viewPrimary(), position, { maxLagMs, random });
      if (choice.kind === 'primary') {
        return await readOnPrimary(work, `primary_${passedOver ?? choice.reason}`, position, left);
      }
      const { replica } = choice.replica;
      left = left.filter((other) => other !== replica);
      try {
        const isWorthWhile = choice.kind === 'replica' || (await replica.monitor.waitFor(position?.lsn ?? 0n, maxWaitForReplicaMs));
        const answer = isWorthWhile ? await readOn(replica, position, work) : behind;
        if (answer !== behind) {
          counter.inc({ server: replica.name, reason: 'replica' });
          return answer;
        }
        passedOver = 'behind';
      } catch (error) {
        passOver(replica, error);
        passedOver = 'failover';
      }
    }
  };

  async function readOnPrimary<T>(
    work: (session: Session) => Promise<T>,
    reason: string,
    position: WalPosition | undefined,
    left: readonly Replica[],
  ): Promise<T> {
    try {
      const answer = await primary.pool.withSession(work);
      counter.inc({ server: 'primary', reason });
      return answer;
    } catch (error) {
      if (!isServerFailure(error)) throw error;
      primaryMonitor.suspect();
      return await readOnFurthest(work, position, left, error);
    }
  }

  /** Without the primary nothing fresher is to be had than what the replicas have. */
  async function readOnFurthest<T>(
    work: (session: Session) => Promise<T>,
    position: WalPosition | undefined,
    left: readonly Replica[],
    failure: unknown,
  ): Promise<T> {
    const furthestFirst = left
      .map(viewReplica)
      .filter(({ isUp }) => isUp)
      .sort((a, b) => Number((b.server?.lsn ?? 0n) - (a.server?.lsn ?? 0n)));
    for (const { replica } of furthestFirst) {
      try {
        const answer = await readOn(replica, position, work);
        if (answer === behind) continue;
        counter.inc({ server: replica.name, reason: 'primary_down' });
        return answer;
      } catch (error) {
        passOver(replica, error);
      }
    }
    throw failure;
  }

  const latest: WithSession = async (work) => {
    const position = currentSession()?.position();
    if (isPrimaryUp()) return await readOnPrimary(work, 'latest', position, replicas);
    // Not known to be down for ever: whoever no replica can serve tries it all the same.
    const unserved = Symbol('unserved');
    try {
      return await readOnFurthest(work, position, replicas, unserved);
    } catch (error) {
      if (error !== unserved) throw error;
      return await readOnPrimary(work, 'latest', position, []);
    }
  };

  function observe(metrics: Metrics): void {
    metrics.gauge('aquascene_db_replica_lag_seconds', 'How far a replica is behind, as this process sees it', ['server'], (gauge) => {
      for (const { name, lagMs } of replicas) gauge.set({ server: name }, lagMs / 1000);
    });
    metrics.gauge('aquascene_db_server_up', '1 while the server answers this process', ['server'], (gauge) => {
      gauge.set({ server: 'primary' }, isPrimaryUp() ? 1 : 0);
      for (const replica of replicas) gauge.set({ server: replica.name }, viewReplica(replica).isUp ? 1 : 0);
    });
  }

  return {
    reads,
    latest,
    noteCommit({ timeline, lsn }) {
      const server = primaryMonitor.server();
      if (server !== undefined && server.timeline === timeline && server.lsn < lsn) server.lsn = lsn;
    },
    replicas: () =>
      replicas.map((replica) => {
        const { isUp, server, lagMs, inFlight } = viewReplica(replica);
        return {
          name: replica.name,
          isUp,
          isInRecovery: server?.isInRecovery ?? false,
          lagMs: Math.round(lagMs),
          replayedLsn: server === undefined ? undefined : formatLsn(server.lsn),
          readsInFlight: inFlight,
          pool: replica.pool.figures(),
        };
      }),
    close() {
      for (const { monitor } of replicas) monitor.close();
      primaryMonitor.close();
    },
  };
}
