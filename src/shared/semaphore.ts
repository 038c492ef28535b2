export type Semaphore = {
  /**
   * Waits for a turn, first come, first served. Call the function that it gives exactly when the turn is over; a second call
   * does nothing. Rejects with the signal's reason, or with `overloadError()` when too many wait already.
   */
  acquire(signal?: AbortSignal): Promise<() => void>;
  readonly active: () => number;
  readonly waiting: () => number;
};

export function createSemaphore(options: {
  readonly limit: number;
  readonly maxWaiting: number;
  readonly overloadError: () => Error;
}): Semaphore {
  let active = 0;
  // A set keeps the order of insertion, and whoever gives up leaves it at once.
  const waiting = new Set<() => void>();

  function createRelease(): () => void {
    active += 1;
    let isReleased = false;
    return () => {
      if (isReleased) return;
      isReleased = true;
      active -= 1;
      const [next] = waiting;
      if (next !== undefined) next();
    };
  }

  return {
    active: () => active,
    waiting: () => waiting.size,
    acquire(signal) {
      if (signal?.aborted) return Promise.reject(signal.reason);
      if (active < options.limit) return Promise.resolve(createRelease());
      if (waiting.size >= options.maxWaiting) return Promise.reject(options.overloadError());
      return new Promise((resolve, reject) => {
        const onTurn = () => {
          leave();
          resolve(createRelease());
        };
        const onAbort = () => {
          leave();
          reject(signal?.reason);
        };
        const leave = () => {
          waiting.delete(onTurn);
          signal?.removeEventListener('abort', onAbort);
        };
        waiting.add(onTurn);
        signal?.addEventListener('abort', onAbort, { once: true });
      });
    },
  };
}
