import { type ChildProcess, spawn } from 'node:child_process';
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { loadConfig } from '#app/config';
import { type Context, createContext } from '#app/context';
import { migrateAll } from '#app/database-server';
import { sql, startEmbeddedPostgres } from '#platform/database';
import { createLogger } from '#platform/telemetry';
import { findFreePort } from '../../tests/support/free-port.ts';
import { listProcesses } from '../../tests/support/processes.ts';
import { waitFor } from '../../tests/support/wait-for.ts';
import type { BenchResult } from '../bench.ts';

const recipients = 5000;
const articles = 14;
const rounds = 3;
/** 10,000 mails a minute. */
const wantedPerSecond = 167;
const giveUpAfterMs = 300_000;
const command = path.resolve(import.meta.dirname, '../../bin/aquascene');

type Round = { readonly perSecond: number; readonly totalSeconds: number; readonly cpuMs: Readonly<Record<string, number>> };

const round = (value: number): number => Math.round(value * 100) / 100;

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0;
}

/** CPU time of a process, and of those that it began and that have ended, in ms. 0 where the machine does not say. */
function cpuMsOf(pid: number): number {
  if (process.platform !== 'linux') return 0;
  const ticksPerSecond = 100;
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8')
    .replace(/^.*\) /, '')
    .split(' ')
    .slice(11, 15);
  return (fields.reduce((sum, ticks) => sum + Number(ticks), 0) * 1000) / ticksPerSecond;
}

/** Of the server and all of its backends. */
function databaseCpuMs(postmaster: number): number {
  const backends = listProcesses().filter(({ parent }) => parent === postmaster);
  return cpuMsOf(postmaster) + backends.reduce((sum, { pid }) => sum + cpuMsOf(pid), 0);
}

async function isListening(port: number): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const socket = net.connect(port, '127.0.0.1', () => resolve(true)).on('error', () => resolve(false));
  const answer = await promise;
  socket.destroy();
  return answer;
}

/** Readers by way of the import, articles by way of the workflow. */
async function fill({ database, contentManager, subscriberManager }: Context, folder: string): Promise<void> {
  const file = path.join(folder, 'readers.csv');
  const rows = Array.from({ length: recipients }, (_, index) => `reader${index}@example.org,Reader Number${index},NL,en,UTC,,2026-01-01`);
  writeFileSync(file, ['email,name,country,language,timezone,tags,subscription_date', ...rows, ''].join('\n'));
  await subscriberManager.importFile(file, { source: 'bench', actor: 'bench' });
  for (let index = 0; index < articles; index += 1) {
    const title = `What a planted tank needs in week ${index + 1}`;
    const text = 'Light, nutrients and carbon dioxide are in balance when plants grow and algae do not.';
    const draft = await database.transaction((tx) =>
      contentManager.createDraft(
        tx,
        {
          generationId: null,
          title,
          summary: `${text} ${title} is told here from the sources, with what to look at first and what can wait until the weekend.`,
          metaDescription: title,
          contentType: 'guide',
          language: 'en',
          category: 'techniques',
          tags: [],
          sections: [{ heading: title, paragraphs: [[{ text, citations: [] }]] }],
          citations: [],
          writer: 'person',
          qualityScore: null,
          qualityChecks: [],
        },
        'bench',
      ),
    );
    await contentManager.publishNow(draft.id, 'bench');
  }
}

async function sendOnce({ distributor, database }: Context, key: string, cpu: () => Record<string, number>): Promise<Round> {
  const digest = await distributor.createDigest({ key, since: new Date(0), actor: 'bench' });
  if (digest.kind !== 'created') throw new Error(`The digest ${key} is ${digest.kind}.`);
  const { id } = digest.issue;
  const before = cpu();
  const askedAt = Date.now();
  await distributor.sendIssue(id, 'bench');
  const sent = await waitFor(
    'the digest to be sent',
    async () => {
      // One row: to count the ledger again and again would be a part of what is measured.
      const issue = await database.one<{ startedAt: Date; finishedAt: Date | null }>(
        'bench.issue',
        sql`select started_at as "startedAt", finished_at as "finishedAt" from newsletter_issues where id = ${id}::uuid`,
      );
      return issue.finishedAt === null ? undefined : { startedAt: issue.startedAt.getTime(), finishedAt: issue.finishedAt.getTime() };
    },
    giveUpAfterMs,
  );
  const after = cpu();
  const status = await distributor.issueStatus(id);
  if (status.sent !== recipients) throw new Error(`${status.sent} of ${recipients} mails were sent.`);
  return {
    perSecond: recipients / ((sent.finishedAt - sent.startedAt) / 1000),
    totalSeconds: (sent.finishedAt - askedAt) / 1000,
    cpuMs: Object.fromEntries(Object.entries(after).map(([name, value]) => [name, (value - (before[name] ?? 0)) / recipients])),
  };
}

/**
 * A digest to 5,000 readers, each mail personalised and tracked, by one process of the distributor over SMTP to the embedded
 * mailbox in another, with the PostgreSQL that an installation has. Three times; the medians.
 */
export async function run(): Promise<BenchResult> {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'aquascene-bench-'));
  chmodSync(folder, 0o755);
  const logger = createLogger({ level: 'warn', format: 'json', role: 'bench' });
  const postgres = await startEmbeddedPostgres({ dataDir: folder, logger });
  const children: ChildProcess[] = [];
  const closers: (() => Promise<void>)[] = [];
  try {
    await migrateAll(postgres.url);
    const environment = {
      DATABASE_URL: postgres.url,
      PORT: String(await findFreePort()),
      MAILBOX_PORT: String(await findFreePort()),
      SAMPLE: 'off',
      LOG_LEVEL: 'warn',
      LOG_FORMAT: 'json',
    };
    // NODE_OPTIONS=--cpu-prof shows where the time goes.
    const { PATH, HOME, TMPDIR, NODE_OPTIONS = '' } = process.env;
    const startRole = (role: string) => {
      const child = spawn(process.execPath, [command, 'start', '--role', role], {
        env: { PATH, HOME, TMPDIR, NODE_OPTIONS, ...environment },
        stdio: ['ignore', 'ignore', 'inherit'],
      });
      children.push(child);
      return child.pid ?? 0;
    };
    const mailbox = startRole('mailbox');
    const worker = startRole('distributor');
    await waitFor('the mailbox', () => isListening(Number(environment.MAILBOX_PORT)));
    await waitFor('the distributor', () => isListening(Number(environment.PORT)));
    const context = await createContext({ config: loadConfig(environment), databaseUrl: postgres.url, name: 'bench', isScheduler: false });
    closers.push(context.close);
    await fill(context, folder);
    const cpu = () => ({ worker: cpuMsOf(worker), mailbox: cpuMsOf(mailbox), postgres: databaseCpuMs(postgres.pid) });
    const results: Round[] = [];
    for (let index = 0; index < rounds; index += 1) results.push(await sendOnce(context, `bench-${index}`, cpu));
    const perSecond = round(median(results.map((result) => result.perSecond)));
    const cpuOf = (name: string) => round(median(results.map(({ cpuMs }) => cpuMs[name] ?? 0)));
    return {
      bench: 'mail',
      ratios: { rate_to_floor: round(perSecond / wantedPerSecond) },
      figures: {
        mails: recipients,
        mails_per_s: perSecond,
        slowest_mails_per_s: round(Math.min(...results.map((result) => result.perSecond))),
        from_request_to_last_s: round(median(results.map(({ totalSeconds }) => totalSeconds))),
        ...(process.platform === 'linux' && {
          cpu_worker_ms_per_mail: cpuOf('worker'),
          cpu_mailbox_ms_per_mail: cpuOf('mailbox'),
          cpu_postgres_ms_per_mail: cpuOf('postgres'),
        }),
      },
      bars: [{ name: 'mails a second', want: `≥ ${wantedPerSecond}`, got: perSecond, ok: perSecond >= wantedPerSecond }],
    };
  } finally {
    for (const close of closers.reverse()) await close();
    await Promise.all(
      children.map((child) => {
        if (child.exitCode !== null) return undefined;
        const ended = new Promise((resolve) => child.once('exit', resolve));
        child.kill('SIGTERM');
        return ended;
      }),
    );
    await postgres.stop();
    rmSync(folder, { recursive: true, force: true });
    if (!postgres.folder.startsWith(folder)) rmSync(path.dirname(postgres.folder), { recursive: true, force: true });
  }
}
