import { randomBytes } from 'node:crypto';
import { type Caches, createCaches, createPostgresBus } from '#platform/cache';
import { type Compute, createCompute } from '#platform/compute';
import { createDatabase, type Database, sql } from '#platform/database';
import { createEvents, type Events } from '#platform/events';
import { createHttpClient, type HttpClient } from '#platform/http-client';
import { createJobs, type Jobs } from '#platform/jobs';
import {
  createDkimSigner,
  createMailboxLookup,
  createMailRouter,
  createSmtpTransport,
  loadDkimKeys,
  type MailRouter,
} from '#platform/mail';
import { createRedisConnections, type RedisConnections } from '#platform/redis';
import { createStorage, type Storage } from '#platform/storage';
import { createLogger, createMetrics, type Logger, type Metrics } from '#platform/telemetry';
import { listProviderHosts } from '#services/ai-processor';
import { type Clock, systemClock } from '#shared/clock';
import type { Config } from './config.ts';
import { databaseOptionsOf } from './database-settings.ts';

/** Everything that services are built on, made once in a process. */
export type Platform = {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics: Metrics;
  readonly database: Database;
  /** Undefined unless it is configured: one machine needs none. */
  readonly redis: RedisConnections | undefined;
  readonly caches: Caches;
  readonly jobs: Jobs;
  readonly events: Events;
  readonly compute: Compute;
  readonly httpClient: HttpClient;
  readonly mail: MailRouter;
  readonly storage: Storage;
  /** Signs links: the same in every process and after every restart. */
  readonly secret: string;
  /** Closes everything in the reverse order; what runs is finished first. */
  close(): Promise<void>;
};

export type PlatformOptions = {
  readonly config: Config;
  readonly databaseUrl: string;
  /** Stands in logs, figures and the servers' lists of connections. */
  readonly name: string;
  /** Watches the heartbeats of all jobs and keeps the schedules. */
  readonly isScheduler: boolean;
  /** Made from the configuration unless given. */
  readonly logger?: Logger;
};

// A job that takes longer is put back, to run again at the next start.
const jobStopTimeoutMs = 5000;

/** Made once a database: what signs links must be the same in every process and after every restart. */
async function readSecret(database: Database, config: Config): Promise<string> {
  if (config.appSecret !== undefined) return config.appSecret;
  const made = JSON.stringify(randomBytes(32).toString('base64url'));
  await database.execute(
    'settings.make-secret',
    sql`insert into settings (name, value) values ('link_secret', ${made}::jsonb) on conflict (name) do nothing`,
  );
  const row = await database.one<{ value: string }>(
    'settings.read-secret',
    sql`select value #>> '{}' as value from settings where name = 'link_secret'`,
  );
  return row.value;
}

export async function createPlatform(options: PlatformOptions): Promise<Platform> {
  const { config } = options;
  const clock = systemClock;
  const logger = options.logger ?? createLogger({ level: config.log.level, format: config.log.format, role: options.name });
  const metrics = createMetrics(options.name);
  const applicationName = `aquascene-${options.name}`;
  const closers: (() => Promise<void> | void)[] = [];
  const close = async () => {
    for (const closer of closers.reverse()) await closer();
  };

  try {
    const database = createDatabase({ ...databaseOptionsOf(config, options.databaseUrl), applicationName, logger, metrics });
    closers.push(() => database.close());
    observePool(database, metrics);
    const redis =
      config.redisUrl === undefined ? undefined : createRedisConnections({ url: config.redisUrl, name: applicationName, logger, metrics });
    closers.push(() => redis?.close());
    const shared = { ...(redis !== undefined && { redis }), clock, logger, metrics };
    const caches = createCaches({ ...shared, bus: createPostgresBus({ database, logger }) });
    closers.push(() => caches.close());
    const secret = await readSecret(database, config);
    const storage = createStorage({ config: config.storage, publicUrl: config.site.baseUrl, secret, clock, metrics });
    closers.push(() => storage.close());
    const jobs = await createJobs({ database, isSupervisor: options.isScheduler, logger, metrics });
    const events = createEvents({ ...shared, database, driver: config.eventsDriver });
    const compute = createCompute({ metrics });
    closers.push(() => compute.close());
    const instagramHosts = config.instagram === undefined ? [] : [new URL(config.instagram.apiUrl).host];
    const httpClient = createHttpClient({
      allowedPrivateHosts: config.crawl.allowedPrivateHosts,
      // The site is at a private address on a machine of one's own; its links are checked before a campaign is sent.
      serviceHosts: [...listProviderHosts(config.providers), new URL(config.site.baseUrl).host, ...instagramHosts],
      userAgent: config.crawl.userAgent,
      metrics,
      logger,
    });
    closers.push(() => httpClient.close());
    const dkimKeys = await loadDkimKeys(config.mail.dkimKeys);
    const signer = createDkimSigner({ keys: dkimKeys, clock });
    const mail = createMailRouter({
      transports: config.mail.transports,
      hostLimits: config.mail.hostLimits,
      open: (settings) =>
        createSmtpTransport({
          url: settings.url,
          name: settings.name,
          isPipelining: settings.isPipelining,
          ...(dkimKeys.length > 0 && { sign: signer.sign }),
          logger,
          metrics,
          ...(settings.maxConnections !== undefined && { maxConnections: settings.maxConnections }),
          // After a crash the mailbox can be asked what it took; a real mail server cannot.
          ...(config.mail.isMailbox && { findByMessageId: createMailboxLookup(database) }),
        }),
      database,
      redis: redis?.commands,
      clock,
      logger,
      metrics,
    });
    closers.push(() => mail.close());
    // Closed first: what runs is finished while everything that it needs is still there.
    closers.push(() => jobs.stop(jobStopTimeoutMs));
    closers.push(() => events.stop());
    return { clock, logger, metrics, database, redis, caches, jobs, events, compute, httpClient, mail, storage, secret, close };
  } catch (error) {
    await close();
    throw error;
  }
}

function observePool(database: Database, metrics: Metrics): void {
  metrics.gauge('aquascene_db_pool_connections', 'Database connections of this process', ['state'], (gauge) => {
    const { total, idle, waiting } = database.poolFigures();
    gauge.set({ state: 'total' }, total);
    gauge.set({ state: 'idle' }, idle);
    gauge.set({ state: 'waiting' }, waiting);
  });
}
