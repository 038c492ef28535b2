import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { CallOrder, CallReport } from './caller-worker.ts';

export type Caller = {
  readonly child: ChildProcess;
  ready(): Promise<void>;
  /** Resolves with the different values that its calls gave. */
  call(): Promise<readonly number[]>;
  /** Once it is inside the factory. */
  calling(): Promise<void>;
  kill(): Promise<void>;
};

const worker = fileURLToPath(new URL('./caller-worker.ts', import.meta.url));

export function startCaller(order: CallOrder): Caller {
  const child = fork(worker, [JSON.stringify(order)], { stdio: ['ignore', 'ignore', 'inherit', 'ipc'] });
  const ready = Promise.withResolvers<void>();
  const calling = Promise.withResolvers<void>();
  const done = Promise.withResolvers<readonly number[]>();
  done.promise.catch(() => undefined);
  child.on('message', (message: CallReport) => {
    if (message.kind === 'ready') ready.resolve();
    else if (message.kind === 'calling') calling.resolve();
    else done.resolve(message.values);
  });
  child.once('exit', (code, signal) => done.reject(new Error(`the caller ended with ${code ?? signal}`)));
  return {
    child,
    ready: () => ready.promise,
    calling: () => calling.promise,
    call() {
      child.send('go');
      return done.promise;
    },
    async kill() {
      if (child.exitCode !== null || child.signalCode !== null) return;
      const ended = once(child, 'exit');
      child.kill('SIGKILL');
      await ended;
    },
  };
}
