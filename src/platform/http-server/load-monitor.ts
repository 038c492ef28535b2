import { getHeapStatistics } from 'node:v8';
import type { Logger, Metrics } from '#platform/telemetry';
import { createLoadLevel, type LoadLevel } from './load-level.ts';

export type LoadLimits = {
  /** Lag of the event loop from which expensive requests are refused; from twice as much, others too. */
  readonly maxLagMs: number;
  /** Resident memory from which expensive requests are refused; from a tenth more, others too. Not watched unless told. */
  readonly maxRssBytes: number | undefined;
  /** The same for the part of V8's own heap limit that is in use: past it V8 ends the process. */
  readonly maxHeapShare: number;
};

export type MemoryReading = { readonly rssBytes: number; readonly heapShare: number };

export type LoadMonitorOptions = {
  readonly logger: Logger;
  readonly metrics: Metrics;
  readonly limits?: Partial<LoadLimits>;
  readonly sampleMs?: number;
  /** The longest delay of the event loop since the last reading, in milliseconds. */
  readonly readLag?: () => number;
  readonly readMemory?: () => MemoryReading;
};

export type LoadMonitor = {
  readonly level: () => LoadLevel;
  close(): void;
};

const defaultSampleMs = 250;
const tickMs = 20;
const holdMs = 2000;
const leaveShare = 0.7;
// Memory is given back late and in large steps.
const memoryLeaveShare = 0.95;
// A single long task is no overload: two of three readings must say it.
const readingsKept = 3;

/**
 * How late a timer comes. Node's own histogram of it (`monitorEventLoopDelay`) forgets its last tick when it is reset: a loop
 * whose every turn is longer than the time between two readings would show no lag at all.
 */
function createLagReader(): { readonly read: () => number; readonly close: () => void } {
  let lastTickAt = performance.now();
  let longestMs = 0;
  const timer = setInterval(() => {
    const now = performance.now();
    longestMs = Math.max(longestMs, now - lastTickAt - tickMs);
    lastTickAt = now;
  }, tickMs);
  timer.unref();
  return {
    read() {
      const lagMs = longestMs;
      longestMs = 0;
      return lagMs;
    },
    close: () => clearInterval(timer),
  };
}

function readMemory(): MemoryReading {
  const heap = getHeapStatistics();
  return { rssBytes: process.memoryUsage.rss(), heapShare: heap.used_heap_size / heap.heap_size_limit };
}

function medianOf(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0;
}

/** Watches how far this process is behind its work. `level` is what the last samples said. */
export function createLoadMonitor(options: LoadMonitorOptions): LoadMonitor {
  const { logger, metrics, sampleMs = defaultSampleMs } = options;
  const { maxLagMs = 200, maxRssBytes, maxHeapShare = 0.9 } = options.limits ?? {};
  const lagReader = options.readLag === undefined ? createLagReader() : { read: options.readLag, close: () => undefined };
  const memoryReader = options.readMemory ?? readMemory;
  const lagLevel = createLoadLevel({ enter: [maxLagMs, 2 * maxLagMs], leaveShare, holdMs });
  const memoryScale = (limit: number) => createLoadLevel({ enter: [limit, 1.1 * limit], leaveShare: memoryLeaveShare, holdMs });
  const rssLevel = memoryScale(maxRssBytes ?? Number.POSITIVE_INFINITY);
  const heapLevel = createLoadLevel({ enter: [maxHeapShare, (1 + maxHeapShare) / 2], leaveShare: memoryLeaveShare, holdMs });
  const lagGauge = metrics.gauge('aquascene_event_loop_lag_seconds', 'Lag of the event loop by which load is shed');
  const levelGauge = metrics.gauge('aquascene_load_level', '0: all is served, 1: nothing expensive, 2: the essential only');
  levelGauge.set(0);
  const lags: number[] = [];
  let level: LoadLevel = 0;

  function sample(): void {
    lags.push(lagReader.read());
    if (lags.length > readingsKept) lags.shift();
    // Until there are three, the missing ones count as none.
    const lagMs = medianOf([...lags, ...Array<number>(readingsKept - lags.length).fill(0)]);
    const memory = memoryReader();
    const now = performance.now();
    const next = Math.max(lagLevel(lagMs, now), rssLevel(memory.rssBytes, now), heapLevel(memory.heapShare, now)) as LoadLevel;
    lagGauge.set(lagMs / 1000);
    if (next !== level) {
      levelGauge.set(next);
      const figures = { level: next, lagMs: Math.round(lagMs), ...memory };
      if (next > level) logger.warn(figures, 'overloaded: requests are refused');
      else logger.info(figures, next === 0 ? 'no longer overloaded' : 'less overloaded');
    }
    level = next;
  }

  const timer = setInterval(sample, sampleMs);
  timer.unref();
  return {
    level: () => level,
    close() {
      clearInterval(timer);
      lagReader.close();
    },
  };
}
