import { AppError } from '#shared/errors';

type UnavailableOptions = { readonly isRetryable?: boolean; readonly cause?: unknown };

/** `isRetryable`: whether another try can help. */
export function unavailable(what: string, { isRetryable = true, cause }: UnavailableOptions = {}): AppError {
  return new AppError('storage_unavailable', `Object storage: ${what}.`, { status: 503, retryable: isRetryable, cause });
}

export function full(cause: unknown): AppError {
  // Retryable: space is made by somebody, not by another request.
  return new AppError('storage_full', 'Object storage has no space left.', { status: 507, retryable: true, retryAfterSeconds: 60, cause });
}

/** Neither an AppError nor an abort changes its shape on the way out. */
export function isFinal(error: unknown, signal: AbortSignal | undefined): boolean {
  return error instanceof AppError || (signal?.aborted === true && error === signal.reason);
}
