import { type ChildProcess, spawn } from 'node:child_process';
import path from 'node:path';
import { findFreePort } from './free-port.ts';

const command = path.resolve(import.meta.dirname, '../../bin/aquascene');

/** A process of the role that delivers campaigns. */
export type Sender = {
  readonly child: ChildProcess;
  readonly exited: Promise<number | null>;
  /** SIGKILL; resolves when it is gone. */
  kill(): Promise<void>;
};

export async function startSender(environment: Readonly<Record<string, string>>): Promise<Sender> {
  const port = await findFreePort();
  const { PATH, HOME, TMPDIR } = process.env;
  const child = spawn(process.execPath, [command, 'start', '--role', 'distributor'], {
    env: { PATH, HOME, TMPDIR, PORT: String(port), ...environment },
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  const exited = new Promise<number | null>((resolve) => child.once('exit', (code) => resolve(code)));
  return {
    child,
    exited,
    async kill() {
      child.kill('SIGKILL');
      await exited;
    },
  };
}
