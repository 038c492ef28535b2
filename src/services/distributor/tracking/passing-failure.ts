import { AppError } from '#shared/errors';

/** Serialization failure, deadlock, a lock that was not to be had in time, a statement that was cancelled. */
const passingCodes: ReadonlySet<unknown> = new Set(['40001', '40P01', '55P03', '57014']);

/** Whether the same write may succeed later. */
export function isPassing(error: unknown): boolean {
  if (error instanceof AppError) return error.retryable;
  return error instanceof Error && 'code' in error && passingCodes.has(error.code);
}
