import { availableParallelism } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { Piscina } from 'piscina';
import type { Metrics } from '#platform/telemetry';
import { AppError, messageOf } from '#shared/errors';
import { createSemaphore } from '#shared/semaphore';
import { type LimitOutcome, watchLimits } from './task-limits.ts';
import { createProgress, stopWaiting } from './task-progress.ts';
import type { Task, TaskOutcome } from './thread-entry.ts';

export type RunOptions = {
  /** Of CPU time, from when the task begins to run in its thread. */
  readonly timeoutMs: number;
  readonly signal?: AbortSignal;
};

export type Compute = {
  /**
   * Runs the function `run` that the module at `worker` exports, in a thread, on a copy of `input`:
   *
   *     // extract-worker.ts
   *     export function run(input: Input): Output { … }
   *
   *     await compute.run<Input, Output>(new URL('./extract-worker.ts', import.meta.url), input, { timeoutMs: 5000 });
   *
   * An AppError thrown there arrives as one.
   * @throws AppError `compute_timed_out`, `compute_out_of_memory`, `compute_failed`, `compute_overloaded` (retryable),
   * `compute_aborted`, `compute_closed` (retryable)
   */
  run<I, O>(worker: URL, input: I, options: RunOptions): Promise<O>;
  /** Ends every thread. What still runs fails with `compute_closed`. */
  close(): Promise<void>;
};

export type ComputeOptions = {
  readonly metrics: Metrics;
  /** 10 unless told, and never more than the machine has cores. */
  readonly maxThreads?: number;
  /** Tasks that may wait for a thread; 200 unless told. */
  readonly maxQueue?: number;
  /** Heap of one task in MiB, garbage that V8 has not yet removed included; 384 unless told. */
  readonly maxHeapMib?: number;
  /** A thread without work ends after this; 10 s unless told. */
  readonly idleTimeoutMs?: number;
};

const v8HeapFactor = 4;

const entry = fileURLToPath(new URL('./thread-entry.ts', import.meta.url));

/** A pool of threads for work that would hold up the event loop. A task costs its thread at the worst, never the pool. */
export function createCompute(options: ComputeOptions): Compute {
  const { metrics } = options;
  const maxThreads = Math.max(1, Math.min(options.maxThreads ?? 10, availableParallelism()));
  const maxHeapMib = options.maxHeapMib ?? 384;
  const pool = new Piscina<Task, TaskOutcome>({
    filename: entry,
    name: 'runTask',
    minThreads: 0,
    maxThreads,
    idleTimeout: options.idleTimeoutMs ?? 10_000,
    // Far above what a task may use: at V8's own limit the whole process can end, so it must not be met first.
    resourceLimits: { maxOldGenerationSizeMb: maxHeapMib * v8HeapFactor },
    recordTiming: false,
  });
  // Our own queue: piscina's has no limit for tasks that carry a signal, and stands still when its last thread is ended.
  const turns = createSemaphore({
    limit: maxThreads,
    maxWaiting: options.maxQueue ?? 200,
    overloadError: () =>
      new AppError('compute_overloaded', 'Too much work waits for a processor already.', {
        status: 503,
        retryable: true,
        retryAfterSeconds: 5,
      }),
  });
  const closing = new AbortController();
  const counted = metrics.counter('aquascene_compute_tasks_total', 'Tasks given to the thread pool', ['worker', 'outcome']);
  const duration = metrics.histogram('aquascene_compute_task_seconds', 'Time of a task in its thread', ['worker']);
  const threadErrors = metrics.counter('aquascene_compute_thread_errors_total', 'Threads that failed while they ran no task');
  pool.on('error', () => threadErrors.inc());
  metrics.gauge('aquascene_compute_tasks', 'Tasks in the thread pool', ['state'], (gauge) => {
    gauge.set({ state: 'running' }, turns.active());
    gauge.set({ state: 'waiting' }, turns.waiting());
  });
  metrics.gauge('aquascene_compute_threads', 'Threads of the pool', [], (gauge) => gauge.set(pool.threads.length));

  async function runInThread<O>(worker: URL, input: unknown, timeoutMs: number, stops: AbortSignal[]): Promise<O> {
    const progress = createProgress();
    const finished = new AbortController();
    const limit = new AbortController();
    const name = path.basename(worker.pathname);
    const watch = watchLimits({
      progress,
      timeoutMs,
      maxHeapBytes: maxHeapMib * 1024 * 1024,
      findThread: (threadId) => pool.threads.find((thread) => thread.threadId === threadId),
      finished: finished.signal,
    }).then((outcome) => {
      if (outcome !== 'finished') limit.abort(limitError(outcome, name, timeoutMs, maxHeapMib));
    });
    try {
      const outcome = await pool.run({ worker: worker.href, input, progress }, { signal: AbortSignal.any([...stops, limit.signal]) });
      if (outcome.kind === 'done') return outcome.value as O;
      throw new AppError(outcome.code, outcome.message, outcome);
    } catch (error) {
      if (error instanceof AppError) throw error;
      if (limit.signal.aborted) throw limit.signal.reason;
      if (stops.some((signal) => signal.aborted)) throw error;
      if (isOutOfMemory(error)) throw limitError('memory_exceeded', name, timeoutMs, maxHeapMib, error);
      throw failureOf(error, name);
    } finally {
      finished.abort();
      stopWaiting(progress);
      await watch;
    }
  }

  return {
    async run<I, O>(worker: URL, input: I, { timeoutMs, signal }: RunOptions): Promise<O> {
      const stops = signal === undefined ? [closing.signal] : [closing.signal, signal];
      const label = path.basename(worker.pathname);
      let outcome = 'done';
      try {
        const release = await turns.acquire(AbortSignal.any(stops));
        const endTimer = duration.startTimer({ worker: label });
        try {
          return await runInThread<O>(worker, input, timeoutMs, stops);
        } finally {
          endTimer();
          release();
        }
      } catch (error) {
        const appError = error instanceof AppError ? error : stopError(closing.signal.aborted, error);
        outcome = appError.code;
        throw appError;
      } finally {
        counted.inc({ worker: label, outcome });
      }
    },
    async close() {
      closing.abort();
      await pool.destroy();
    },
  };
}

function limitError(outcome: Exclude<LimitOutcome, 'finished'>, name: string, timeoutMs: number, maxHeapMib: number, cause?: unknown) {
  switch (outcome) {
    case 'time_exceeded':
      return new AppError('compute_timed_out', `${name} used more than its ${timeoutMs} ms and was ended.`);
    case 'memory_exceeded':
      return new AppError('compute_out_of_memory', `${name} needed more than its ${maxHeapMib} MiB of memory and was ended.`, { cause });
    case 'not_started':
      return new AppError('compute_failed', `${name} could not be started in a thread.`, { retryable: true });
  }
}

function stopError(isClosing: boolean, cause: unknown): AppError {
  if (isClosing) return new AppError('compute_closed', 'The program is stopping.', { status: 503, retryable: true, cause });
  return new AppError('compute_aborted', 'The work was called off.', { retryable: true, cause });
}

function isOutOfMemory(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ERR_WORKER_OUT_OF_MEMORY';
}

function failureOf(error: unknown, name: string): AppError {
  // A result that cannot be cloned loses even the message of its error on the way.
  const reason = messageOf(error) || 'its result cannot be copied out of the thread';
  return new AppError('compute_failed', `${name} failed: ${reason}`, { cause: error });
}
