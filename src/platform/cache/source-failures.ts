import { AppError } from '#shared/errors';

const maxKeys = 1000;
const firstPauseWithStaleMs = 1000;
const longestPauseWithStaleMs = 30_000;
const firstPauseMs = 100;
const longestPauseMs = 5000;

/**
 * Spares a source that fails. With a stale value to serve it is left alone for a second, then longer; without one the next
 * caller tries at once, and only after a second failure in a row do callers get its error for a moment.
 */
export type SourceFailures = {
  record(ident: string, error: unknown, hasStale: boolean, nowMs: number): { readonly retryAtMs: number };
  clear(ident: string): void;
  clearAll(): void;
  /** The last error, while the source is to be left alone. */
  pausing(ident: string, nowMs: number): { readonly error: unknown } | undefined;
};

export function createSourceFailures(): SourceFailures {
  const failures = new Map<string, { count: number; retryAtMs: number; error: unknown }>();
  return {
    record(ident, error, hasStale, nowMs) {
      const count = (failures.get(ident)?.count ?? 0) + 1;
      failures.delete(ident);
      const retryAtMs = nowMs + pauseMs(count, hasStale);
      failures.set(ident, { count, retryAtMs, error });
      const [oldest] = failures.keys();
      if (failures.size > maxKeys && oldest !== undefined) failures.delete(oldest);
      return { retryAtMs };
    },
    clear: (ident) => void (failures.size > 0 && failures.delete(ident)),
    clearAll: () => failures.clear(),
    pausing(ident, nowMs) {
      const failure = failures.get(ident);
      return failure !== undefined && nowMs < failure.retryAtMs ? failure : undefined;
    },
  };
}

function pauseMs(count: number, hasStale: boolean): number {
  if (hasStale) return Math.min(longestPauseWithStaleMs, firstPauseWithStaleMs * 2 ** (count - 1));
  return count < 2 ? 0 : Math.min(longestPauseMs, firstPauseMs * 2 ** (count - 2));
}

/** "There is no such article" is an answer, not an outage: no stale value hides it, and nothing is spared. */
export function isAnswer(error: unknown): boolean {
  return error instanceof AppError && error.status < 500;
}
