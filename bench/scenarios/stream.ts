import { execFile, spawn } from 'node:child_process';
import { createWriteStream, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { promisify } from 'node:util';
import { createGzip } from 'node:zlib';
import { copyInto, createDatabase, type Database, readInChunks, readNdjson, sql } from '#platform/database';
import { createLogger, createMetrics } from '#platform/telemetry';
import type { Program } from '../../tests/support/programs.ts';
import type { Bar, BenchResult } from '../bench.ts';

const psql: Program = { names: ['psql'], debianPackage: 'postgresql-client' };
const rowCount = 5_000_000;
const maxRssMb = 150;
const giveUpAfterMs = 120_000;
const megabyte = 1024 ** 2;
/**
 * V8 lets garbage pile up for as long as there is room for it, with any reader: how much it takes then says nothing of what the
 * reader needs. In a heap of this size everything has to pass that is not kept.
 */
const boundedHeap = ['--max-semi-space-size=2', '--max-old-space-size=64'];

type Reader = { readonly id: number; readonly email: string; readonly country: string; readonly at: Date; readonly score: number };
type Way = 'cursor' | 'copy' | 'ndjson';
type Outcome = { readonly rows: number; readonly seconds: number; readonly rssMb: number };

const round = (value: number): number => Math.round(value * 100) / 100;

/** What one process does that does nothing else: its peak memory is the way's own. */
const ways: Readonly<Record<Way, (database: Database, file: string) => Promise<number>>> = {
  async cursor(database) {
    let rows = 0;
    const statement = sql<Reader>`select id, email, country, at, score from readers`;
    for await (const chunk of readInChunks(database, 'bench.cursor', statement)) rows += chunk.length;
    return rows;
  },
  copy: (database) => copyInto(database, 'bench.copy', { name: 'copies' }, ['id', 'email', 'country', 'at', 'score'], makeReaders()),
  async ndjson(_database, file) {
    let rows = 0;
    for await (const chunk of readNdjson(file)) rows += chunk.length;
    return rows;
  },
};

function* makeReaders(): Generator<readonly unknown[]> {
  const at = new Date('2026-01-01T00:00:00Z');
  for (let id = 1; id <= rowCount; id += 1) yield [id, `reader${id}@example.org`, 'NL', at, id / 7];
}

function openDatabase(url: string): Database {
  return createDatabase({
    url,
    applicationName: 'aquascene-bench',
    maxConnections: 2,
    connectTimeoutMs: 10_000,
    statementTimeoutMs: giveUpAfterMs,
    lockTimeoutMs: 10_000,
    idleInTransactionTimeoutMs: 60_000,
    logger: createLogger({ level: 'error', format: 'json', role: 'bench' }),
    metrics: createMetrics('bench'),
  });
}

async function runAlone(way: Way, url: string, file: string): Promise<void> {
  const database = openDatabase(url);
  const started = performance.now();
  const rows = await ways[way](database, file);
  const seconds = (performance.now() - started) / 1000;
  await database.close();
  console.log(JSON.stringify({ rows, seconds, rssMb: peakMemoryKb() / 1024 } satisfies Outcome));
}

/** Linux counts what the parent held at the fork to the child's `maxRSS`; VmHWM begins with the program. */
function peakMemoryKb(): number {
  const [, kilobytes] = process.platform === 'linux' ? (/VmHWM:\s+(\d+) kB/.exec(readFileSync('/proc/self/status', 'utf8')) ?? []) : [];
  return kilobytes === undefined ? process.resourceUsage().maxRSS : Number(kilobytes);
}

function inOwnProcess(way: Way, url: string, file = '', flags = boundedHeap): Promise<Outcome> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [...flags, import.meta.filename, way, url, file], {
      stdio: ['ignore', 'pipe', 'inherit'],
      timeout: giveUpAfterMs,
    });
    let output = '';
    child.stdout.on('data', (chunk: Buffer) => void (output += chunk.toString()));
    child.once('error', reject);
    child.once('close', (code) => {
      if (code !== 0) return reject(new Error(`${way} ended with ${code}`));
      const outcome: Outcome = JSON.parse(output);
      return outcome.rows === rowCount ? resolve(outcome) : reject(new Error(`${way} saw ${outcome.rows} of ${rowCount} rows`));
    });
  });
}

/** Rows a second of psql for the same rows. */
async function timePsql(program: string, url: string, command: string): Promise<number> {
  const started = performance.now();
  await promisify(execFile)(program, ['--no-psqlrc', '--quiet', '-v', 'ON_ERROR_STOP=1', '-c', command, url], { timeout: giveUpAfterMs });
  return rowCount / ((performance.now() - started) / 1000);
}

async function makeTables(url: string): Promise<void> {
  const database = openDatabase(url);
  try {
    await database.execute(
      'bench.create',
      sql`create table readers (id bigint primary key, email text, country text, at timestamptz, score double precision)`,
    );
    await database.execute(
      'bench.fill',
      sql`insert into readers select n, 'reader' || n || '@example.org', 'NL', timestamptz '2026-01-01', n / 7.0 from generate_series(1, ${rowCount}::int) n`,
    );
    await database.execute('bench.analyse', sql`vacuum analyze readers`);
    await database.execute('bench.create', sql`create unlogged table copies (like readers)`);
  } finally {
    await database.close();
  }
}

async function emptyCopies(url: string): Promise<void> {
  const database = openDatabase(url);
  await database.execute('bench.empty', sql`truncate copies`);
  await database.close();
}

async function makeFile(file: string, toLine: (row: readonly unknown[]) => string): Promise<void> {
  function* pieces() {
    let piece = '';
    for (const row of makeReaders()) {
      piece += toLine(row);
      if (piece.length < 65_536) continue;
      yield Buffer.from(piece);
      piece = '';
    }
    yield Buffer.from(piece);
  }
  await pipeline(Readable.from(pieces()), createGzip({ level: 1 }), createWriteStream(file));
}

/**
 * 5 million rows of five columns, out of and into a PostgreSQL on this machine, and out of files, each way in a process that does
 * nothing else; psql's \copy of the same rows in the same run.
 */
export async function run(): Promise<BenchResult> {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'aquascene-bench-'));
  // Not for the processes that only stream.
  const { startTestPostgres } = await import('../../tests/support/postgres-server.ts');
  const { findProgram, installPrograms } = await import('../../tests/support/programs.ts');
  installPrograms([psql]);
  const program = findProgram(psql);
  const postgres = await startTestPostgres();
  const { url } = postgres;
  try {
    await makeTables(url);
    const outcomes: Partial<Record<Way, Outcome>> = {};
    const peer: Record<string, number> = {};
    const table = path.join(folder, 'readers.copy');
    if (program !== undefined) {
      await timePsql(program, url, `\\copy readers to '${table}'`);
      peer.psql_out = await timePsql(program, url, `\\copy readers to '/dev/null'`);
      peer.psql_in = await timePsql(program, url, `\\copy copies from '${table}'`);
      rmSync(table);
      await emptyCopies(url);
    } else console.error('psql is not installed: nothing to compare with.');
    for (const way of ['cursor', 'copy'] as const) outcomes[way] = await inOwnProcess(way, url);
    const unbounded = await inOwnProcess('cursor', url, '', []);
    const ndjson = path.join(folder, 'readers.ndjson.gz');
    await makeFile(ndjson, ([id, email, country, at, score]) => `${JSON.stringify({ id, email, country, at, score })}\n`);
    outcomes.ndjson = await inOwnProcess('ndjson', url, ndjson);
    const ndjsonMb = statSync(ndjson).size / megabyte;
    return report(outcomes, unbounded, peer, ndjsonMb);
  } finally {
    await postgres.stop();
    rmSync(folder, { recursive: true, force: true });
  }
}

function report(
  outcomes: Partial<Record<Way, Outcome>>,
  unbounded: Outcome,
  peer: Readonly<Record<string, number>>,
  ndjsonMb: number,
): BenchResult {
  const figures: Record<string, number> = { rows: rowCount, ndjson_gz_mb: round(ndjsonMb) };
  const bars: Bar[] = [];
  for (const [way, { rows, seconds, rssMb }] of Object.entries(outcomes)) {
    figures[`${way}_rows_per_s`] = Math.round(rows / seconds);
    bars.push({ name: `peak memory in MB: ${way}`, want: `< ${maxRssMb}`, got: round(rssMb), ok: rssMb < maxRssMb });
  }
  figures.cursor_free_heap_rows_per_s = Math.round(unbounded.rows / unbounded.seconds);
  figures.cursor_free_heap_peak_mb = round(unbounded.rssMb);
  for (const [name, perSecond] of Object.entries(peer)) figures[`${name}_rows_per_s`] = Math.round(perSecond);
  const ratio = (way: string, other: string) => round((figures[`${way}_rows_per_s`] ?? 0) / (figures[`${other}_rows_per_s`] ?? 1));
  const ratios: Record<string, number> = {};
  if (peer.psql_out !== undefined) ratios.cursor_to_psql = ratio('cursor', 'psql_out');
  if (peer.psql_out !== undefined) ratios.cursor_free_heap_to_psql = ratio('cursor_free_heap', 'psql_out');
  if (peer.psql_in !== undefined) ratios.copy_to_psql = ratio('copy', 'psql_in');
  return { bench: 'stream', ratios, figures, bars };
}

if (import.meta.main) {
  const [way, url = '', file = ''] = process.argv.slice(2);
  await runAlone(way as Way, url, file);
}
