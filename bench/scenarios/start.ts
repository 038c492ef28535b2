import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import os from 'node:os';
import path from 'node:path';
import type { BenchResult } from '../bench.ts';

const root = path.resolve(import.meta.dirname, '../..');
const firstStartLimitSeconds = 60;
const secondStartLimitSeconds = 5;
const giveUpAfterMs = 180_000;

async function findFreePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer().once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => (typeof address === 'object' && address !== null ? resolve(address.port) : reject(new Error('no port'))));
    });
  });
}

function startEngine(dataDir: string, ports: readonly number[]): { child: ChildProcess; ready: Promise<number> } {
  const started = performance.now();
  const [port, mailbox, web] = ports.map(String);
  const child = spawn(
    process.execPath,
    [path.join(root, 'bin/aquascene'), 'start', '--data-dir', dataDir]
      .concat(['--port', port ?? '', '--mailbox-port', mailbox ?? '', '--sample-web-port', web ?? '', '--log-level', 'error']),
    { stdio: ['ignore', 'pipe', 'inherit'] },
  );
  const ready = new Promise<number>((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error('the engine did not become ready')), giveUpAfterMs);
    let output = '';
    child.stdout?.on('data', (chunk: Buffer) => {
      output += chunk.toString();
      if (!output.includes('Ctrl-C stops everything')) return;
      clearTimeout(timer);
      resolve((performance.now() - started) / 1000);
    });
    child.once('exit', (code) => reject(new Error(`the engine ended with ${code}: ${output}`)));
  });
  return { child, ready };
}

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

async function stopEngine(child: ChildProcess): Promise<void> {
  const exited = new Promise((resolve) => child.once('exit', resolve));
  child.kill('SIGTERM');
  await exited;
}

/** Time to ready of the first start (empty data folder, sample run) and of the second; memory of each process. */
export async function run(): Promise<BenchResult> {
  const dataDir = mkdtempSync(path.join(os.tmpdir(), 'aquascene-bench-'));
  const ports = [await findFreePort(), await findFreePort(), await findFreePort()];
  try {
    const first = startEngine(dataDir, ports);
    const firstSeconds = await first.ready;
    await stopEngine(first.child);
    const second = startEngine(dataDir, ports);
    const secondSeconds = await second.ready;
    const memory = residentMemory(second.child.pid ?? 0);
    await stopEngine(second.child);
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
        { name: 'second start', want: `< ${secondStartLimitSeconds} s`, got: round(secondSeconds), ok: secondSeconds < secondStartLimitSeconds },
      ],
    };
  } finally {
    rmSync(dataDir, { recursive: true, force: true });
  }
}
