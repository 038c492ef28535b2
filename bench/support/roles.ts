import { type ChildProcess, spawn } from 'node:child_process';
import net from 'node:net';
import path from 'node:path';

const command = path.resolve(import.meta.dirname, '../../bin/aquascene');

export type Roles = {
  /** One process of the engine, as a cluster would start it. */
  start(role: string, environment?: Readonly<Record<string, string>>): ChildProcess;
  /** Any other program of ours, under the same Node.js. */
  startScript(file: string, words: readonly string[]): ChildProcess;
  stop(): Promise<void>;
};

/** Processes of the engine beside the one that measures. */
export function createRoles(environment: Readonly<Record<string, string>>): Roles {
  const children: ChildProcess[] = [];
  // NODE_OPTIONS=--cpu-prof shows where the time goes.
  const { PATH, HOME, TMPDIR, NODE_OPTIONS = '' } = process.env;
  const startNode = (words: readonly string[], extra: Readonly<Record<string, string>>) => {
    const child = spawn(process.execPath, words, {
      env: { PATH, HOME, TMPDIR, NODE_OPTIONS, ...extra },
      stdio: ['ignore', 'ignore', 'inherit'],
    });
    children.push(child);
    return child;
  };
  return {
    start: (role, extra = {}) => startNode([command, 'start', '--role', role], { ...environment, ...extra }),
    startScript: (file, words) => startNode([file, ...words], {}),
    async stop() {
      await Promise.all(
        children.map((child) => {
          if (child.exitCode !== null || child.signalCode !== null) return undefined;
          const ended = new Promise((resolve) => child.once('exit', resolve));
          child.kill('SIGTERM');
          return ended;
        }),
      );
    },
  };
}

export async function isListening(port: number): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const socket = net.connect(port, '127.0.0.1', () => resolve(true)).on('error', () => resolve(false));
  const answer = await promise;
  socket.destroy();
  return answer;
}
