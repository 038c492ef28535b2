import { setTimeout as delay } from 'node:timers/promises';

export type GroupCommitOptions<T> = {
  /** Writes all of them and returns once they are committed; the same ones may come again when it failed. */
  readonly write: (items: readonly T[]) => Promise<unknown>;
  /** Whether the failure may pass; otherwise the items are tried one by one, and those at fault are given up. */
  readonly isRetryable: (error: unknown) => boolean;
  readonly onFailure: (error: unknown, itemCount: number) => void;
  readonly onDropped: (items: readonly T[], error: unknown) => void;
  /** How long the first item of a group waits for others. */
  readonly gatherMs?: number;
  readonly maxGroupSize?: number;
  /** More are not taken. */
  readonly maxPending?: number;
  /** An item that could not be written for so long is given up. */
  readonly giveUpAfterMs?: number;
};

export type GroupCommit<T> = {
  /**
   * Queues the item. Resolves to true once it is committed, and to false when that takes longer than `budgetMs`, or is not to be
   * expected: it goes on being tried all the same. Undefined: there are too many already, and it was not taken.
   */
  add(item: T, budgetMs: number): Promise<boolean> | undefined;
  /** Resolves when nothing is queued any more, or after `timeoutMs`. */
  flush(timeoutMs: number): Promise<void>;
};

type Pending<T> = { readonly item: T; readonly addedAt: number; settle: ((isCommitted: boolean) => void) | undefined };

const minPauseMs = 50;
const maxPauseMs = 2000;

/**
 * Many small writes as few large ones: what comes in while one group commits is the next group. One writer, so groups grow with
 * the load and a database that is slow is asked less often, not more.
 */
export function createGroupCommit<T>(options: GroupCommitOptions<T>): GroupCommit<T> {
  const { write, isRetryable, onFailure, onDropped } = options;
  const { gatherMs = 2, maxGroupSize = 500, maxPending = 20_000, giveUpAfterMs = 300_000 } = options;
  let pending: Pending<T>[] = [];
  let writing: Promise<void> | undefined;
  let inHand = 0;
  let pauseMs = 0;

  const settleAll = (group: readonly Pending<T>[], isCommitted: boolean) => {
    for (const entry of group) entry.settle?.(isCommitted);
  };

  async function writeGroup(group: readonly Pending<T>[]): Promise<void> {
    try {
      await write(group.map(({ item }) => item));
      pauseMs = 0;
      settleAll(group, true);
    } catch (error) {
      onFailure(error, group.length);
      if (isRetryable(error)) await keepForLater(group, error);
      else if (group.length === 1) drop(group, error);
      else for (const entry of group) await writeGroup([entry]);
    }
  }

  async function keepForLater(group: readonly Pending<T>[], error: unknown): Promise<void> {
    inHand = 0;
    // Nobody waits for what will take long.
    settleAll([...group, ...pending], false);
    const oldest = performance.now() - giveUpAfterMs;
    const hopeless = group.filter(({ addedAt }) => addedAt < oldest);
    if (hopeless.length > 0) drop(hopeless, error);
    pending = [...group.filter(({ addedAt }) => addedAt >= oldest), ...pending];
    pauseMs = Math.min(maxPauseMs, Math.max(minPauseMs, pauseMs * 2));
    await delay(pauseMs);
  }

  function drop(group: readonly Pending<T>[], error: unknown): void {
    settleAll(group, false);
    onDropped(
      group.map(({ item }) => item),
      error,
    );
  }

  async function writeAll(): Promise<void> {
    if (gatherMs > 0) await delay(gatherMs);
    while (pending.length > 0) {
      const group = pending.splice(0, maxGroupSize);
      inHand = group.length;
      await writeGroup(group);
      inHand = 0;
    }
    writing = undefined;
  }

  return {
    add(item, budgetMs) {
      if (pending.length + inHand >= maxPending) return undefined;
      const entry: Pending<T> = { item, addedAt: performance.now(), settle: undefined };
      pending.push(entry);
      writing ??= writeAll();
      if (pauseMs > 0) return Promise.resolve(false);
      return new Promise((resolve) => {
        const timer = setTimeout(() => settle(false), budgetMs);
        const settle = (isCommitted: boolean) => {
          clearTimeout(timer);
          entry.settle = undefined;
          resolve(isCommitted);
        };
        entry.settle = settle;
      });
    },
    async flush(timeoutMs) {
      if (writing === undefined) return;
      const timer = new AbortController();
      await Promise.race([writing, delay(timeoutMs, undefined, { signal: timer.signal }).catch(() => undefined)]);
      timer.abort();
    },
  };
}
