import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { findProgram, installPrograms, type Program } from '../../tests/support/programs.ts';

const wrk: Program = { names: ['wrk'], debianPackage: 'wrk' };

export type Load = { readonly requestsPerSecond: number; readonly p50Ms: number; readonly p99Ms: number; readonly errors: number };

const run = promisify(execFile);
const unitMs: Readonly<Record<string, number>> = { us: 0.001, ms: 1, s: 1000, m: 60_000 };

function latencyOf(output: string, percentile: number): number {
  const [, value, unit = 'ms'] = new RegExp(`^\\s+${percentile}%\\s+([\\d.]+)(us|ms|s|m)$`, 'm').exec(output) ?? [];
  if (value === undefined) throw new Error(`wrk printed no ${percentile} %:\n${output}`);
  return Number(value) * (unitMs[unit] ?? 1);
}

/** As many requests as the server answers over so many connections, in a thread of its own, for so long. */
export async function load(
  url: string,
  options: { readonly connections: number; readonly seconds: number; readonly headers?: Readonly<Record<string, string>> },
): Promise<Load> {
  installPrograms([wrk]);
  const program = findProgram(wrk);
  if (program === undefined) throw new Error(`${wrk.names[0]} is needed (Debian: apt-get install ${wrk.debianPackage}).`);
  const headers = Object.entries(options.headers ?? {}).flatMap(([name, value]) => ['-H', `${name}: ${value}`]);
  const { stdout } = await run(program, [
    ...['--threads', '1', '--connections', String(options.connections), '--duration', `${options.seconds}s`, '--latency'],
    ...headers,
    url,
  ]);
  const [, failed = '0'] = /Non-2xx or 3xx responses: (\d+)/.exec(stdout) ?? [];
  const broken = /Socket errors: (.*)/.exec(stdout)?.[1]?.match(/\d+/g) ?? [];
  return {
    requestsPerSecond: Number(/Requests\/sec:\s+([\d.]+)/.exec(stdout)?.[1] ?? 0),
    p50Ms: latencyOf(stdout, 50),
    p99Ms: latencyOf(stdout, 99),
    errors: broken.reduce((sum, count) => sum + Number(count), Number(failed)),
  };
}
