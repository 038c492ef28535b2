import { type ChildProcess, fork } from 'node:child_process';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { Logger } from '#platform/telemetry';
import type { Environment } from './config.ts';
import type { StartReport } from './start-report.ts';

export type ChildSpecification = {
  readonly name: string;
  readonly arguments: readonly string[];
  readonly environment: Environment;
};

export type Child = {
  readonly name: string;
  readonly pid: () => number | undefined;
  /** Resolves when the process has said that it is ready, first or after a restart; the API's adds its report. */
  ready(): Promise<StartReport | undefined>;
  send(message: object): void;
  stop(timeoutMs: number): Promise<void>;
};

/** The first message of a process of ours. */
export type ReadyMessage = { readonly ready: true; readonly report?: StartReport | undefined };

function isReadyMessage(message: object): message is ReadyMessage {
  return 'ready' in message;
}

const command = path.resolve(import.meta.dirname, '../../bin/aquascene');
const firstRestartDelayMs = 200;
const maxRestartDelayMs = 10_000;
// A process that lived this long starts again without delay.
const healthyAfterMs = 30_000;

/** Keeps one process of ours running: what dies is started again, with growing pauses when it dies at once. */
export function superviseChild(
  specification: ChildSpecification,
  dependencies: { logger: Logger; onMessage?: (message: object) => void },
): Child {
  const { name } = specification;
  const { logger } = dependencies;
  let child: ChildProcess;
  let isStopping = false;
  let failures = 0;
  let readiness = Promise.withResolvers<StartReport | undefined>();
  let ended = Promise.withResolvers<void>();

  function spawn(): void {
    const startedAt = performance.now();
    child = fork(command, [...specification.arguments], {
      env: specification.environment as NodeJS.ProcessEnv,
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    });
    child.on('message', (message) => {
      if (typeof message !== 'object' || message === null) return;
      if (isReadyMessage(message)) readiness.resolve(message.report);
      else dependencies.onMessage?.(message);
    });
    child.once('exit', (code, signal) => void restart(code, signal, performance.now() - startedAt));
  }

  async function restart(code: number | null, signal: string | null, livedMs: number): Promise<void> {
    if (isStopping) {
      ended.resolve();
      return;
    }
    readiness = Promise.withResolvers<StartReport | undefined>();
    failures = livedMs > healthyAfterMs ? 0 : failures + 1;
    const pauseMs = failures === 0 ? 0 : Math.min(maxRestartDelayMs, firstRestartDelayMs * 2 ** (failures - 1));
    logger.warn({ process: name, code, signal, pauseMs }, 'a process ended; starting it again');
    await delay(pauseMs);
    if (isStopping) ended.resolve();
    else spawn();
  }

  spawn();
  return {
    name,
    pid: () => child.pid,
    ready: () => readiness.promise,
    send: (message) => {
      if (child.connected) child.send(message);
    },
    async stop(timeoutMs) {
      isStopping = true;
      if (child.exitCode !== null || child.signalCode !== null) return;
      ended = Promise.withResolvers<void>();
      child.kill('SIGTERM');
      const timer = setTimeout(() => child.kill('SIGKILL'), timeoutMs);
      await ended.promise;
      clearTimeout(timer);
    },
  };
}
