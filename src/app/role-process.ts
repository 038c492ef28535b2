import path from 'node:path';
import { createDatabase } from '#platform/database';
import { createHttpServer, type HttpServer } from '#platform/http-server';
import { createMailboxServer, mailboxRoutes } from '#platform/mail';
import { createLogger, createMetrics } from '#platform/telemetry';
import { systemClock } from '#shared/clock';
import { type Config, ConfigError } from './config.ts';
import { createContext } from './context.ts';
import { migrateAll, startWork } from './engine.ts';
import { createMetricsExchange } from './metrics-exchange.ts';
import { type Role, workerRoles } from './roles.ts';
import { startSampleWeb } from './sample-web/index.ts';
import { systemRoutes } from './system-routes.ts';
import { version } from './version.ts';

type Closer = () => Promise<void>;

/** Runs these roles in this process until it is told to stop. Supervised: by our own `start`, which migrated already. */
export async function runRoles(config: Config, roles: readonly Role[], isSupervised: boolean): Promise<void> {
  const { url } = config.database;
  if (url === undefined) {
    throw new ConfigError(['DATABASE_URL (--database-url): needed with --role; give the address of a PostgreSQL that all roles share.']);
  }
  if (!isSupervised) await migrateAll(url);
  const closers: Closer[] = [];
  try {
    if (roles.includes('mailbox')) closers.push(...(await startLocalServers(config, url)));
    if (roles.some((role) => role !== 'mailbox')) closers.push(await startEngineRoles(config, url, roles, isSupervised));
    const stopped = waitForStop(isSupervised);
    process.send?.({ ready: true });
    await stopped;
  } finally {
    for (const close of closers.reverse()) await close();
    // The channel to the supervisor would keep the process alive.
    if (process.connected) process.disconnect();
  }
}

async function startEngineRoles(config: Config, databaseUrl: string, roles: readonly Role[], isSupervised: boolean): Promise<Closer> {
  const name = roles.length === 1 ? (roles[0] ?? '') : roles.includes('api') ? 'engine' : 'worker';
  const context = await createContext({ config, databaseUrl, name, isScheduler: roles.includes('scheduler') });
  const isApi = roles.includes('api');
  const exchange = createMetricsExchange(context.metrics, { isCollector: isApi, isSupervised });
  let server: HttpServer | undefined;
  try {
    // A worker in a cluster answers health checks and scrapes; one beside the API leaves the port to it.
    if (isApi || !isSupervised) {
      server = await createHttpServer({
        database: context.database,
        clock: context.clock,
        logger: context.logger,
        metrics: context.metrics,
        version,
        maxBodyBytes: config.http.maxBodyBytes,
        trustedProxies: config.http.trustedProxies,
        routes: [
          systemRoutes(context, exchange.text),
          ...(isApi && config.mail.isMailbox ? [mailboxRoutes({ database: context.database })] : []),
          ...(isApi ? context.modules.map((module) => module.routes) : []),
        ],
        ...(isApi && { renderNotFound: context.contentManager.renderNotFound }),
      });
      await server.listen({ host: config.http.host, port: config.http.port });
    }
    await startWork(
      context,
      roles.filter((role) => workerRoles.includes(role)),
    );
  } catch (error) {
    exchange.close();
    await server?.close();
    await context.close();
    throw error;
  }
  context.logger.info({ roles }, 'ready');
  return async () => {
    exchange.close();
    await server?.close();
    await context.close();
  };
}

/** What stands in for the outer world on one machine: the mailbox and the sample web. */
async function startLocalServers(config: Config, databaseUrl: string): Promise<Closer[]> {
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

function waitForStop(isSupervised: boolean): Promise<void> {
  return new Promise((resolve) => {
    process.once('SIGTERM', () => resolve());
    if (isSupervised) {
      // Ctrl-C reaches the whole terminal group: the supervisor decides who stops when. Without it nobody would.
      process.on('SIGINT', () => undefined);
      process.once('disconnect', () => resolve());
    } else process.once('SIGINT', () => resolve());
  });
}
