import { statfs } from 'node:fs/promises';
import os from 'node:os';

/** The state of this process and its machine: whether a slow statement was slow by itself. */
export type ProcessFigures = {
  /** CPU time of this process since the figures were last looked at (one second or more ago), in % of one core. */
  readonly cpuPercent: number;
  /** Share of that time in which the event loop was busy, in %: near 100 the statement waited for this process. */
  readonly eventLoopPercent: number;
  /** Mean number of runnable tasks of the machine over the last minute; 0 on Windows. */
  readonly loadAverage: number;
  readonly rssBytes: number;
  readonly heapUsedBytes: number;
  /** Blocks of this process that had to be read from and written to disk since its start; on Linux of 512 bytes. */
  readonly diskReadBlocks: number;
  readonly diskWrittenBlocks: number;
  /** Of the file system that holds the folder; null when it cannot be asked. */
  readonly diskFreeBytes: number | null;
  readonly diskTotalBytes: number | null;
};

type Sample = { readonly at: number; readonly cpu: NodeJS.CpuUsage; readonly loop: ReturnType<typeof performance.eventLoopUtilization> };

export type ProcessWatch = {
  /** Cheap, to be called often: looks at the process once a second at most. */
  tick(now: number): void;
  read(): Promise<ProcessFigures>;
};

const sampleEveryMs = 1000;

const takeSample = (at: number): Sample => ({ at, cpu: process.cpuUsage(), loop: performance.eventLoopUtilization() });
const round = (value: number): number => Math.round(value * 10) / 10;

/** @param diskFolder whose file system's space is told */
export function createProcessWatch(diskFolder: string): ProcessWatch {
  let latest = takeSample(performance.now());
  let previous = latest;

  async function readSpace() {
    try {
      const { bsize, bavail, blocks } = await statfs(diskFolder);
      return { diskFreeBytes: bsize * bavail, diskTotalBytes: bsize * blocks };
    } catch {
      return { diskFreeBytes: null, diskTotalBytes: null };
    }
  }

  return {
    tick(now) {
      if (now - latest.at < sampleEveryMs) return;
      previous = latest;
      latest = takeSample(now);
    },
    async read() {
      const at = performance.now();
      // The latest may be of just now: one sample further back there is enough time to tell a share.
      const since = at - latest.at >= sampleEveryMs ? latest : previous;
      const { user, system } = process.cpuUsage(since.cpu);
      const { fsRead, fsWrite } = process.resourceUsage();
      const { rss, heapUsed } = process.memoryUsage();
      const elapsedMs = Math.max(1, at - since.at);
      return {
        cpuPercent: round((user + system) / 1000 / elapsedMs / 0.01),
        eventLoopPercent: round(performance.eventLoopUtilization(since.loop).utilization * 100),
        loadAverage: round(os.loadavg()[0] ?? 0),
        rssBytes: rss,
        heapUsedBytes: heapUsed,
        diskReadBlocks: fsRead,
        diskWrittenBlocks: fsWrite,
        ...(await readSpace()),
      };
    },
  };
}
