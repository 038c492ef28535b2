import { setTimeout as delay } from 'node:timers/promises';
import type { Worker } from 'node:worker_threads';
import { startOf, type TaskProgress, waitForStart } from './task-progress.ts';

// Reading the module may take seconds on a busy machine, and cannot take for ever.
const startLimitMs = 60_000;
// A thread that waits, or gets no core, uses no CPU time: by the clock, the limit is this many times as long.
const clockFactor = 10;
const answerLimitMs = 200;

/** CPU time of the thread in milliseconds; undefined when it has ended or does not answer. */
async function readCpuMs(thread: Worker, signal: AbortSignal): Promise<number | undefined> {
  const usage = await Promise.race([thread.cpuUsage(), delay(answerLimitMs, undefined, { signal })]).catch(() => undefined);
  return usage === undefined ? undefined : (usage.user + usage.system) / 1000;
}

/**
 * Resolves when the task has used up its time, or when `finished` is aborted. A busy thread is asked for its CPU time, so
 * that a task on a crowded machine gets as much of it as on an idle one.
 */
export async function waitForTimeLimit(options: {
  readonly progress: TaskProgress;
  readonly timeoutMs: number;
  readonly findThread: (threadId: number) => Worker | undefined;
  readonly finished: AbortSignal;
}): Promise<'exceeded' | 'not_started' | 'finished'> {
  const { progress, timeoutMs, findThread, finished } = options;
  if (!(await waitForStart(progress, startLimitMs))) return finished.aborted ? 'finished' : 'not_started';
  if (finished.aborted) return 'finished';
  const startedAt = performance.now();
  const { threadId, cpuMs } = startOf(progress);
  for (let waitMs = timeoutMs; ; ) {
    const isOver = await delay(waitMs, false, { signal: finished, ref: false }).catch(() => true);
    if (isOver) return 'finished';
    const thread = findThread(threadId);
    const nowCpuMs = thread && (await readCpuMs(thread, finished));
    if (finished.aborted) return 'finished';
    const usedMs = nowCpuMs === undefined ? 0 : nowCpuMs - cpuMs;
    const clockLeftMs = timeoutMs * clockFactor - (performance.now() - startedAt);
    if (usedMs >= timeoutMs || clockLeftMs <= 0) return 'exceeded';
    waitMs = Math.max(1, Math.min(timeoutMs - usedMs, clockLeftMs));
  }
}
