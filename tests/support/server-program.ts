import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';

export type ServerProgram = {
  readonly process: ChildProcess;
  /** As a crash: no goodbye, nothing written. */
  kill(): Promise<void>;
  /** It answers nothing, though its connections stand. */
  pause(): void;
  resume(): void;
  /** Asked to stop, and killed when it does not within some seconds. */
  stop(): Promise<void>;
};

const patienceMs = 5000;
const running = new Set<ChildProcess>();
process.once('exit', () => {
  for (const child of running) child.kill('SIGKILL');
});

/** Starts a server that runs in the foreground. It is killed with this process. */
export function startProgram(
  program: string,
  words: readonly string[],
  options: { readonly uid?: number; readonly gid?: number } = {},
): ServerProgram {
  const child = spawn(program, words, { ...options, stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (chunk: Buffer) => {
      output = (output + chunk.toString()).slice(-4000);
    });
  }
  running.add(child);
  const exited = once(child, 'exit').finally(() => running.delete(child));
  exited.then(
    ([code, signal]) => {
      // Of its own accord: whoever waits for it to be ready should see why.
      if (code !== 0 && signal === null) console.error(`${program} ended with ${code}:\n${output}`);
    },
    (error: unknown) => console.error(`${program} could not be started: ${String(error)}`),
  );
  const isRunning = () => child.exitCode === null && child.signalCode === null;
  return {
    process: child,
    async kill() {
      child.kill('SIGKILL');
      if (isRunning()) await exited;
    },
    pause: () => void child.kill('SIGSTOP'),
    resume: () => void child.kill('SIGCONT'),
    async stop() {
      if (!isRunning()) return;
      child.kill('SIGCONT');
      child.kill('SIGTERM');
      const timer = setTimeout(() => child.kill('SIGKILL'), patienceMs);
      await exited;
      clearTimeout(timer);
    },
  };
}
