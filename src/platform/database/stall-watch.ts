import { setTimeout as delay } from 'node:timers/promises';
import type { Logger } from '#platform/telemetry';
import { createSlotList, type Slotted } from '#shared/slot-list';
import { databaseUnavailable } from './database-errors.ts';

export type StallTimes = {
  /** Whoever waits longer makes the watch ask the server something trivial. */
  readonly stallAfterMs: number;
  readonly probeTimeoutMs: number;
  readonly pauseMs: number;
};

export type StallWatchOptions = {
  /** As the log names it: `the database`. */
  readonly what: string;
  readonly times: StallTimes;
  /** True when the server answers anything at all within `timeoutMs`. Takes a connection of its own. */
  readonly probe: (timeoutMs: number) => Promise<boolean>;
  /** Runs once when the server turns out to be silent. */
  readonly onStall: () => void;
  readonly logger: Logger;
};

export type StallWatch = {
  /**
   * The outcome of the work, which the server has to answer within `limitMs` at the latest.
   * @throws AppError `database_unavailable` when the server is silent: at once while that is known. The work then goes on
   *   unheard, and what it uses has to be thrown away.
   */
  guard<T>(work: () => Promise<T>, limitMs: number): Promise<T>;
  isSilent(): boolean;
  close(): void;
};

/** Bound how long anyone waits for a silent primary: 3 + 2 × 2.5 = 8 s. Who gives up on it too early cuts writes. */
export const patientTimes: StallTimes = { stallAfterMs: 3000, probeTimeoutMs: 2500, pauseMs: 1000 };

/** For a server that others can stand in for: 1 + 0.25 + 2 × 0.75 = 2.75 s. */
export const briskTimes: StallTimes = { stallAfterMs: 1000, probeTimeoutMs: 750, pauseMs: 250 };

// Two in a row: one may be late because this process itself was busy.
const probesToFail = 2;

type Waiting = Slotted & { readonly since: number; readonly until: number; readonly reject: (error: Error) => void };

/**
 * Tells a slow statement from a server that is silent (a cut cable, a frozen machine, a proxy that leads nowhere): no
 * time limit on statements can, as some may take minutes. Whoever waits longer than `stallAfterMs` makes the watch ask
 * the server something trivial on a new connection. Does nothing while answers come in time.
 *
 *     watching ──(a wait too long, two probes fail)──▶ silent: everyone who waits is told, newcomers at once
 *        ▲                                                │
 *        └───────────────(a probe is answered)────────────┘
 */
export function createStallWatch(options: StallWatchOptions): StallWatch {
  const { logger, what } = options;
  const { stallAfterMs, probeTimeoutMs, pauseMs } = options.times;
  const waiting = createSlotList<Waiting>();
  let isSilent = false;
  let isWatching = false;
  const closed = new AbortController();

  const pause = () => delay(pauseMs, undefined, { signal: closed.signal, ref: false }).catch(() => undefined);

  function isOldestOverdue(): boolean {
    const overdueSince = performance.now() - stallAfterMs;
    return waiting.toArray().some(({ since }) => since <= overdueSince);
  }

  function rejectThoseOverLimit(): void {
    const now = performance.now();
    for (const entry of waiting.toArray()) if (entry.until < now) entry.reject(databaseUnavailable());
  }

  async function answersOneOf(probes: number): Promise<boolean> {
    for (let attempt = 1; attempt <= probes; attempt += 1) if (await options.probe(probeTimeoutMs)) return true;
    return false;
  }

  /** Runs while somebody waits, and until a silent server answers again. */
  async function watch(): Promise<void> {
    while (waiting.size() > 0 && !closed.signal.aborted) {
      await pause();
      if (!isOldestOverdue()) continue;
      rejectThoseOverLimit();
      if ((await answersOneOf(probesToFail)) || closed.signal.aborted) continue;
      isSilent = true;
      logger.error(`${what} is silent; it is asked for nothing until it answers`);
      options.onStall();
      for (const entry of waiting.toArray()) entry.reject(databaseUnavailable());
      do await pause();
      while (!closed.signal.aborted && !(await options.probe(probeTimeoutMs)));
      isSilent = false;
      if (!closed.signal.aborted) logger.warn(`${what} answers again`);
    }
  }

  async function watchWhileNeeded(): Promise<void> {
    isWatching = true;
    try {
      await watch();
    } finally {
      isWatching = false;
    }
  }

  return {
    // One promise and one entry: this stands around every statement.
    guard<T>(work: () => Promise<T>, limitMs: number): Promise<T> {
      if (isSilent) return Promise.reject(databaseUnavailable());
      return new Promise<T>((resolve, reject) => {
        const since = performance.now();
        const entry: Waiting = { slot: -1, since, until: since + limitMs, reject };
        waiting.add(entry);
        if (!isWatching) void watchWhileNeeded();
        work().then(
          (value) => {
            waiting.delete(entry);
            resolve(value);
          },
          (error: unknown) => {
            waiting.delete(entry);
            reject(error);
          },
        );
      });
    },
    isSilent: () => isSilent,
    close: () => closed.abort(),
  };
}
