import { access, constants, mkdir, statfs } from 'node:fs/promises';
import pg from 'pg';
import { createSmtpTransport } from '#platform/mail';
import { loadPack } from '#platform/pack';
import { createRedisConnections } from '#platform/redis';
import { createStorage } from '#platform/storage';
import { createMetrics, type Logger } from '#platform/telemetry';
import { systemClock } from '#shared/clock';
import { messageOf } from '#shared/errors';
import type { TransportSettings } from '#shared/mail-transports';
import { type CommandDefinition, exitCodes } from '../command-definition.ts';
import { type Config, describeConfig } from '../config.ts';
import { openDatabaseServer } from '../database-server.ts';
import { findPortFaults } from '../ports.ts';
import { formatTable } from '../table.ts';

type Finding = { readonly what: string; readonly state: 'ok' | 'note' | 'failed'; readonly detail: string };

const minFreeBytes = 1024 ** 3;

async function examine(what: string, work: () => Promise<string>): Promise<Finding> {
  try {
    return { what, state: 'ok', detail: await work() };
  } catch (error) {
    return { what, state: 'failed', detail: messageOf(error) };
  }
}

async function examineDatabase(config: Config, logger: Logger): Promise<string> {
  const server = await openDatabaseServer(config, logger);
  try {
    const client = new pg.Client({ connectionString: server.url, connectionTimeoutMillis: 5000 });
    await client.connect();
    try {
      const { rows } = await client.query(
        `select current_setting('server_version') as version, to_regclass('schema_migrations') as migrated`,
      );
      const state = rows[0].migrated === null ? 'not migrated yet' : 'migrated';
      return `PostgreSQL ${rows[0].version}, ${server.embedded === undefined ? 'DATABASE_URL' : 'embedded'}, ${state}`;
    } finally {
      await client.end();
    }
  } finally {
    await server.embedded?.stop();
  }
}

/** Each replica by itself: one that is missing makes reads slower, and stops nothing. */
async function examineReplica(url: string): Promise<Finding> {
  const { host } = new URL(url);
  const finding = await examine(`replica ${host}`, async () => {
    const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 5000 });
    await client.connect();
    try {
      const { rows } = await client.query(
        `select pg_is_in_recovery() as "isReplica", extract(epoch from now() - pg_last_xact_replay_timestamp())::int as "lagS"`,
      );
      if (!rows[0].isReplica) throw new Error('this server is no replica: it takes writes');
      return rows[0].lagS === null ? 'streams; nothing was replayed yet' : `streams; its last change is ${rows[0].lagS} s old`;
    } finally {
      await client.end();
    }
  });
  return finding.state === 'failed' ? { ...finding, state: 'note' } : finding;
}

async function examineRedis(url: string, logger: Logger): Promise<string> {
  const redis = createRedisConnections({ url, name: 'aquascene-doctor', logger, metrics: createMetrics('doctor'), commandTimeoutMs: 5000 });
  try {
    const version = await redis.version(5000);
    return `Redis ${version}`;
  } finally {
    await redis.close();
  }
}

async function examineStorage(config: Config): Promise<string> {
  const metrics = createMetrics('doctor');
  // Nothing is signed here.
  const storage = createStorage({ config: config.storage, publicUrl: config.site.baseUrl, secret: '', clock: systemClock, metrics });
  try {
    await storage.check();
    return config.storage.kind === 's3' ? `the bucket ${config.storage.bucket} answers` : `files lie in ${config.storage.folder}`;
  } finally {
    await storage.close();
  }
}

/** Each transport by itself: as long as one answers, mail leaves. */
async function examineMail(config: Config, logger: Logger): Promise<Finding[]> {
  const { transports } = config.mail;
  const findings = await Promise.all(transports.map((settings) => examineTransport(settings, config, logger)));
  if (findings.every(({ state }) => state === 'failed')) return findings;
  return findings.map((finding) => (finding.state === 'failed' ? { ...finding, state: 'note' } : finding));
}

async function examineTransport({ name, url, isPipelining }: TransportSettings, config: Config, logger: Logger): Promise<Finding> {
  const transport = createSmtpTransport({ url, isPipelining, logger, metrics: createMetrics('doctor') });
  const finding = await examine(config.mail.transports.length === 1 ? 'mail' : `mail transport ${name}`, async () => {
    await transport.verify();
    return config.mail.isMailbox ? 'the embedded mailbox answers' : `${new URL(url).host} answers`;
  });
  await transport.close();
  if (finding.state === 'failed' && config.mail.isMailbox) {
    return { ...finding, state: 'note', detail: 'the embedded mailbox runs while the engine runs' };
  }
  return finding;
}

async function examineDisk(config: Config): Promise<string> {
  await mkdir(config.dataDir, { recursive: true });
  await access(config.dataDir, constants.W_OK);
  const { bavail, bsize } = await statfs(config.dataDir);
  const freeBytes = bavail * bsize;
  const free = `${(freeBytes / 1024 ** 3).toFixed(1)} GiB free in ${config.dataDir}`;
  if (freeBytes < minFreeBytes) throw new Error(`only ${free}`);
  return free;
}

function describeWriter({ providers }: Config): string {
  const names = [
    providers.openaiApiKey && 'OpenAI',
    providers.anthropicApiKey && 'Anthropic',
    providers.googleApiKey && 'Google',
    providers.ollamaBaseUrl && 'Ollama',
    providers.openaiCompatible && 'an OpenAI-compatible server',
  ].filter((name) => name !== undefined && name !== '');
  return names.length === 0 ? 'the extractive writer: verbatim sentences, cited' : names.join(', then ');
}

export const doctorCommand: CommandDefinition = {
  name: 'doctor',
  summary: 'check each dependency and print the effective configuration, secrets masked',
  configFlags: ['PORT', 'HOST', 'MAILBOX_PORT', 'SAMPLE', 'SAMPLE_WEB_PORT'],
  takesJson: true,
  async run({ config, environment, logger, isJson }) {
    const portFaults = await findPortFaults(config);
    const findings: Finding[] = [
      { what: 'node', state: Number(process.versions.node.split('.')[0]) >= 24 ? 'ok' : 'failed', detail: process.version },
      await examine('database', () => examineDatabase(config, logger)),
      ...(await Promise.all(config.database.replicaUrls.map(examineReplica))),
      ...(config.redisUrl === undefined ? [] : [await examine('redis', () => examineRedis(config.redisUrl ?? '', logger))]),
      await examine('storage', () => examineStorage(config)),
      ...(await examineMail(config, logger)),
      await examine('pack', async () => {
        const pack = await loadPack(config.packDir);
        return `${pack.name} in ${config.packDir}`;
      }),
      ...(config.database.url === undefined ? [await examine('disk', () => examineDisk(config))] : []),
      ...(portFaults.length === 0
        ? [{ what: 'ports', state: 'ok' as const, detail: 'all free' }]
        : portFaults.map((fault) => ({ what: 'ports', state: 'note' as const, detail: `${fault} (Or the engine is running.)` }))),
      { what: 'writer', state: 'ok', detail: describeWriter(config) },
    ];
    const settings = describeConfig(environment);
    if (isJson) console.log(JSON.stringify({ findings, settings }));
    else {
      const marks = { ok: '✓', note: '–', failed: '✗' };
      console.log(
        formatTable(
          ['', 'what', 'finding'],
          findings.map((finding) => [marks[finding.state], finding.what, finding.detail]),
        ),
      );
      const rows = settings.map(({ name, value, isDefault }) => [
        name,
        value === '' ? '(not set)' : value,
        isDefault ? 'default' : 'given',
      ]);
      console.log(`\n${formatTable(['variable', 'value', 'from'], rows)}`);
    }
    return findings.some((finding) => finding.state === 'failed') ? exitCodes.failed : exitCodes.done;
  },
};
