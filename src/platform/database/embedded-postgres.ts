import type { ChildProcess } from 'node:child_process';
import { createServer } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import pg from 'pg';
import type { Logger } from '#platform/telemetry';
import { AppError } from '#shared/errors';
import { clusterFolder, clusterUser, findReachableBinaries, hasCluster, makeCluster } from './cluster.ts';
import { describeScarceSpace, onDataFolder, readOrMakePassword } from './data-folder.ts';
import { translateDatabaseError } from './database-errors.ts';
import { enterAsGuest, type GuestSession } from './guest-session.ts';
import { isAlive, readLogEnd, readPidFile, removeStalePidFile, type ServerAddress, signalProcess, spawnServer } from './server-process.ts';
import { pickServerUser } from './server-user.ts';

export type EmbeddedPostgres = {
  readonly url: string;
  readonly port: number;
  readonly pid: number;
  /** Where the cluster lies: below the data folder, unless the server's user cannot reach that. */
  readonly folder: string;
  /** True when this call made the cluster. */
  readonly isNew: boolean;
  /** Resolves when the server is gone, whoever ended it. */
  readonly exited: Promise<void>;
  /**
   * Shuts the server down, unless other processes use it still: then whoever stops last does. Open transactions are rolled
   * back, everything committed is on disk.
   */
  stop(): Promise<void>;
  /** Ends the server at once, whoever uses it: its next start recovers what was committed. */
  kill(): void;
};

export type EmbeddedPostgresOptions = {
  readonly dataDir: string;
  readonly logger: Logger;
  /** Where to listen; a free port unless told. A restart keeps its port, for those who connect. */
  readonly port?: number;
  /** Further server settings, e.g. `{ fsync: 'off' }` in tests. */
  readonly settings?: Readonly<Record<string, string>>;
};

const databaseName = 'aquascene';
const startTimeoutMs = 60_000;
const stopTimeoutMs = 20_000;
// Of another process that starts or stops the same server meanwhile.
const maxAttempts = 10;

const serverSettings: Readonly<Record<string, string>> = {
  listen_addresses: '127.0.0.1',
  unix_socket_directories: '',
  max_connections: '120',
  shared_buffers: '256MB',
  effective_cache_size: '1GB',
  maintenance_work_mem: '128MB',
  random_page_cost: '1.1',
  jit: 'off',
  max_wal_size: '2GB',
  checkpoint_timeout: '15min',
  timezone: 'UTC',
  log_timezone: 'UTC',
};

async function findFreePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer().on('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => (typeof address === 'object' && address !== null ? resolve(address.port) : reject(new Error('no port'))));
    });
  });
}

async function answers(url: string): Promise<boolean> {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 2000, query_timeout: 2000 });
  // The server may close the connection while it starts or stops; the answer is then simply no.
  client.on('error', () => undefined);
  try {
    await client.connect();
    await client.query('select 1');
    return true;
  } catch {
    return false;
  } finally {
    await client.end();
  }
}

async function waitForAnswer(url: string, pid: number, timeoutMs: number): Promise<boolean> {
  const deadline = performance.now() + timeoutMs;
  while (performance.now() < deadline && isAlive(pid)) {
    if (await answers(url)) return true;
    await delay(50);
  }
  return false;
}

async function pollForExit(pid: number): Promise<void> {
  while (isAlive(pid)) await delay(200, undefined, { ref: false });
}

async function createOwnDatabase(adminUrl: string): Promise<void> {
  const client = new pg.Client({ connectionString: adminUrl });
  await client.connect();
  try {
    const { rowCount } = await client.query('select 1 from pg_database where datname = $1', [databaseName]);
    if (rowCount === 0) await client.query(`create database ${databaseName}`);
  } catch (error) {
    // 42P04, 23505: another process made it in this moment.
    if (!(error instanceof pg.DatabaseError && (error.code === '42P04' || error.code === '23505'))) throw error;
  } finally {
    await client.end();
  }
}

type Running = ServerAddress & { readonly exited: Promise<void> };

/**
 * Starts the cluster in the data folder, making it first when there is none. A server that runs there already is joined:
 * another command's, or one that outlived an engine which was killed.
 * @throws AppError `data_folder_unusable`, `initdb_failed`, `postgres_start_failed`, with what a person can do about it
 */
export function startEmbeddedPostgres(options: EmbeddedPostgresOptions): Promise<EmbeddedPostgres> {
  return onDataFolder(options.dataDir, () => start(options));
}

async function start(options: EmbeddedPostgresOptions): Promise<EmbeddedPostgres> {
  const { logger, dataDir } = options;
  const user = pickServerUser();
  const binaries = await findReachableBinaries(user);
  const folder = clusterFolder(dataDir, user);
  const password = readOrMakePassword(dataDir);
  const isNew = !hasCluster(folder) && (await makeCluster(folder, password, binaries.initdb, user));
  const urlOf = (port: number, database: string) => `postgresql://${clusterUser}:${password}@127.0.0.1:${port}/${database}`;

  async function join(): Promise<Running | undefined> {
    const address = readPidFile(folder);
    if (address === undefined || !isAlive(address.pid)) return undefined;
    if (!(await waitForAnswer(urlOf(address.port, 'postgres'), address.pid, 15_000))) return undefined;
    logger.info({ pid: address.pid }, 'joined the database server that runs already');
    return { ...address, exited: pollForExit(address.pid) };
  }

  /** Undefined when it ended before it answered. */
  async function spawn(): Promise<Running | undefined> {
    removeStalePidFile(folder);
    const port = options.port ?? (await findFreePort());
    const child = spawnServer({ postgres: binaries.postgres, folder, port, user, settings: { ...serverSettings, ...options.settings } });
    const exited = exitOf(child);
    const pid = child.pid ?? 0;
    if (pid > 0 && (await waitForAnswer(urlOf(port, 'postgres'), pid, startTimeoutMs))) return { pid, port, exited };
    if (pid > 0) signalProcess(pid, 'SIGQUIT');
    return undefined;
  }

  async function enter(running: Running): Promise<GuestSession | undefined> {
    try {
      return await enterAsGuest(urlOf(running.port, 'postgres'), logger);
    } catch (error) {
      logger.debug({ err: error }, 'the database server was shut down by another process; starting it again');
      return undefined;
    }
  }

  async function obtain(): Promise<{ running: Running; guest: GuestSession }> {
    for (let attempt = 1; attempt <= maxAttempts; attempt += 1) {
      const running = (await join()) ?? (await spawn());
      if (running !== undefined) {
        const guest = await enter(running);
        if (guest !== undefined) return { running, guest };
        await Promise.race([running.exited, delay(stopTimeoutMs)]);
        continue;
      }
      // Two that start at once: the server of the other one is there.
      const other = readPidFile(folder);
      if (other === undefined || !isAlive(other.pid)) break;
    }
    throw new AppError(
      'postgres_start_failed',
      `The embedded PostgreSQL in ${folder} did not start.${describeScarceSpace(folder)}\nThe end of its log:\n${readLogEnd(folder, 8)}`,
    );
  }

  const { running, guest } = await obtain();
  const { pid, port, exited } = running;
  void exited.then(() => guest.close());

  async function stop(): Promise<void> {
    if (!(await guest.leave())) return;
    signalProcess(pid, 'SIGINT');
    const timer = setTimeout(() => signalProcess(pid, 'SIGQUIT'), stopTimeoutMs);
    await exited;
    clearTimeout(timer);
    guest.close();
  }

  try {
    await createOwnDatabase(urlOf(port, 'postgres'));
  } catch (error) {
    await stop();
    throw translateDatabaseError(error);
  }
  return {
    url: urlOf(port, databaseName),
    port,
    pid,
    folder,
    isNew,
    exited,
    stop,
    kill: () => signalProcess(pid, 'SIGQUIT'),
  };
}

function exitOf(child: ChildProcess): Promise<void> {
  return new Promise((resolve) => {
    child.once('exit', () => resolve());
    child.once('error', () => resolve());
  });
}
