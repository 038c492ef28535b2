import { setTimeout as delay } from 'node:timers/promises';
import type { Logger } from '#platform/telemetry';
import { databaseUnavailable } from './database-errors.ts';

export type StallWatchOptions = {
  /** True when the server answers anything at all within `timeoutMs`. Takes a connection of its own. */
  readonly probe: (timeoutMs: number) => Promise<boolean>;
  /** Runs once when the server turns out to be silent. */
  readonly onStall: () => void;
  readonly logger: Logger;
};

export type StallWatch = {
  /**
   * The outcome of the work, which the server has to answer.
   * @throws AppError `database_unavailable` when the server is silent: at once while that is known. The work then goes on
   *   unheard, and what it uses has to be thrown away.
   */
  guard<T>(work: () => Promise<T>): Promise<T>;
  close(): void;
};

// Together they bound how long anyone waits for a silent server: 3 + 2 × 2.5 = 8 s.
const stallAfterMs = 3000;
const probeTimeoutMs = 2500;
// Two in a row: one may be late because this process itself was busy.
const probesToFail = 2;
const probePauseMs = 1000;

type Waiting = { readonly since: number; readonly reject: (error: Error) => void };

/**
 * Tells a slow statement from a server that is silent (a cut cable, a frozen machine, a proxy that leads nowhere): no
 * time limit on statements can, as some may take minutes. Whoever waits longer than `stallAfterMs` makes the watch ask
 * the server something trivial on a new connection. Does nothing while answers come in time.
 *
 *     watching ──(a wait over 3 s, two probes fail)──▶ silent: everyone who waits is told, newcomers at once
 *        ▲                                                │
 *        └───────────────(a probe is answered)────────────┘
 */
export function createStallWatch(options: StallWatchOptions): StallWatch {
  const { logger } = options;
  const waiting = new Set<Waiting>();
  let isSilent = false;
  let isWatching = false;
  const closed = new AbortController();

  const pause = (ms: number) => delay(ms, undefined, { signal: closed.signal, ref: false }).catch(() => undefined);
  const isOverdue = (entry: Waiting) => performance.now() - entry.since >= stallAfterMs;

  async function answersOneOf(probes: number): Promise<boolean> {
    for (let attempt = 1; attempt <= probes; attempt += 1) if (await options.probe(probeTimeoutMs)) return true;
    return false;
  }

  /** Runs while somebody waits, and until a silent server answers again. */
  async function watch(): Promise<void> {
    while (waiting.size > 0 && !closed.signal.aborted) {
      await pause(probePauseMs);
      if (![...waiting].some(isOverdue) || (await answersOneOf(probesToFail)) || closed.signal.aborted) continue;
      isSilent = true;
      logger.error('the database is silent; requests are refused until it answers');
      options.onStall();
      for (const entry of waiting) entry.reject(databaseUnavailable());
      do await pause(probePauseMs);
      while (!closed.signal.aborted && !(await options.probe(probeTimeoutMs)));
      isSilent = false;
      if (!closed.signal.aborted) logger.warn('the database answers again');
    }
  }

  async function watchWhileNeeded(): Promise<void> {
    if (isWatching) return;
    isWatching = true;
    try {
      await watch();
    } finally {
      isWatching = false;
    }
  }

  return {
    async guard<T>(work: () => Promise<T>): Promise<T> {
      if (isSilent) throw databaseUnavailable();
      const { promise, reject } = Promise.withResolvers<never>();
      const entry: Waiting = { since: performance.now(), reject };
      waiting.add(entry);
      void watchWhileNeeded();
      try {
        return await Promise.race([work(), promise]);
      } finally {
        waiting.delete(entry);
      }
    },
    close: () => closed.abort(),
  };
}
