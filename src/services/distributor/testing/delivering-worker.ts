/** `node delivering-worker.ts DATABASE_URL MAILBOX_PORT`: a worker of its own, which runs the distributor's jobs until none is due. */
import { createDatabase } from '#platform/database';
import { createEvents } from '#platform/events';
import { createJobs } from '#platform/jobs';
import { createMailboxLookup, createSmtpTransport } from '#platform/mail';
import { createLogger, createMetrics } from '#platform/telemetry';
import { systemClock } from '#shared/clock';
import { createNewsroom } from './newsroom.ts';

const [url = '', port = ''] = process.argv.slice(2);
const logger = createLogger({ level: 'fatal', format: 'json', role: 'worker' });
const metrics = createMetrics('worker');
const database = createDatabase({
  url,
  applicationName: 'aquascene-test-worker',
  maxConnections: 10,
  connectTimeoutMs: 10_000,
  statementTimeoutMs: 60_000,
  lockTimeoutMs: 10_000,
  idleInTransactionTimeoutMs: 60_000,
  logger,
  metrics,
});
const jobs = await createJobs({ database, isSupervisor: false, logger, metrics });
const events = createEvents({ database, clock: systemClock, logger, metrics });
const mail = createSmtpTransport({
  url: `smtp://127.0.0.1:${port}`,
  logger,
  metrics,
  findByMessageId: createMailboxLookup(database),
});
const newsroom = createNewsroom({ database, jobs, events, clock: systemClock, logger, metrics }, mail);
await newsroom.runJobs({ width: 2 });
await mail.close();
await events.stop();
await jobs.stop(5000);
await database.close();
