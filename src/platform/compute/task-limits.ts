import { setTimeout as delay } from 'node:timers/promises';
import type { Worker } from 'node:worker_threads';
import { startOf, type TaskProgress, waitForStart } from './task-progress.ts';

// Reading the module may take seconds on a busy machine, and cannot take for ever.
const startLimitMs = 60_000;
// A thread that waits, or gets no core, uses no CPU time: by the clock, the limit is this many times as long.
const clockFactor = 10;
const answerLimitMs = 200;
// Most tasks end before the first look.
const lookEveryMs = 50;

export type LimitOutcome = 'time_exceeded' | 'memory_exceeded' | 'not_started' | 'finished';

type Usage = { readonly cpuMs: number; readonly heapBytes: number };

/** Undefined when the thread has ended or does not answer. */
async function readUsage(thread: Worker, signal: AbortSignal): Promise<Usage | undefined> {
  const reading = Promise.all([thread.cpuUsage(), thread.getHeapStatistics()]);
  const answer = await Promise.race([reading, delay(answerLimitMs, undefined, { signal })]).catch(() => undefined);
  if (answer === undefined) return undefined;
  const [cpu, heap] = answer;
  return { cpuMs: (cpu.user + cpu.system) / 1000, heapBytes: heap.used_heap_size };
}

/**
 * Resolves when the task has used up its time or its memory, or when `finished` is aborted. A busy thread is asked for its CPU
 * time, so that a task on a crowded machine gets as much of it as on an idle one. The heap is watched from here because V8's
 * own limit is none to rely on: where a built-in function meets it (`JSON.parse`), the whole process is aborted.
 */
export async function watchLimits(options: {
  readonly progress: TaskProgress;
  readonly timeoutMs: number;
  readonly maxHeapBytes: number;
  readonly findThread: (threadId: number) => Worker | undefined;
  readonly finished: AbortSignal;
}): Promise<LimitOutcome> {
  const { progress, timeoutMs, maxHeapBytes, findThread, finished } = options;
  if (!(await waitForStart(progress, startLimitMs))) return finished.aborted ? 'finished' : 'not_started';
  if (finished.aborted) return 'finished';
  const startedAt = performance.now();
  const { threadId, cpuMs } = startOf(progress);
  for (let leftMs = timeoutMs; ; ) {
    const isOver = await delay(Math.max(1, Math.min(leftMs, lookEveryMs)), false, { signal: finished, ref: false }).catch(() => true);
    if (isOver) return 'finished';
    const thread = findThread(threadId);
    const usage = thread && (await readUsage(thread, finished));
    if (finished.aborted) return 'finished';
    if (usage !== undefined && usage.heapBytes > maxHeapBytes) return 'memory_exceeded';
    const usedMs = usage === undefined ? 0 : usage.cpuMs - cpuMs;
    const clockLeftMs = timeoutMs * clockFactor - (performance.now() - startedAt);
    if (usedMs >= timeoutMs || clockLeftMs <= 0) return 'time_exceeded';
    leftMs = Math.min(timeoutMs - usedMs, clockLeftMs);
  }
}
