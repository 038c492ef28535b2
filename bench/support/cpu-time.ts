import { existsSync, readFileSync } from 'node:fs';
import { listProcesses } from '../../tests/support/processes.ts';

/** CPU time of a process, and of those that it began and that have ended, in ms. 0 where the machine does not say. */
export function cpuMsOf(pid: number): number {
  if (process.platform !== 'linux') return 0;
  const ticksPerSecond = 100;
  const file = `/proc/${pid}/stat`;
  // It may have ended since it was listed.
  if (!existsSync(file)) return 0;
  const fields = readFileSync(file, 'utf8')
    .replace(/^.*\) /, '')
    .split(' ')
    .slice(11, 15);
  return (fields.reduce((sum, ticks) => sum + Number(ticks), 0) * 1000) / ticksPerSecond;
}

/** Of the server and all of its backends. */
export function databaseCpuMs(postmaster: number): number {
  const backends = listProcesses().filter(({ parent }) => parent === postmaster);
  return cpuMsOf(postmaster) + backends.reduce((sum, { pid }) => sum + cpuMsOf(pid), 0);
}
