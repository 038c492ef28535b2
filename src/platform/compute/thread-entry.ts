import { threadId } from 'node:worker_threads';
import { AppError, type FieldFault } from '#shared/errors';
import { markStarted, type TaskProgress } from './task-progress.ts';

export type Task = { readonly worker: string; readonly input: unknown; readonly progress: TaskProgress };

export type TaskOutcome =
  | { readonly kind: 'done'; readonly value: unknown }
  /** An AppError in parts: its class and fields would not survive the way between threads. */
  | {
      readonly kind: 'refused';
      readonly code: string;
      readonly message: string;
      readonly status: number;
      readonly retryable: boolean;
      readonly fields: readonly FieldFault[];
    };

/** Runs in a thread: the function `run` of the module that the task names. */
export async function runTask({ worker, input, progress }: Task): Promise<TaskOutcome> {
  // Loading the module is no part of the task's time: it happens once a thread.
  const { run } = (await import(worker)) as { run?: (input: unknown) => unknown };
  if (typeof run !== 'function') throw new Error(`${worker} exports no function "run".`);
  const { user, system } = process.threadCpuUsage();
  markStarted(progress, threadId, Math.round((user + system) / 1000));
  try {
    return { kind: 'done', value: await run(input) };
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    const { code, message, status, retryable, fields } = error;
    return { kind: 'refused', code, message, status, retryable, fields };
  }
}
