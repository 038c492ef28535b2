import { type ChildProcess, fork } from 'node:child_process';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { Logger } from '#platform/telemetry';
import { AppError } from '#shared/errors';
import type { Environment } from './config.ts';
import type { StartReport } from './start-report.ts';

export type ChildSpecification = {
  readonly name: string;
  readonly arguments: readonly string[];
  readonly environment: Environment;
};

export type Child = {
  readonly name: string;
  /**
   * Resolves when the process has said for the first time that it is ready; the API's adds its report.
   * @throws AppError `process_failed` when it ended too often before it was ready
   */
  ready(): Promise<StartReport | undefined>;
  send(message: object): void;
  stop(timeoutMs: number): Promise<void>;
  /** Ends it at once. */
  kill(): void;
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
// One that never came so far as to be ready has a fault that starting again does not mend.
const maxFailuresBeforeReady = 5;

/** Keeps one process of ours running: what dies is started again, with growing pauses when it dies at once. */
export function superviseChild(
  specification: ChildSpecification,
  dependencies: { logger: Logger; onMessage?: (message: object) => void },
): Child {
  const { name } = specification;
  const { logger } = dependencies;
  let child: ChildProcess;
  let isStopping = false;
  let wasReady = false;
  let failures = 0;
  const readiness = Promise.withResolvers<StartReport | undefined>();
  const ended = Promise.withResolvers<void>();
  // Whoever does not ask for readiness must not be ended by its failure.
  readiness.promise.catch((error: unknown) => logger.debug({ err: error }, 'a process cannot be started'));

  function spawn(): void {
    const startedAt = performance.now();
    child = fork(command, [...specification.arguments], {
      env: specification.environment as NodeJS.ProcessEnv,
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    });
    child.on('message', (message) => {
      if (typeof message !== 'object' || message === null) return;
      if (isReadyMessage(message)) {
        wasReady = true;
        readiness.resolve(message.report);
      } else dependencies.onMessage?.(message);
    });
    const onEnd = once((code: number | null, signal: string | null) => void restart(code, signal, performance.now() - startedAt));
    child.once('exit', onEnd);
    child.on('error', (error) => {
      logger.error({ err: error, process: name }, 'a process could not be started or told something');
      if (child.pid === undefined) onEnd(null, null);
    });
  }

  async function restart(code: number | null, signal: string | null, livedMs: number): Promise<void> {
    if (isStopping) {
      ended.resolve();
      return;
    }
    failures = livedMs > healthyAfterMs ? 0 : failures + 1;
    if (!wasReady && failures >= maxFailuresBeforeReady) {
      isStopping = true;
      ended.resolve();
      readiness.reject(
        new AppError('process_failed', `The process ${name} ended ${failures} times before it was ready; what it printed above says why.`),
      );
      return;
    }
    const pauseMs = failures === 0 ? 0 : Math.min(maxRestartDelayMs, firstRestartDelayMs * 2 ** (failures - 1));
    logger.warn({ process: name, code, signal, pauseMs }, 'a process ended; starting it again');
    await delay(pauseMs);
    if (isStopping) ended.resolve();
    else spawn();
  }

  spawn();
  return {
    name,
    ready: () => readiness.promise,
    send: (message) => {
      if (child.connected) child.send(message);
    },
    async stop(timeoutMs) {
      isStopping = true;
      if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) return;
      child.kill('SIGTERM');
      const timer = setTimeout(() => child.kill('SIGKILL'), timeoutMs);
      await ended.promise;
      clearTimeout(timer);
    },
    kill() {
      isStopping = true;
      child.kill('SIGKILL');
    },
  };
}

function once<A extends unknown[]>(work: (...words: A) => void): (...words: A) => void {
  let isDone = false;
  return (...words) => {
    if (isDone) return;
    isDone = true;
    work(...words);
  };
}
