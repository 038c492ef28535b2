import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { loadConfig } from '#app/config';
import { type Context, createContext } from '#app/context';
import { migrateAll } from '#app/database-server';
import { sql, startEmbeddedPostgres } from '#platform/database';
import { createLogger } from '#platform/telemetry';
import { findFreePort } from '../../tests/support/free-port.ts';
import { waitFor } from '../../tests/support/wait-for.ts';
import type { BenchResult } from '../bench.ts';
import { publishArticles } from '../support/articles.ts';
import { cpuMsOf, databaseCpuMs } from '../support/cpu-time.ts';
import { median, round } from '../support/figures.ts';
import { createRoles, isListening, type Roles } from '../support/roles.ts';

const recipients = 5000;
const articles = 14;
const rounds = 3;
/** 10,000 mails a minute. */
const wantedPerSecond = 167;
const giveUpAfterMs = 300_000;

type Round = { readonly perSecond: number; readonly totalSeconds: number; readonly cpuMs: Readonly<Record<string, number>> };

/** Readers by way of the import, articles by way of the workflow. */
async function fill(context: Context, folder: string): Promise<void> {
  const file = path.join(folder, 'readers.csv');
  const rows = Array.from({ length: recipients }, (_, index) => `reader${index}@example.org,Reader Number${index},NL,en,UTC,,2026-01-01`);
  writeFileSync(file, ['email,name,country,language,timezone,tags,subscription_date', ...rows, ''].join('\n'));
  await context.subscriberManager.importFile(file, { source: 'bench' }, 'bench');
  await publishArticles(context, articles, 30);
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
  const closers: (() => Promise<void>)[] = [];
  let roles: Roles | undefined;
  try {
    const environment = {
      DATABASE_URL: postgres.url,
      PORT: String(await findFreePort()),
      MAILBOX_PORT: String(await findFreePort()),
      SAMPLE: 'off',
      LOG_LEVEL: 'warn',
      LOG_FORMAT: 'json',
    };
    await migrateAll(loadConfig(environment), postgres.url);
    roles = createRoles(environment);
    const mailbox = roles.start('mailbox').pid ?? 0;
    const worker = roles.start('distributor').pid ?? 0;
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
    await roles?.stop();
    await postgres.stop();
    rmSync(folder, { recursive: true, force: true });
    if (!postgres.folder.startsWith(folder)) rmSync(path.dirname(postgres.folder), { recursive: true, force: true });
  }
}
