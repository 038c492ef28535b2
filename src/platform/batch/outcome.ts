import { AppError, messageOf } from '#shared/errors';

/** What came of one input. `aborted`: the caller called it off before it was known. */
export type Outcome<T> =
  | { readonly kind: 'done'; readonly value: T }
  | { readonly kind: 'failed'; readonly error: { readonly code: string; readonly message: string; readonly retryable: boolean } }
  | { readonly kind: 'aborted' };

export const aborted: Outcome<never> = { kind: 'aborted' };

export function done<T>(value: T): Outcome<T> {
  return { kind: 'done', value };
}

/** Anything that was thrown, as an outcome; what is no AppError has the code `batch_failed`. */
export function failed(error: unknown): Outcome<never> {
  const { code, retryable } = error instanceof AppError ? error : { code: 'batch_failed', retryable: false };
  return { kind: 'failed', error: { code, message: messageOf(error), retryable } };
}
