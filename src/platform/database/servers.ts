import { createOutageLog, type Logger, type Metrics } from '#platform/telemetry';
import { type ConnectionPool, createConnectionPool, type WithSession } from './connection-pool.ts';
import type { ConnectionSettings } from './connection-settings.ts';
import { driverConfigOf, nameOfServer } from './driver.ts';
import { createReadRouter, type ReplicaFigures, type WatchedServer } from './read-router.ts';
import { createServerMonitor } from './server-monitor.ts';
import { briskTimes, patientTimes } from './stall-watch.ts';
import { createNoTracking, createWriteTracking, type WriteTracking } from './write-tracking.ts';

export type ServersOptions = {
  readonly url: string;
  readonly replicaUrls: readonly string[];
  readonly maxReplicaLagMs: number;
  readonly settings: ConnectionSettings;
  /** Runs when the primary turned out to be silent. */
  readonly onStall: () => void;
  readonly logger: Logger;
  readonly metrics: Metrics;
};

/** The primary and its replicas, and the way of each kind of statement to one of them. */
export type Servers = {
  readonly primary: ConnectionPool;
  readonly writes: WriteTracking;
  readonly reads: WithSession;
  readonly latest: WithSession;
  replicas(): ReplicaFigures[];
  close(): Promise<void>;
};

export function createServers(options: ServersOptions): Servers {
  const { url, replicaUrls, settings, logger, metrics } = options;

  function open(serverUrl: string, what: string, isReplica: boolean): WatchedServer {
    const outage = createOutageLog(logger, what);
    const pool = createConnectionPool({
      ...{ url: serverUrl, what, settings, outage, logger },
      stallTimes: isReplica ? briskTimes : patientTimes,
      asksIdentity: isReplica,
      ...(!isReplica && { onStall: options.onStall }),
    });
    return {
      name: nameOfServer(serverUrl),
      pool,
      startMonitor: (onAnswer) =>
        createServerMonitor({
          ...{ what, outage, onAnswer, logger },
          config: driverConfigOf(serverUrl, settings, 'watch'),
          directory: pool.directory,
        }),
    };
  }

  const primary = open(url, 'the database', false);
  const { pool } = primary;
  if (replicaUrls.length === 0) {
    const { withSession, close } = pool;
    return { primary: pool, writes: createNoTracking(withSession), reads: withSession, latest: withSession, replicas: () => [], close };
  }

  const replicas = replicaUrls.map((replicaUrl) => open(replicaUrl, `the replica ${nameOfServer(replicaUrl)}`, true));
  const router = createReadRouter({ primary, replicas, maxLagMs: options.maxReplicaLagMs, metrics });
  return {
    primary: pool,
    writes: createWriteTracking({ withSession: pool.withSession, noteCommit: router.noteCommit, logger }),
    reads: router.reads,
    latest: router.latest,
    replicas: router.replicas,
    async close() {
      router.close();
      await Promise.all([pool, ...replicas.map((replica) => replica.pool)].map((each) => each.close()));
    },
  };
}
