/**
 * `npm test [-- file …]`: every test. One PostgreSQL serves the whole run; each file clones its database from a template.
 * Unit and database tests run first, side by side; those that start the whole engine follow, one at a time.
 */
import { spawn } from 'node:child_process';
import { globSync } from 'node:fs';
import path from 'node:path';
import { dovecot, dovecotPop3 } from '../tests/support/dovecot.ts';
import { haproxy } from '../tests/support/haproxy.ts';
import { pgbouncer } from '../tests/support/pgbouncer.ts';
import { startTestPostgres } from '../tests/support/postgres-server.ts';
import { chromium, installPrograms } from '../tests/support/programs.ts';
import { redisServer } from '../tests/support/redis-servers.ts';
import { swift } from '../tests/support/s3-server.ts';

const root = path.resolve(import.meta.dirname, '..');

function run(files: readonly string[], concurrency: number, databaseUrl: string): Promise<{ exitCode: number; output: string }> {
  return new Promise((resolve, reject) => {
    const child = spawn(
      process.execPath,
      ['--test', '--test-reporter=spec', `--test-concurrency=${concurrency}`, '--test-timeout=600000', ...files],
      { cwd: root, env: { ...process.env, TEST_DATABASE_URL: databaseUrl }, stdio: ['ignore', 'pipe', 'inherit'] },
    );
    let output = '';
    child.stdout.on('data', (chunk: Buffer) => {
      process.stdout.write(chunk);
      output += chunk.toString();
    });
    child.on('error', reject);
    child.on('close', (code) => resolve({ exitCode: code ?? 1, output }));
  });
}

const countOf = (output: string, what: string) => Number(new RegExp(`^ℹ ${what} (\\d+)$`, 'm').exec(output)?.[1] ?? 0);

const asked = process.argv.slice(2);
const all = asked.length > 0 ? asked : globSync(['src/**/*.test.ts', 'scripts/**/*.test.ts', 'tests/**/*.test.ts'], { cwd: root }).sort();
const isWholeEngine = (file: string) => /tests[/\\](e2e|faults)[/\\]/.test(file);

if (asked.length === 0) installPrograms([chromium, redisServer, pgbouncer, haproxy, swift, dovecot, dovecotPop3]);
else if (all.some(isWholeEngine)) installPrograms([chromium]);
const server = await startTestPostgres();
const totals = { pass: 0, fail: 0, skipped: 0 };
let hasFailed = false;
try {
  for (const [files, concurrency] of [
    [all.filter((file) => !isWholeEngine(file)), 2],
    [all.filter(isWholeEngine), 1],
  ] as const) {
    if (files.length === 0) continue;
    const { exitCode, output } = await run(files, concurrency, server.url);
    hasFailed ||= exitCode !== 0;
    totals.pass += countOf(output, 'pass');
    totals.fail += countOf(output, 'fail') + countOf(output, 'cancelled');
    totals.skipped += countOf(output, 'skipped');
  }
} finally {
  await server.stop();
}
if (totals.pass + totals.fail === 0) hasFailed = true;
console.log(`${totals.pass} passed, ${totals.fail} failed${totals.skipped > 0 ? `, ${totals.skipped} skipped` : ''}`);
process.exitCode = hasFailed ? 1 : 0;
