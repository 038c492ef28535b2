import { readdirSync, readFileSync } from 'node:fs';
import { createWorkplace, startEngine } from '../../tests/support/engine.ts';
import type { BenchResult } from '../bench.ts';

const firstStartLimitSeconds = 60;
const secondStartLimitSeconds = 5;

/** Resident memory in MiB of the process and of everything below it, by role. Linux only: elsewhere empty. */
function residentMemory(rootPid: number): Record<string, number> {
  if (process.platform !== 'linux') return {};
  const processes = readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((pid) => {
      try {
        const status = readFileSync(`/proc/${pid}/status`, 'utf8');
        const command = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0').join(' ');
        const parent = Number(/^PPid:\s+(\d+)/m.exec(status)?.[1]);
        const mib = Number(/^VmRSS:\s+(\d+)/m.exec(status)?.[1] ?? 0) / 1024;
        return [{ pid: Number(pid), parent, mib, command }];
      } catch (error) {
        // It ended between the listing and the reading.
        if (error instanceof Error && 'code' in error && (error.code === 'ENOENT' || error.code === 'ESRCH')) return [];
        throw error;
      }
    });
  const below = new Set([rootPid]);
  for (let grew = true; grew; ) {
    const before = below.size;
    for (const { pid, parent } of processes) if (below.has(parent)) below.add(pid);
    grew = below.size > before;
  }
  const figures: Record<string, number> = {};
  for (const { pid, mib, command } of processes) {
    if (!below.has(pid)) continue;
    const role = /--role (\S+)/.exec(command)?.[1];
    const name = /postgres/.test(command) ? 'postgres' : role === undefined ? 'supervisor' : role.includes(',') ? 'worker' : role;
    figures[`rss_${name}_mib`] = Math.round((figures[`rss_${name}_mib`] ?? 0) + mib);
  }
  return figures;
}

/** Time to ready of the first start (empty data folder, sample run) and of the second; memory of each process. */
export async function run(): Promise<BenchResult> {
  const workplace = await createWorkplace();
  try {
    const first = startEngine(workplace);
    const { seconds: firstSeconds } = await first.ready;
    await first.stop();
    const second = startEngine(workplace);
    const { seconds: secondSeconds } = await second.ready;
    const memory = residentMemory(second.child.pid ?? 0);
    await second.stop();
    const round = (value: number) => Math.round(value * 100) / 100;
    return {
      bench: 'start',
      ratios: {
        first_start_to_limit: round(firstSeconds / firstStartLimitSeconds),
        second_start_to_limit: round(secondSeconds / secondStartLimitSeconds),
      },
      figures: { first_start_s: round(firstSeconds), second_start_s: round(secondSeconds), ...memory },
      bars: [
        { name: 'first start', want: `< ${firstStartLimitSeconds} s`, got: round(firstSeconds), ok: firstSeconds < firstStartLimitSeconds },
        {
          name: 'second start',
          want: `< ${secondStartLimitSeconds} s`,
          got: round(secondSeconds),
          ok: secondSeconds < secondStartLimitSeconds,
        },
      ],
    };
  } finally {
    workplace.remove();
  }
}
