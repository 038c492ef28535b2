import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { dkimVerify } from 'mailauth';
import { simpleParser } from 'mailparser';
import { loadConfig } from '#app/config';
import { type Context, createContext } from '#app/context';
import { migrateAll } from '#app/database-server';
import { startEmbeddedPostgres } from '#platform/database';
import { generateDkimKey } from '#platform/mail';
import { createLogger } from '#platform/telemetry';
import { findFreePort } from '../../tests/support/free-port.ts';
import { waitFor } from '../../tests/support/wait-for.ts';
import type { BenchResult } from '../bench.ts';
import type { SinkFigures, SinkSample } from '../peers/smtp-sink.ts';
import { addSubscribers, fillIssue } from '../support/bench-issue.ts';
import { cpuMsOf, databaseCpuMs } from '../support/cpu-time.ts';
import { round } from '../support/figures.ts';
import { createRoles, isListening, type Roles } from '../support/roles.ts';

const mails = 50_000;
const many = 1_000_000;
const timedOfMany = 50_000;
const peerMails = 8000;
const sampleEvery = 250;
const connections = 32;
const limitPerSecond = 300;
const limitedSeconds = 10;
const giveUpAfterMs = 120_000;
const peerFile = path.resolve(import.meta.dirname, '../peers');

type Setting = {
  readonly context: Context;
  readonly roles: Roles;
  readonly keyFile: string;
  readonly sinkPort: number;
  readonly controlPort: number;
  readonly sinkPid: number;
  readonly databasePid: number;
};

/** What is asked of the sink. */
async function ask<T>({ controlPort }: Setting, what: 'figures' | 'sample' | 'times'): Promise<T> {
  const response = await fetch(`http://127.0.0.1:${controlPort}/${what}`);
  return (await response.json()) as T;
}

type Senders = { readonly pids: readonly number[]; stop(): Promise<void> };

/** Starts so many processes that send. */
async function startSenders({ roles }: Setting, count: number, environment: Readonly<Record<string, string>> = {}): Promise<Senders> {
  const ports = await Promise.all(Array.from({ length: count }, findFreePort));
  const children = ports.map((port) => roles.start('distributor', { ...environment, PORT: String(port) }));
  await waitFor('the senders', async () => {
    if (children.some(({ exitCode }) => exitCode !== null)) throw new Error('A sender has ended.');
    return (await Promise.all(ports.map(isListening))).every((isUp) => isUp);
  });
  return {
    pids: children.map(({ pid = 0 }) => pid),
    async stop() {
      for (const child of children) child.kill('SIGTERM');
      await Promise.all(children.map((child) => child.exitCode ?? once(child, 'exit')));
    },
  };
}

/** Mails a second, from the first to the last that the sink took of `count`. */
async function sendIssue(setting: Setting, id: string, count: number): Promise<number> {
  const { distributor } = setting.context;
  await ask(setting, 'figures');
  await distributor.resumeIssue(id, 'bench');
  await waitFor('the mails', async () => (await distributor.issueStatus(id)).sent >= count, giveUpAfterMs);
  const { times } = await ask<SinkFigures>(setting, 'times');
  const [first = 0] = times;
  return count / (((times[count - 1] ?? first) - first) / 1000);
}

/** How many of a sample a parser and a verifier that are not ours find whole, of the right reader, and signed. */
async function countGood(sample: SinkSample, dkimRecord: string): Promise<number> {
  let good = 0;
  for (const { to, raw } of sample) {
    const bytes = Buffer.from(raw, 'base64');
    const parsed = await simpleParser(bytes);
    const { results } = await dkimVerify(bytes, { resolver: async () => [[dkimRecord]] });
    const isSigned = results.length > 0 && results.every(({ status }: { status: { result: string } }) => status.result === 'pass');
    const number = /^reader(\d+)@/.exec(to)?.[1];
    const greeting = `Dear Reader ${number}`;
    const isWhole =
      parsed.text?.includes(greeting) && typeof parsed.html === 'string' && parsed.html.includes(greeting) && parsed.html.includes('/t/c/');
    if (isSigned && isWhole) good += 1;
  }
  return good;
}

/** Most mails in any second, of a limit that four processes share. */
async function measureLimit(setting: Setting): Promise<number> {
  const { context, sinkPort } = setting;
  const id = await fillIssue(context, 'limited', mails);
  const senders = await startSenders(setting, 4, { SMTP_URL: `smtp://127.0.0.1:${sinkPort}?per-second=${limitPerSecond}` });
  await sendIssue(setting, id, limitPerSecond * limitedSeconds);
  await context.distributor.cancelIssue(id, 'bench');
  await senders.stop();
  const { times } = await ask<SinkFigures>(setting, 'times');
  let most = 0;
  for (let first = 0, last = 0; last < times.length; last += 1) {
    while ((times[last] ?? 0) - (times[first] ?? 0) >= 1000) first += 1;
    most = Math.max(most, last - first + 1);
  }
  return most;
}

async function measurePeer(setting: Setting): Promise<number> {
  const words = [path.join(peerFile, 'nodemailer-pool.ts'), String(setting.sinkPort), setting.keyFile, String(peerMails)];
  const { stdout } = await promisify(execFile)(process.execPath, words);
  return Number(stdout);
}

async function measure(setting: Setting, dkimRecord: string): Promise<BenchResult> {
  const { context } = setting;
  await addSubscribers(context.database, 1, mails);
  const peer = await measurePeer(setting);

  const single = await startSenders(setting, 1);
  const oneId = await fillIssue(context, 'one', mails);
  const cpu = () => [cpuMsOf(single.pids[0] ?? 0), databaseCpuMs(setting.databasePid), cpuMsOf(setting.sinkPid)];
  const before = cpu();
  const one = await sendIssue(setting, oneId, mails);
  const [senderCpu = 0, databaseCpu = 0, sinkCpu = 0] = cpu().map((ms, index) => round((ms - (before[index] ?? 0)) / mails));
  await single.stop();
  const sample = await ask<SinkSample>(setting, 'sample');
  const good = await countGood(sample, dkimRecord);

  const pair = await startSenders(setting, 2);
  const two = await sendIssue(setting, await fillIssue(context, 'two', mails), mails);
  const { accepted, bytes } = await ask<SinkFigures>(setting, 'figures');
  await pair.stop();

  const overshoot = round((await measureLimit(setting)) / limitPerSecond);

  await addSubscribers(context.database, mails + 1, many);
  const manyId = await fillIssue(context, 'many', many);
  const others = await startSenders(setting, 2);
  const ofMany = await sendIssue(setting, manyId, timedOfMany);
  await others.stop();

  const ratio = round(one / peer);
  const steady = round(ofMany / two);
  const perMinute = Math.round(two * 60);
  return {
    bench: 'delivery',
    ratios: { to_nodemailer_pool: ratio, two_to_one: round(two / one), million_to_50000: steady, most_in_a_second_to_limit: overshoot },
    figures: {
      peer_mails_per_s: round(peer),
      one_sender_mails_per_s: round(one),
      two_senders_mails_per_s: round(two),
      two_senders_of_a_million_mails_per_s: round(ofMany),
      ...(process.platform === 'linux' && {
        cpu_sender_ms_per_mail: senderCpu,
        cpu_postgres_ms_per_mail: databaseCpu,
        cpu_sink_ms_per_mail: sinkCpu,
      }),
      bytes_per_mail: Math.round(bytes / Math.max(1, accepted)),
      sample: sample.length,
      sample_good: good,
    },
    bars: [
      { name: 'one sender to a nodemailer pool with DKIM', want: '≥ 3', got: ratio, ok: ratio >= 3 },
      { name: 'two senders, mails a minute', want: '≥ 120000', got: perMinute, ok: perMinute >= 120_000 },
      { name: 'rate of a million to that of 50,000', want: '≥ 0.9', got: steady, ok: steady >= 0.9 },
      {
        name: 'sample whole and signed',
        want: `${sample.length} of ${sample.length}`,
        got: good,
        ok: sample.length > 0 && good === sample.length,
      },
    ],
  };
}

/**
 * 50,000 personalised, tracked and signed mails of 12 KB of HTML and 2 KB of text to a sink in a process of its own, by one
 * and by two senders, beside a bare nodemailer pool that sends the same; then a part of a million.
 */
export async function run(): Promise<BenchResult> {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'aquascene-bench-'));
  chmodSync(folder, 0o755);
  const logger = createLogger({ level: 'error', format: 'json', role: 'bench' });
  const postgres = await startEmbeddedPostgres({ dataDir: folder, logger });
  const closers: (() => Promise<void>)[] = [];
  try {
    const { pem, record } = generateDkimKey('rsa');
    const keyFile = path.join(folder, 'dkim.pem');
    writeFileSync(keyFile, pem);
    const [sinkPort, controlPort] = [await findFreePort(), await findFreePort()];
    const environment = {
      DATABASE_URL: postgres.url,
      SMTP_URL: `smtp://127.0.0.1:${sinkPort}?connections=${connections}`,
      MAIL_FROM: 'Newsroom <news@news.localhost>',
      DKIM_KEYS: `bench@news.localhost=${keyFile}`,
      BASE_URL: 'http://news.localhost:8000',
      SAMPLE: 'off',
      LOG_LEVEL: 'warn',
      LOG_FORMAT: 'json',
    };
    await migrateAll(loadConfig(environment), postgres.url);
    const roles = createRoles(environment);
    closers.push(roles.stop);
    const sink = roles.startScript(path.join(peerFile, 'smtp-sink.ts'), [sinkPort, controlPort, sampleEvery].map(String));
    await waitFor('the sink', () => isListening(controlPort));
    const context = await createContext({ config: loadConfig(environment), databaseUrl: postgres.url, name: 'bench', isScheduler: false });
    closers.push(context.close);
    return await measure({ context, roles, keyFile, sinkPort, controlPort, sinkPid: sink.pid ?? 0, databasePid: postgres.pid }, record);
  } finally {
    for (const close of closers.reverse()) await close();
    await postgres.stop();
    rmSync(folder, { recursive: true, force: true });
    if (!postgres.folder.startsWith(folder)) rmSync(path.dirname(postgres.folder), { recursive: true, force: true });
  }
}
