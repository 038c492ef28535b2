export type StopSignals = {
  /** Aborted at the first signal that asks to stop. */
  readonly signal: AbortSignal;
  close(): void;
};

// One Ctrl-C can arrive several times: from the terminal, and passed on by npm and by our own start script.
const sameKeyWithinMs = 300;

/**
 * Ctrl-C, a service manager, a terminal that is closed: each asks to stop in order. Only a person who presses Ctrl-C again
 * does not want to wait.
 */
export function listenForStop(options: { onStop: () => void; onImpatience: () => void }): StopSignals {
  const stop = new AbortController();
  let firstAt = 0;
  const ask = () => {
    if (stop.signal.aborted) return;
    firstAt = performance.now();
    options.onStop();
    stop.abort();
  };
  const onInterrupt = () => {
    if (stop.signal.aborted && performance.now() - firstAt > sameKeyWithinMs) options.onImpatience();
    else ask();
  };
  process.on('SIGINT', onInterrupt);
  process.on('SIGTERM', ask);
  process.on('SIGHUP', ask);
  return {
    signal: stop.signal,
    close() {
      process.off('SIGINT', onInterrupt);
      process.off('SIGTERM', ask);
      process.off('SIGHUP', ask);
    },
  };
}

/** A terminal or a pipe that is gone must not end a process that is about to stop in order. */
export function outliveOutput(): void {
  for (const stream of [process.stdout, process.stderr]) {
    stream.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code !== 'EPIPE' && error.code !== 'EIO') throw error;
    });
  }
}
