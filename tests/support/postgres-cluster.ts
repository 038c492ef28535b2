import { execFileSync } from 'node:child_process';
import { appendFileSync, chmodSync, chownSync, cpSync, mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import pg from 'pg';
import { type EmbeddedPostgres, startEmbeddedPostgres } from '#platform/database';
import { createLogger } from '#platform/telemetry';
import { findFreePort } from './free-port.ts';
import { listDescendants } from './processes.ts';
import { waitFor } from './wait-for.ts';

export type PostgresNode = {
  readonly url: string;
  readonly port: number;
  /** Past everything under test. */
  query<R extends object>(text: string, values?: unknown[]): Promise<R[]>;
  /** Ends it at once, with all of its connections. */
  kill(): Promise<void>;
  /** On the same port, with what it had. */
  start(): Promise<void>;
  /** Stops all of its processes where they stand: connections stay, and nothing answers. */
  pause(): void;
  resume(): void;
};

export type PostgresReplica = PostgresNode & {
  /** What the primary commits is replayed this much later. */
  setReplayDelay(delayMs: number): Promise<void>;
};

export type PostgresCluster = {
  readonly primary: PostgresNode;
  readonly replicas: readonly PostgresReplica[];
  /** Resolves when every replica that runs has replayed what the primary has written so far. */
  waitForReplicas(): Promise<void>;
  stop(): Promise<void>;
};

const settings: Readonly<Record<string, string>> = {
  ...{ fsync: 'off', full_page_writes: 'off' },
  ...{ shared_buffers: '64MB', max_connections: '200' },
  // A replica looks for its primary again soon after either was away.
  wal_retrieve_retry_interval: '100ms',
};

const conflictWithRecovery = '40001';

const logger = createLogger({ level: 'fatal', format: 'json', role: 'test' });

async function ask<R extends object>(url: string, text: string, values?: unknown[]): Promise<R[]> {
  const client = new pg.Client({ connectionString: url });
  // The server may be ended while it answers.
  client.on('error', () => undefined);
  await client.connect();
  try {
    return (await client.query(text, values)).rows;
  } finally {
    await client.end();
  }
}

async function startNode(dataDir: string): Promise<{ node: PostgresNode; folder: string; stop(): Promise<void> }> {
  const port = await findFreePort();
  const startServer = () => startEmbeddedPostgres({ dataDir, logger, port, settings });
  let server: EmbeddedPostgres | undefined = await startServer();
  const { url, folder } = server;
  const signalAll = (signal: NodeJS.Signals) => {
    if (server === undefined) return;
    const { pid } = server;
    // Each of its processes leads a group of its own.
    for (const target of [pid, ...listDescendants(pid).map((child) => child.pid)]) process.kill(target, signal);
  };
  const node: PostgresNode = {
    url,
    port,
    query: (text, values) => ask(url, text, values),
    async kill() {
      const ended = server;
      server = undefined;
      ended?.kill();
      await ended?.exited;
    },
    async start() {
      server ??= await startServer();
    },
    pause: () => signalAll('SIGSTOP'),
    resume: () => signalAll('SIGCONT'),
  };
  return {
    node,
    folder,
    async stop() {
      node.resume();
      await server?.stop();
      server = undefined;
    },
  };
}

/** A file of the server's, as if it had written it itself. */
function writeServerFile(folder: string, name: string, content: string): void {
  const file = path.join(folder, name);
  writeFileSync(file, content, { mode: 0o600 });
  const { uid, gid } = statSync(folder);
  chownSync(file, uid, gid);
}

/** Makes the data folder of a replica while the primary runs: its files, and where the log of changes has to be read from. */
async function copyDataFolder(primary: PostgresNode, primaryFolder: string, primaryDir: string, dataDir: string): Promise<void> {
  const folder = path.join(dataDir, 'postgres');
  mkdirSync(dataDir, { recursive: true, mode: 0o755 });
  cpSync(path.join(primaryDir, 'postgres-password'), path.join(dataDir, 'postgres-password'));
  const client = new pg.Client({ connectionString: primary.url });
  await client.connect();
  try {
    await client.query(`select pg_backup_start('replica', true)`);
    // The files' owner comes along, who is not the one that runs the tests under root.
    execFileSync('cp', ['-a', primaryFolder, folder]);
    const { rows } = await client.query<{ labelfile: string }>('select labelfile from pg_backup_stop(false)');
    writeServerFile(folder, 'backup_label', rows[0]?.labelfile ?? '');
  } finally {
    await client.end();
  }
  rmSync(path.join(folder, 'postmaster.pid'), { force: true });
  writeServerFile(folder, 'standby.signal', '');
  const { username, password } = new URL(primary.url);
  const conninfo = `host=127.0.0.1 port=${primary.port} user=${username} password=${password}`;
  appendFileSync(path.join(folder, 'postgresql.auto.conf'), `\nprimary_conninfo = '${conninfo}'\n`);
}

function asReplica(node: PostgresNode): PostgresReplica {
  /** Whatever is in the way of replaying is cancelled, and asked again. */
  async function query<R extends object>(text: string, values?: unknown[]): Promise<R[]> {
    return await waitFor('an answer of the replica', () =>
      node.query<R>(text, values).catch((error: unknown) => {
        if (error instanceof pg.DatabaseError && error.code === conflictWithRecovery) return undefined;
        throw error;
      }),
    );
  }
  return {
    ...node,
    query,
    async setReplayDelay(delayMs) {
      await query(`alter system set recovery_min_apply_delay = '${Math.round(delayMs)}ms'`);
      await query('select pg_reload_conf()');
      const wanted = String(Math.round(delayMs));
      await waitFor('the replay delay', async () => {
        const [row] = await query<{ setting: string }>(`select setting from pg_settings where name = 'recovery_min_apply_delay'`);
        return row?.setting === wanted;
      });
    },
  };
}

/** A primary and replicas that stream from it, on free loopback ports. Nothing of it outlives `stop`. */
export async function startPostgresCluster({ replicas: replicaCount = 2 } = {}): Promise<PostgresCluster> {
  const root = mkdtempSync(path.join(os.tmpdir(), 'aquascene-cluster-'));
  // Under root the server runs as another user, who must be able to pass.
  chmodSync(root, 0o755);
  const stops: (() => Promise<void>)[] = [];
  const stop = async () => {
    // Replicas first: a primary waits for those that stream from it.
    for (const stopNode of stops.reverse()) await stopNode();
    rmSync(root, { recursive: true, force: true });
  };
  try {
    const primaryDir = path.join(root, 'primary');
    mkdirSync(primaryDir, { mode: 0o755 });
    const primary = await startNode(primaryDir);
    stops.push(primary.stop);
    const replicas: PostgresReplica[] = [];
    for (let index = 1; index <= replicaCount; index += 1) {
      const dataDir = path.join(root, `replica-${index}`);
      await copyDataFolder(primary.node, primary.folder, primaryDir, dataDir);
      const { node, stop: stopReplica } = await startNode(dataDir);
      stops.push(stopReplica);
      replicas.push(asReplica(node));
    }
    return {
      primary: primary.node,
      replicas,
      async waitForReplicas() {
        const [written] = await primary.node.query<{ lsn: string }>('select pg_current_wal_insert_lsn()::text as lsn');
        for (const replica of replicas) {
          await waitFor('a replica to catch up', async () => {
            const [row] = await replica.query<{ hasIt: boolean }>(
              // A page's header is never replayed, only what stands behind it.
              `select pg_wal_lsn_diff($1::pg_lsn, pg_last_wal_replay_lsn()) <= 40 as "hasIt"`,
              [written?.lsn],
            );
            return row?.hasIt;
          });
        }
      },
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}
