export type WakeLoop = {
  /** Looks again at once; while it recovers from a failure, only after a moment. */
  wake(): void;
  stop(): Promise<void>;
};

const firstFailureDelayMs = 250;

/**
 * Calls `step` again and again: after as many milliseconds as it answers (0: at once, Infinity: when it is woken), or
 * sooner when it is woken. What it throws goes to `onFailure`, and it waits ever longer before the next try.
 */
export function startWakeLoop(options: {
  readonly step: () => Promise<number>;
  readonly onFailure: (error: unknown) => void;
  readonly maxFailureDelayMs: number;
  readonly random: () => number;
}): WakeLoop {
  let isStopping = false;
  let isWoken = false;
  let interrupt: (() => void) | undefined;

  async function sleep(ms: number, isWakeable: boolean): Promise<void> {
    if (isStopping || (isWakeable && isWoken)) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = ms === Number.POSITIVE_INFINITY ? undefined : setTimeout(resolve, ms);
    interrupt = () => {
      if (isWakeable || isStopping) resolve();
    };
    await promise;
    clearTimeout(timer);
    interrupt = undefined;
  }

  async function run(): Promise<void> {
    let failures = 0;
    while (!isStopping) {
      isWoken = false;
      try {
        const pauseMs = await options.step();
        failures = 0;
        if (pauseMs > 0) await sleep(pauseMs, true);
      } catch (error) {
        failures += 1;
        options.onFailure(error);
        // Being woken must not turn an outage into a storm of tries.
        await sleep(firstFailureDelayMs * (0.5 + options.random() / 2), false);
        const furtherMs = Math.min(options.maxFailureDelayMs, firstFailureDelayMs * 2 ** Math.min(failures, 10)) - firstFailureDelayMs;
        await sleep(Math.max(1, furtherMs * (0.5 + options.random() / 2)), true);
      }
    }
  }

  const done = run();
  return {
    wake() {
      isWoken = true;
      interrupt?.();
    },
    async stop() {
      isStopping = true;
      interrupt?.();
      await done;
    },
  };
}
