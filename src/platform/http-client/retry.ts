import type { AppError } from '#shared/errors';
import type { Hop } from './redirect.ts';
import { retryAfterMs } from './retry-after.ts';

const firstBackOffMs = 250;
const maxBackOffMs = 10_000;

// RFC 9110, 9.2.2.
const idempotentMethods = new Set(['GET', 'HEAD', 'PUT', 'DELETE']);
const passingStatuses = new Set([408, 425, 429, 500, 502, 503, 504]);
const passingFailures = new Set(['connect_failed', 'connection_lost', 'timed_out']);

/** What came of one attempt. */
export type Attempt<A> = { readonly kind: 'answered'; readonly answer: A } | { readonly kind: 'failed'; readonly error: AppError };

/** Whether sending it twice does no more than sending it once. An Idempotency-Key is the caller's word that the server sees to it. */
export function isRepeatable({ method, headers }: Pick<Hop, 'method' | 'headers'>): boolean {
  return idempotentMethods.has(method) || headers.has('idempotency-key');
}

/** Whether the same request may well succeed a little later. */
export function isPassing(attempt: Attempt<{ readonly status: number }>): boolean {
  if (attempt.kind === 'answered') return passingStatuses.has(attempt.answer.status);
  return attempt.error.retryable && passingFailures.has(attempt.error.code);
}

/**
 * How long to wait before the next attempt. Full jitter: anywhere between 0 and an exponentially growing bound (M. Brooker,
 * "Exponential Backoff And Jitter", AWS Architecture Blog, 2015). A Retry-After is never undercut, and jitter comes on top of it, so
 * that those who were told the same time do not all return in the same moment.
 * @param retry 0 for the first one.
 */
export function waitBeforeRetryMs(retry: number, retryAfter: string | undefined, clock: { now: () => Date; random: () => number }): number {
  const askedMs = retryAfterMs(retryAfter, clock.now());
  if (askedMs !== undefined) return askedMs + clock.random() * firstBackOffMs;
  return clock.random() * Math.min(maxBackOffMs, firstBackOffMs * 2 ** retry);
}
