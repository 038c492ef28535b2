import { execFile } from 'node:child_process';
import { chmodSync, createReadStream, createWriteStream, mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { promisify } from 'node:util';
import pg from 'pg';
import { from as copyFrom } from 'pg-copy-streams';
import { loadConfig } from '#app/config';
import { migrateAll } from '#app/database-server';
import { startEmbeddedPostgres } from '#platform/database';
import { createLogger } from '#platform/telemetry';
import type { BenchResult } from '../bench.ts';
import { round } from '../support/figures.ts';
import type { ImportOutcome } from '../support/import-worker.ts';

const rows = 1_000_000;
const manyRows = 5_000_000;
const worker = path.resolve(import.meta.dirname, '../support/import-worker.ts');
const giveUpAfterMs = 900_000;
const maxRatio = 3;
const maxRssMb = 200;

const countries = ['BG', 'HU', 'DE', 'NL', 'GB', 'US', 'FR', 'IT', 'PL', 'JP'];
const languages = ['en', 'en', 'bg', 'hu', 'de', 'nl', 'fr'];
const hosts = ['gmail.com', 'gmail.com', 'outlook.com', 'yahoo.com', 'abv.bg', 'freemail.hu', 'example.org'];
const tags = ['plant-care', 'equipment', 'shrimp', 'low-light', 'beginner', 'iwagumi', 'co2'];
const pick = (values: readonly string[], index: number) => values[index % values.length] ?? '';

type Reader = { email: string; name: string; country: string; language: string; tags: string[]; date: string };

function reader(index: number): Reader {
  // Spread like the hash of something, and the same in every run.
  const at = Math.imul(index, 2_654_435_761) >>> 0;
  return {
    email: `reader.${at.toString(36)}.${index}@${pick(hosts, at)}`,
    name: index % 3 === 0 ? '' : `Reader Number ${index}`,
    country: pick(countries, at >>> 3),
    language: pick(languages, at >>> 5),
    tags: [...new Set([pick(tags, at), pick(tags, at >>> 7)])],
    date: `2026-0${1 + (index % 9)}-1${index % 9}`,
  };
}

async function writeLines(file: string, head: string, count: number, lineOf: (reader: Reader, index: number) => string): Promise<void> {
  function* lines() {
    yield head;
    let piece = '';
    for (let index = 0; index < count; index += 1) {
      piece += lineOf(reader(index), index);
      if (piece.length < 65_536) continue;
      yield piece;
      piece = '';
    }
    yield piece;
  }
  await pipeline(Readable.from(lines()), createWriteStream(file));
}

const listHead = 'email,name,country,language,tags,subscription_date\n';
const listLine = (r: Reader) => `${r.email},${r.name},${r.country},${r.language},${r.tags.join(';')},${r.date}\n`;
/** As PostgreSQL takes it, every value that the table wants at hand. */
const copyLine = (r: Reader, index: number) => {
  const id = `0199a5b0-0000-7000-8000-${index.toString(16).padStart(12, '0')}`;
  return `${id},${r.email},${r.name},active,${r.date},${r.country},${r.language},"{${r.tags.map((tag) => `""${tag}""`).join(',')}}",bench,${r.date},${r.date}\n`;
};

async function timeCopy(client: pg.Client, file: string): Promise<number> {
  const started = performance.now();
  const statement =
    'copy subscribers (id, email, name, status, subscription_date, country, language, tags, source, created_at, updated_at) from stdin (format csv)';
  await pipeline(createReadStream(file), client.query(copyFrom(statement)));
  return (performance.now() - started) / 1000;
}

/** Everything that belongs to subscribers, so that each way begins with the same empty tables. */
async function empty(client: pg.Client): Promise<void> {
  await client.query('truncate subscribers, consents, subscriber_changes restart identity cascade');
  await client.query('checkpoint');
}

async function importAlone(url: string, file: string, folder: string): Promise<ImportOutcome> {
  const { stdout } = await promisify(execFile)(process.execPath, [worker, url, file, folder], { timeout: giveUpAfterMs });
  return JSON.parse(stdout.trim().split('\n').at(-1) ?? '');
}

/**
 * A million subscribers from CSV: as a list that is read, checked, compared with who is known and suppressed, and written with the
 * record of consent; and by COPY into the same table with the same indexes and triggers. Then five million, for the memory.
 */
export async function run(): Promise<BenchResult> {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'aquascene-bench-'));
  chmodSync(folder, 0o755);
  const postgres = await startEmbeddedPostgres({ dataDir: folder, logger: createLogger({ level: 'warn', format: 'json', role: 'bench' }) });
  const client = new pg.Client({ connectionString: postgres.url });
  try {
    await migrateAll(loadConfig({ DATABASE_URL: postgres.url }), postgres.url);
    await client.connect();
    const [copyFile, listFile] = [path.join(folder, 'copy.csv'), path.join(folder, 'list.csv')];
    await writeLines(copyFile, '', rows, copyLine);
    await writeLines(listFile, listHead, rows, listLine);
    const copySeconds = await timeCopy(client, copyFile);
    await empty(client);
    const imported = await importAlone(postgres.url, listFile, folder);
    if (imported.created !== rows) throw new Error(`${imported.created} of ${rows} rows were imported.`);
    const again = await importAlone(postgres.url, listFile, folder);
    if (again.unchanged !== rows) throw new Error(`${again.unchanged} of ${rows} rows were known.`);
    await empty(client);
    await writeLines(listFile, listHead, manyRows, listLine);
    const many = await importAlone(postgres.url, listFile, folder);
    if (many.created !== manyRows) throw new Error(`${many.created} of ${manyRows} rows were imported.`);
    const ratio = round(imported.seconds / copySeconds);
    const memory = (name: string, got: number) => ({ name, want: `< ${maxRssMb}`, got, ok: got < maxRssMb });
    return {
      bench: 'import',
      ratios: { time_to_copy: ratio, time_again_to_copy: round(again.seconds / copySeconds) },
      figures: {
        copy_s: round(copySeconds),
        import_s: round(imported.seconds),
        import_again_s: round(again.seconds),
        import_5m_s: round(many.seconds),
        rows_per_s: round(rows / imported.seconds),
        rss_at_rest_mb: round(imported.rssAtRestMb),
        rss_1m_mb: round(imported.rssMb),
        rss_5m_mb: round(many.rssMb),
      },
      bars: [
        { name: 'time of 1M rows to that of COPY', want: `≤ ${maxRatio}`, got: ratio, ok: ratio <= maxRatio },
        memory('resident memory of 1M rows, MB', round(imported.rssMb)),
        memory('resident memory of 5M rows, MB', round(many.rssMb)),
      ],
    };
  } finally {
    await client.end().catch(() => undefined);
    await postgres.stop();
    rmSync(folder, { recursive: true, force: true });
    if (!postgres.folder.startsWith(folder)) rmSync(path.dirname(postgres.folder), { recursive: true, force: true });
  }
}
