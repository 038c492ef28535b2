import { fork } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { loadConfig } from '#app/config';
import { migrateAll } from '#app/database-server';
import { createDatabase, type Database, sql, startEmbeddedPostgres } from '#platform/database';
import { createApiKey } from '#platform/http-server';
import { createJobs, type Jobs } from '#platform/jobs';
import { createLogger, createMetrics } from '#platform/telemetry';
import { createTrackingTokens } from '#services/distributor';
import { systemClock as clock } from '#shared/clock';
import { findFreePort } from '../../tests/support/free-port.ts';
import { waitFor } from '../../tests/support/wait-for.ts';
import type { BenchResult } from '../bench.ts';
import type { LoadOrder, LoadReport } from '../peers/tracking-load.ts';
import { addSubscribers, fillIssue, startChains } from '../support/bench-issue.ts';
import { linkCount } from '../support/campaign-content.ts';
import { round } from '../support/figures.ts';
import { percentile } from '../support/open-loop.ts';
import { createRoles, isListening } from '../support/roles.ts';

const secret = 'a secret of the bench, long enough';
const readers = 50_000;
/** What a bar asks for, and some more. */
const wantedPerSecond = 3000;
const offeredPerSecond = 3200;
const intakeSeconds = 20;
const campaignReaders = 250_000;
const redirectsPerSecond = 200;
const redirectSeconds = 20;
const warmUpSeconds = 4;
const giveUpAfterMs = 60_000;
const peers = path.resolve(import.meta.dirname, '../peers');

type Setting = {
  readonly database: Database;
  readonly jobs: Jobs;
  readonly ports: readonly number[];
  /** That may read the figures of a process. */
  readonly key: string;
  readonly clock: typeof clock;
};

async function load(order: LoadOrder): Promise<LoadReport> {
  const child = fork(path.join(peers, 'tracking-load.ts'), { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
  const answered = once(child, 'message');
  child.send(order);
  const [report] = await answered;
  return report as LoadReport;
}

/** A campaign that went out an hour ago. */
async function sentIssue({ database, ...desk }: Setting, key: string): Promise<string> {
  const id = await fillIssue({ database, ...desk }, key, readers);
  await database.execute(
    'bench.sent',
    sql`update deliveries set status = 'sent', next_attempt_at = null, changed_at = now() - interval '1 hour' where issue_id = ${id}::uuid`,
  );
  await database.execute('bench.is-sent', sql`update newsletter_issues set status = 'sent' where id = ${id}::uuid`);
  return id;
}

/** One path a reader: an open for two of three, a click for the others. */
async function pathsOf(database: Database, issueId: string, clicksOnly: boolean): Promise<string[]> {
  const tokens = createTrackingTokens(secret);
  const rows = await database.query<{ id: string }>(
    'bench.recipients',
    sql`select subscriber_id as id from deliveries where issue_id = ${issueId}::uuid and status = 'sent' order by md5(subscriber_id::text)`,
  );
  return rows.map(({ id }, index) => {
    const signed = tokens.sign({ issueId, subscriberId: id, variant: 0 }, linkCount);
    return clicksOnly || index % 3 === 0 ? `/t/c/${signed.click(index % linkCount)}` : `/t/o/${signed.open}.gif`;
  });
}

/** What the API processes count by themselves: `early` answers went out before their events' commit, `dropped` events were given up. */
async function readCounters({ ports, key }: Setting): Promise<{ readonly early: number; readonly dropped: number }> {
  const headers = { authorization: `Bearer ${key}` };
  const texts = await Promise.all(ports.map(async (port) => (await fetch(`http://127.0.0.1:${port}/metrics`, { headers })).text()));
  const sumOf = (pattern: RegExp) =>
    texts.flatMap((text) => [...text.matchAll(pattern)]).reduce((sum, [, count]) => sum + Number(count), 0);
  return {
    early: sumOf(/^aquascene_email_engagement_answers_total\{[^}]*when="before"[^}]*\} (\d+)$/gm),
    dropped: sumOf(/^aquascene_email_engagements_total\{[^}]*outcome="dropped"[^}]*\} (\d+)$/gm),
  };
}

type Counts = { readonly sent: number; readonly total: number };
type Report = { readonly opens: { readonly raw: number }; readonly clicks: { readonly raw: number }; readonly deliveries: Counts };

async function readReport({ ports: [port], key }: Setting, issueId: string): Promise<Report> {
  const response = await fetch(`http://127.0.0.1:${port}/api/v1/campaigns/${issueId}/report`, {
    headers: { authorization: `Bearer ${key}` },
  });
  if (!response.ok) throw new Error(`The report answers ${response.status}.`);
  return (await response.json()) as Report;
}
const countDeliveries = async (setting: Setting, issueId: string) => (await readReport(setting, issueId)).deliveries;

/** How long a report takes, in ms, of a hundred. */
async function reportP95(setting: Setting, issueId: string): Promise<number> {
  const times: number[] = [];
  for (let index = 0; index < 100; index += 1) {
    const began = performance.now();
    await readReport(setting, issueId);
    times.push(performance.now() - began);
  }
  return percentile(times, 95);
}

const countEvents = async (database: Database, issueId: string) =>
  (await database.one<{ count: number }>('bench.events', sql`select count(*) as count from email_events where issue_id = ${issueId}::uuid`))
    .count;

async function measure(setting: Setting): Promise<BenchResult> {
  const { database, ports } = setting;
  await addSubscribers(database, 1, campaignReaders);
  const issueId = await sentIssue(setting, 'intake');
  const shared = { ports, warmUpSeconds, connectionsPerPort: 32 };
  const intake = await load({
    ...shared,
    perSecond: offeredPerSecond,
    seconds: intakeSeconds,
    paths: await pathsOf(database, issueId, false),
  });
  const { early, dropped } = await readCounters(setting);
  // What went out before its commit commits a moment later.
  await waitFor('the events', async () => (await countEvents(database, issueId)) + dropped >= intake.acknowledged, giveUpAfterMs);
  const events = await countEvents(database, issueId);
  const report = await readReport(setting, issueId);
  const counted = report.opens.raw + report.clicks.raw;
  await waitFor(
    'the figures to be added up',
    async () => (await database.maybeOne('bench.pending', sql<object>`select 1 from issue_figure_changes limit 1`)) === undefined,
    2 * giveUpAfterMs,
  );
  const reportMs = await reportP95(setting, issueId);
  const committedPerSecond = intake.perSecond * (1 - early / Math.max(1, intake.acknowledged));

  const clicked = await sentIssue(setting, 'redirects');
  const clicks = await pathsOf(database, clicked, true);
  const idle = await load({ ...shared, perSecond: redirectsPerSecond, seconds: warmUpSeconds + 6, paths: clicks });
  const campaign = await fillIssue(setting, 'campaign', campaignReaders);
  await startChains(setting, campaign);
  await waitFor('the campaign to be under way', async () => (await countDeliveries(setting, campaign)).sent > 1000, giveUpAfterMs);
  const [from, earlyBefore, began] = [
    (await countDeliveries(setting, campaign)).sent,
    (await readCounters(setting)).early,
    performance.now(),
  ];
  const redirects = await load({ ...shared, perSecond: redirectsPerSecond, seconds: redirectSeconds, paths: clicks });
  const { sent, total } = await countDeliveries(setting, campaign);
  const mailsPerSecond = (sent - from) / ((performance.now() - began) / 1000);
  if (sent >= total) throw new Error('The campaign was over before the redirects were measured.');
  const earlyRedirects = (await readCounters(setting)).early - earlyBefore;

  return {
    bench: 'intake',
    ratios: {
      committed_rate_to_bar: round(committedPerSecond / wantedPerSecond),
      redirect_p99_sending_to_idle: round(redirects.p99Ms / idle.p99Ms),
    },
    figures: {
      events_acknowledged_per_s: round(intake.perSecond),
      events_after_commit_per_s: round(committedPerSecond),
      intake_p50_ms: round(intake.p50Ms),
      intake_p99_ms: round(intake.p99Ms),
      intake_max_ms: round(intake.maxMs),
      acknowledged: intake.acknowledged,
      given_up: dropped,
      in_database: events,
      in_figures: counted,
      report_p95_ms: round(reportMs),
      failed: intake.failed + redirects.failed,
      redirect_idle_p99_ms: round(idle.p99Ms),
      redirect_p50_ms: round(redirects.p50Ms),
      redirect_p99_ms: round(redirects.p99Ms),
      redirects_before_commit_percent: round((earlyRedirects / Math.max(1, redirects.acknowledged)) * 100),
      mails_per_s_meanwhile: round(mailsPerSecond),
    },
    bars: [
      {
        name: 'events a second, acknowledged after commit',
        want: `≥ ${wantedPerSecond}`,
        got: round(committedPerSecond),
        ok: committedPerSecond >= wantedPerSecond,
      },
      { name: 'their p99 in ms', want: '≤ 50', got: round(intake.p99Ms), ok: intake.p99Ms <= 50 },
      {
        name: 'acknowledged and not in the database, or not in the figures',
        want: '0',
        got: Math.max(0, intake.acknowledged - events) + Math.abs(counted - events),
        ok: events >= intake.acknowledged && counted === events,
      },
      { name: 'redirect p99 in ms while a campaign is sending', want: '≤ 10', got: round(redirects.p99Ms), ok: redirects.p99Ms <= 10 },
    ],
  };
}

/**
 * Opens and clicks at a steady rate over two API processes, with the PostgreSQL that an installation has; then redirects while a
 * distributor sends a campaign over SMTP to a sink. The load comes from a process of its own.
 */
export async function run(): Promise<BenchResult> {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'aquascene-bench-'));
  chmodSync(folder, 0o755);
  const logger = createLogger({ level: 'error', format: 'json', role: 'bench' });
  const metrics = createMetrics('bench');
  const postgres = await startEmbeddedPostgres({ dataDir: folder, logger });
  const [sinkPort, controlPort, ...ports] = await Promise.all([findFreePort(), findFreePort(), findFreePort(), findFreePort()]);
  const environment = {
    DATABASE_URL: postgres.url,
    APP_SECRET: secret,
    SMTP_URL: `smtp://127.0.0.1:${sinkPort}`,
    SAMPLE: 'off',
    LOG_LEVEL: 'warn',
    LOG_FORMAT: 'json',
  };
  const roles = createRoles(environment);
  const closers: (() => Promise<void>)[] = [];
  try {
    await migrateAll(loadConfig(environment), postgres.url);
    const database = createDatabase({
      url: postgres.url,
      applicationName: 'bench',
      maxConnections: 4,
      statementTimeoutMs: 120_000,
      logger,
      metrics,
    });
    closers.push(() => database.close());
    const jobs = await createJobs({ database, isSupervisor: false, logger, metrics });
    closers.push(() => jobs.stop(1000));
    roles.startScript(path.join(peers, 'smtp-sink.ts'), [sinkPort, controlPort, 1000].map(String));
    for (const port of ports) roles.start('api', { PORT: String(port) });
    // One sends and adds up the figures, the other one has the clock.
    for (const role of ['distributor', 'scheduler']) roles.start(role, { PORT: String(await findFreePort()) });
    await waitFor('the servers', async () => (await Promise.all([controlPort, ...ports].map(isListening))).every(Boolean), giveUpAfterMs);
    const { key } = await createApiKey(database, clock, { name: 'bench', scopes: ['system:read', 'campaigns:read'] });
    return await measure({ database, jobs, ports, key, clock });
  } finally {
    await roles.stop();
    for (const close of closers.reverse()) await close();
    await postgres.stop();
    rmSync(folder, { recursive: true, force: true });
    if (!postgres.folder.startsWith(folder)) rmSync(path.dirname(postgres.folder), { recursive: true, force: true });
  }
}
