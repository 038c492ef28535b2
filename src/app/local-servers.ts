import path from 'node:path';
import { createDatabase } from '#platform/database';
import { createMailboxServer } from '#platform/mail';
import { createLogger, createMetrics } from '#platform/telemetry';
import { systemClock } from '#shared/clock';
import type { Config } from './config.ts';
import { startSampleWeb } from './sample-web/index.ts';

type Closer = () => Promise<void>;

/** What stands in for the outer world on one machine: the mailbox and the sample web. */
export async function startLocalServers(config: Config, databaseUrl: string): Promise<Closer[]> {
  const closers: Closer[] = [];
  const logger = createLogger({ level: config.log.level, format: config.log.format, role: 'mailbox' });
  if (config.mail.isMailbox) {
    const database = createDatabase({
      url: databaseUrl,
      applicationName: 'aquascene-mailbox',
      maxConnections: 4,
      connectTimeoutMs: 10_000,
      statementTimeoutMs: config.database.statementTimeoutMs,
      lockTimeoutMs: 10_000,
      idleInTransactionTimeoutMs: 60_000,
      logger,
      metrics: createMetrics('mailbox'),
    });
    closers.push(() => database.close());
    const mailbox = await createMailboxServer({ database, clock: systemClock, port: config.mail.mailboxPort, logger, maxMessages: 5000 });
    closers.push(() => mailbox.close());
  }
  if (config.sample.isOn) {
    const web = await startSampleWeb({ folder: path.join(config.packDir, 'sample-web'), port: config.sample.webPort });
    closers.push(() => web.close());
  }
  return closers;
}
