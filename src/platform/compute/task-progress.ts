/**
 * What a thread tells of its task while it runs, in shared memory: a message would not be read while the thread is busy, and
 * piscina itself does not say when a task begins.
 */
const phaseIndex = 0;
const threadIdIndex = 1;
const cpuAtStartIndex = 2;
const started = 1;

export type TaskProgress = Int32Array<SharedArrayBuffer>;

export function createProgress(): TaskProgress {
  return new Int32Array(new SharedArrayBuffer(3 * Int32Array.BYTES_PER_ELEMENT));
}

/** Called in the thread. `cpuMs`: what the thread had used before this task. */
export function markStarted(progress: TaskProgress, threadId: number, cpuMs: number): void {
  Atomics.store(progress, threadIdIndex, threadId);
  Atomics.store(progress, cpuAtStartIndex, cpuMs);
  Atomics.store(progress, phaseIndex, started);
  Atomics.notify(progress, phaseIndex);
}

/** False when the task did not begin in time. Ends, too, when `stopWaiting` is called. */
export async function waitForStart(progress: TaskProgress, limitMs: number): Promise<boolean> {
  const outcome = Atomics.waitAsync(progress, phaseIndex, 0, limitMs);
  return (outcome.async ? await outcome.value : outcome.value) !== 'timed-out';
}

export function stopWaiting(progress: TaskProgress): void {
  Atomics.notify(progress, phaseIndex);
}

export function startOf(progress: TaskProgress): { readonly threadId: number; readonly cpuMs: number } {
  return { threadId: Atomics.load(progress, threadIdIndex), cpuMs: Atomics.load(progress, cpuAtStartIndex) };
}
