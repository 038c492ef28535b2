export type CircuitState = 'closed' | 'open' | 'half_open';

export type CircuitBreaker = {
  readonly state: () => CircuitState;
  /** Whether the call may be made. Half open, only one at a time may: whoever got true says how it ended. */
  tryAcquire(): boolean;
  succeeded(): void;
  failed(): void;
  /** Milliseconds until the next trial; 0 when calls are let through. */
  readonly retryInMs: () => number;
};

export type CircuitBreakerOptions = {
  /** Failures in a row that open it. */
  readonly failureThreshold: number;
  /** How long it stays open before one call is let through as a trial; doubles with each trial that fails. */
  readonly openMs: number;
  /** 10 × `openMs` unless told. */
  readonly maxOpenMs?: number;
  /** Milliseconds, never going backwards. */
  readonly now?: () => number;
  readonly onChange?: (state: CircuitState) => void;
};

/**
 * Spares a dependency that is in trouble, and its callers the wait for it.
 *
 *     closed ──(failures in a row)──▶ open ──(openMs)──▶ half open ──(a success)──▶ closed
 *                                       ▲                    │
 *                                       └────(a failure)─────┘
 */
export function createCircuitBreaker(options: CircuitBreakerOptions): CircuitBreaker {
  const now = options.now ?? (() => performance.now());
  const maxOpenMs = options.maxOpenMs ?? options.openMs * 10;
  let state: CircuitState = 'closed';
  let failures = 0;
  let openMs = options.openMs;
  let opensUntil = 0;
  // A trial that never says how it ended must not keep the circuit open for ever.
  let trialEndsAt = 0;

  function change(next: CircuitState): void {
    if (state === next) return;
    state = next;
    options.onChange?.(next);
  }

  function open(): void {
    opensUntil = now() + openMs;
    change('open');
  }

  return {
    state: () => state,
    tryAcquire() {
      if (state === 'closed') return true;
      const time = now();
      if (time < (state === 'open' ? opensUntil : trialEndsAt)) return false;
      trialEndsAt = time + maxOpenMs;
      change('half_open');
      return true;
    },
    succeeded() {
      // Those that were under way when it opened tell nothing of how things stand now.
      if (state === 'open') return;
      failures = 0;
      openMs = options.openMs;
      change('closed');
    },
    failed() {
      if (state === 'open') return;
      failures += 1;
      if (state === 'closed' && failures < options.failureThreshold) return;
      if (state === 'half_open') openMs = Math.min(maxOpenMs, openMs * 2);
      open();
    },
    retryInMs: () => (state === 'open' ? Math.max(0, opensUntil - now()) : 0),
  };
}
