import { randomBytes } from 'node:crypto';
import path from 'node:path';
import { createCompute } from '#platform/compute';
import { createDatabase, type Database, sql } from '#platform/database';
import { createEvents, type Events } from '#platform/events';
import { createHttpClient } from '#platform/http-client';
import { createJobs, type Jobs } from '#platform/jobs';
import { createMailboxLookup, createSmtpTransport, type MailTransport } from '#platform/mail';
import { loadPack, type Pack } from '#platform/pack';
import type { ServiceDependencies, ServiceModule } from '#platform/service';
import { createLogger, createMetrics, type Logger, type Metrics } from '#platform/telemetry';
import { type AiProcessor, createAiProcessor } from '#services/ai-processor';
import { type Analytics, createAnalytics } from '#services/analytics';
import { type ContentManager, createContentManager } from '#services/content-manager';
import { createDistributor, type Distributor } from '#services/distributor';
import { createSubscriberManager, type SubscriberManager } from '#services/subscriber-manager';
import { createWebScraper, type WebScraper } from '#services/web-scraper';
import { type Clock, systemClock } from '#shared/clock';
import type { Config } from './config.ts';
import { createMailCheck } from './mail-check.ts';
import { createMaintenance } from './maintenance.ts';

export type Context = {
  readonly config: Config;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics: Metrics;
  readonly database: Database;
  readonly jobs: Jobs;
  readonly events: Events;
  readonly mail: MailTransport;
  readonly pack: Pack;
  readonly analytics: Analytics;
  readonly webScraper: WebScraper;
  readonly contentManager: ContentManager;
  readonly aiProcessor: AiProcessor;
  readonly subscriberManager: SubscriberManager;
  readonly distributor: Distributor;
  readonly modules: readonly ServiceModule[];
  /** Closes everything in the reverse order; what runs is finished first. */
  close(): Promise<void>;
};

export type ContextOptions = {
  readonly config: Config;
  readonly databaseUrl: string;
  /** Stands in logs, figures and the database's list of connections. */
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

/** The composition root: builds everything once. Nothing else constructs a service or a connection. */
export async function createContext(options: ContextOptions): Promise<Context> {
  const { config } = options;
  const clock = systemClock;
  const logger = options.logger ?? createLogger({ level: config.log.level, format: config.log.format, role: options.name });
  const metrics = createMetrics(options.name);
  const pack = await loadPack(config.packDir);
  const closers: (() => Promise<void>)[] = [];
  const close = async () => {
    for (const closer of closers.reverse()) await closer();
  };

  try {
    const database = createDatabase({
      url: options.databaseUrl,
      applicationName: `aquascene-${options.name}`,
      maxConnections: config.database.poolBase ?? 15,
      connectTimeoutMs: 10_000,
      statementTimeoutMs: config.database.statementTimeoutMs,
      lockTimeoutMs: 10_000,
      idleInTransactionTimeoutMs: 300_000,
      logger,
      metrics,
    });
    closers.push(() => database.close());
    observePool(database, metrics);
    const secret = await readSecret(database, config);

    const jobs = await createJobs({ database, isSupervisor: options.isScheduler, logger, metrics });
    const events = createEvents({ database, clock, logger, metrics });
    const compute = createCompute({ maxThreads: 10, metrics });
    closers.push(() => compute.close());
    const httpClient = createHttpClient({
      allowedPrivateHosts: config.crawl.allowedPrivateHosts,
      userAgent: config.crawl.userAgent,
      metrics,
      logger,
    });
    closers.push(() => httpClient.close());
    const mail = createSmtpTransport({
      url: config.mail.smtpUrl,
      logger,
      metrics,
      // After a crash the mailbox can be asked what it took; a real mail server cannot.
      ...(config.mail.isMailbox && { findByMessageId: createMailboxLookup(database) }),
    });
    closers.push(async () => mail.close());
    // Closed first: what runs is finished while everything that it needs is still there.
    closers.push(() => jobs.stop(jobStopTimeoutMs));
    closers.push(() => events.stop());

    const dependencies: ServiceDependencies = { database, jobs, events, clock, logger, metrics };
    const { site } = config;
    const webScraper = createWebScraper({ ...dependencies, httpClient, compute, userAgent: config.crawl.userAgent });
    const contentManager = createContentManager({ ...dependencies, site, pack });
    const analytics = createAnalytics({ ...dependencies, findTitles: contentManager.findTitles });
    const aiProcessor = createAiProcessor({
      ...dependencies,
      compute,
      pack,
      knowledge: pack.knowledge,
      searchRawContent: webScraper.searchRawContent,
      createDraft: contentManager.createDraft,
      providers: config.providers,
    });
    const subscriberManager = createSubscriberManager({
      ...dependencies,
      site,
      secret,
      mail,
      mailFrom: config.mail.from,
      renderPage: contentManager.renderPage,
    });
    const distributor = createDistributor({
      ...dependencies,
      compute,
      site,
      secret,
      mail,
      mailFrom: config.mail.from,
      postalAddress: config.mail.postalAddress,
      contentManager,
      subscribers: subscriberManager,
      analytics,
      templatesFolder: path.join(config.packDir, 'templates'),
    });
    const services = [analytics, webScraper, contentManager, aiProcessor, subscriberManager, distributor];
    const modules = [...services.map((service) => service.module), createMaintenance({ database, clock })];
    await jobs.prepare(modules.flatMap((module) => module.jobs.map((registration) => registration.definition)));
    return {
      config,
      clock,
      logger,
      metrics,
      database,
      jobs,
      events,
      mail: { ...mail, verify: createMailCheck(mail) },
      pack,
      analytics,
      webScraper,
      contentManager,
      aiProcessor,
      subscriberManager,
      distributor,
      modules,
      close,
    };
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
