import { type ChildProcess, spawn } from 'node:child_process';
import {
  chmodSync,
  closeSync,
  existsSync,
  openSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  realpathSync,
  rmSync,
  statSync,
} from 'node:fs';
import path from 'node:path';
import type { ServerUser } from './server-user.ts';

export type ServerAddress = { readonly pid: number; readonly port: number };

const maxLogBytes = 16 * 1024 ** 2;

/** What the server wrote about itself: it may have ended since, and another process may have its number. */
export function readPidFile(folder: string): ServerAddress | undefined {
  const file = path.join(folder, 'postmaster.pid');
  if (!existsSync(file)) return undefined;
  const lines = readFileSync(file, 'utf8').split('\n');
  const [pid, port] = [Number(lines[0]), Number(lines[3])];
  return Number.isInteger(pid) && pid > 0 && port > 0 ? { pid, port } : undefined;
}

export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EPERM';
  }
}

export function signalProcess(pid: number, name: NodeJS.Signals): void {
  if (isAlive(pid)) process.kill(pid, name);
}

/** True where a process works in the folder, as the server and each of its children do. Undefined where it cannot be told. */
function isWorkedIn(folder: string): boolean | undefined {
  if (process.platform !== 'linux' || !existsSync('/proc/self/cwd')) return undefined;
  const real = realpathSync(folder);
  return readdirSync('/proc').some((name) => {
    if (!/^\d+$/.test(name)) return false;
    try {
      return readlinkSync(`/proc/${name}/cwd`) === real;
    } catch {
      // It ended meanwhile, or is somebody else's, who does not run our server.
      return false;
    }
  });
}

/**
 * After a power cut the file that a server leaves can name the number that another program has by now (after a container
 * started anew that is likely), and PostgreSQL would refuse to start.
 */
export function removeStalePidFile(folder: string): void {
  if (isWorkedIn(folder) === false) rmSync(path.join(folder, 'postmaster.pid'), { force: true });
}

export function serverLogFile(folder: string): string {
  return path.join(folder, 'server.log');
}

export function readLogEnd(folder: string, lines: number): string {
  const file = serverLogFile(folder);
  return existsSync(file) ? readFileSync(file, 'utf8').trimEnd().split('\n').slice(-lines).join('\n') : '';
}

export type SpawnOptions = {
  readonly postgres: string;
  readonly folder: string;
  readonly port: number;
  readonly user: ServerUser | undefined;
  readonly settings: Readonly<Record<string, string>>;
};

/** In a process group of its own: Ctrl-C reaches the engine only, which stops the server last. */
export function spawnServer({ postgres, folder, port, user, settings }: SpawnOptions): ChildProcess {
  const logFile = serverLogFile(folder);
  const isTooLong = existsSync(logFile) && statSync(logFile).size > maxLogBytes;
  const log = openSync(logFile, isTooLong ? 'w' : 'a', 0o600);
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
