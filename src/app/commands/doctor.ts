import { access, constants, mkdir, statfs } from 'node:fs/promises';
import pg from 'pg';
import { createSmtpTransport } from '#platform/mail';
import { loadPack } from '#platform/pack';
import { createMetrics, type Logger } from '#platform/telemetry';
import { messageOf } from '#shared/errors';
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

async function examineMail(config: Config, logger: Logger): Promise<Finding> {
  const transport = createSmtpTransport({ url: config.mail.smtpUrl, logger, metrics: createMetrics('doctor') });
  const finding = await examine('mail', async () => {
    await transport.verify();
    return config.mail.isMailbox ? 'the embedded mailbox answers' : 'the mail server answers';
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
      await examineMail(config, logger),
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
