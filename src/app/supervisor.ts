import { setTimeout as delay } from 'node:timers/promises';
import { startEmbeddedPostgres } from '#platform/database';
import type { Logger } from '#platform/telemetry';
import { messageOf } from '#shared/errors';
import { type Child, superviseChild } from './children.ts';
import { type Config, ConfigError, type Environment } from './config.ts';
import { type DatabaseServer, migrateAll, openDatabaseServer } from './database-server.ts';
import { findPortFaults } from './ports.ts';
import { createProgress, type Progress } from './progress.ts';
import { workerRoles } from './roles.ts';
import type { StartReport, Stock } from './start-report.ts';
import { formatTable } from './table.ts';

export type SupervisorOptions = {
  readonly config: Config;
  readonly environment: Environment;
  readonly logger: Logger;
};

const childStopTimeoutMs = 25_000;

/** Everything on one machine: the database, the API in one process, the jobs in another, the mailbox in a third. */
export async function runSupervisor(options: SupervisorOptions): Promise<void> {
  const { config, environment, logger } = options;
  const faults = await waitForPorts(config);
  if (faults.length > 0) throw new ConfigError(faults);

  const stop = new AbortController();
  const onSignal = () => {
    // A second Ctrl-C: whoever asks twice does not want to wait.
    if (stop.signal.aborted) process.exit(130);
    process.stdout.write('\nStopping …\n');
    stop.abort();
  };
  process.on('SIGINT', onSignal);
  process.on('SIGTERM', onSignal);

  const progress = createProgress((text) => process.stdout.write(text), process.stdout.isTTY === true);
  const started = performance.now();
  const children: Child[] = [];
  let server: DatabaseServer | undefined;
  let report: StartReport | undefined;
  try {
    console.log('AquaScene Content Engine');
    const database = await progress.step(
      config.database.url === undefined ? 'Starting the embedded database' : 'Connecting to the database',
      () => openDatabaseServer(config, logger),
      ({ embedded }) => (embedded?.isNew ? 'new' : ''),
    );
    server = database;
    keepDatabaseRunning(config, logger, database, stop.signal);
    await progress.step(
      'Bringing the schema up to date',
      () => migrateAll(database.url),
      (applied) => (applied.length > 0 ? `${applied.length} migrations` : ''),
    );

    const childEnvironment = {
      ...environment,
      DATABASE_URL: database.url,
      SAMPLE: config.sample.isOn ? 'on' : 'off',
      BASE_URL: config.site.baseUrl,
    };
    await progress.step(
      'Starting the processes',
      async () => {
        const roleSets = [...(config.mail.isMailbox || config.sample.isOn ? ['mailbox'] : []), workerRoles.join(','), 'api'];
        for (const roles of roleSets) children.push(startChild(roles, childEnvironment, logger, children));
        const reports = await untilStopped(Promise.all(children.map((child) => child.ready())), stop.signal);
        report = reports?.find((each) => each !== undefined);
        return children.length;
      },
      (count) => `${count}`,
    );

    if (report !== undefined && !stop.signal.aborted) {
      const readyMs = performance.now() - started;
      printSummary(config, report, await finishStart(options, database.url, report, progress, stop.signal), readyMs);
    }
    await untilStopped(new Promise(() => undefined), stop.signal);
  } catch (error) {
    if (!stop.signal.aborted) throw error;
  } finally {
    stop.abort();
    await Promise.all(children.map((child) => child.stop(childStopTimeoutMs)));
    if (server?.embedded !== undefined) await currentDatabase(server).stop();
    process.off('SIGINT', onSignal);
    process.off('SIGTERM', onSignal);
    console.log('Stopped.');
  }
}

/** The processes of an engine that was killed a moment ago need a moment to notice and let go of their ports. */
async function waitForPorts(config: Config): Promise<string[]> {
  const attempts = 8;
  for (let attempt = 1; ; attempt += 1) {
    const faults = await findPortFaults(config);
    if (faults.length === 0 || attempt === attempts) return faults;
    await delay(250);
  }
}

async function untilStopped<T>(work: Promise<T>, signal: AbortSignal): Promise<T | undefined> {
  const { promise, resolve } = Promise.withResolvers<undefined>();
  if (signal.aborted) return undefined;
  const onAbort = () => resolve(undefined);
  signal.addEventListener('abort', onAbort, { once: true });
  // The promise alone would not keep the process alive while nothing else happens.
  const keepAlive = setInterval(() => undefined, 60_000);
  try {
    return await Promise.race([work, promise]);
  } finally {
    clearInterval(keepAlive);
    signal.removeEventListener('abort', onAbort);
  }
}

function startChild(roles: string, environment: Environment, logger: Logger, all: readonly Child[]): Child {
  const name = roles.includes(',') ? 'worker' : roles;
  return superviseChild(
    { name, arguments: ['start', '--role', roles, '--supervised'], environment },
    {
      logger,
      // Figures of the others go to the API, whose /metrics shows them all.
      onMessage: (message) => all.find((child) => child.name === 'api')?.send(message),
    },
  );
}

const restarted = new WeakMap<DatabaseServer, NonNullable<DatabaseServer['embedded']>>();

function currentDatabase(server: DatabaseServer): NonNullable<DatabaseServer['embedded']> {
  const embedded = restarted.get(server) ?? server.embedded;
  if (embedded === undefined) throw new Error('there is no embedded database');
  return embedded;
}

/** A database server that ends while the engine runs is started again on its port; requests meanwhile get 503. */
function keepDatabaseRunning(config: Config, logger: Logger, server: DatabaseServer, signal: AbortSignal): void {
  if (server.embedded === undefined) return;
  const watch = async () => {
    for (;;) {
      await currentDatabase(server).exited;
      if (signal.aborted) return;
      logger.warn('the database server ended; starting it again');
      try {
        restarted.set(server, await startEmbeddedPostgres({ dataDir: config.dataDir, logger, port: currentDatabase(server).port }));
      } catch (error) {
        logger.error({ err: error }, 'the database server could not be started again; trying once more');
        await delay(2000);
      }
    }
  };
  void watch();
}

/** The first start walks the sample workspace through the house; every other finds what is there. */
async function finishStart(options: SupervisorOptions, databaseUrl: string, report: StartReport, progress: Progress, signal: AbortSignal) {
  if (!options.config.sample.isOn || report.isSampleRunDone) return report.stock;
  // Loaded when it is needed only: a supervisor that just watches stays small.
  const { runSampleOn } = await import('./sample-run.ts');
  try {
    return await runSampleOn(options.config, databaseUrl, progress, signal);
  } catch (error) {
    if (signal.aborted) throw error;
    console.error(`The sample run stopped: ${messageOf(error)}. It goes on from there at the next start.`);
    options.logger.error({ err: error }, 'sample run failed');
    return report.stock;
  }
}

function printSummary(config: Config, report: StartReport, stock: Stock, readyMs: number): void {
  const rows = [
    ['Pages gathered', String(stock.pagesGathered)],
    ['Articles published', String(stock.articlesPublished)],
    ['Mails delivered', String(stock.mailsDelivered)],
    ['Ready after', `${(readyMs / 1000).toFixed(1)} s`],
    ['Site', config.site.baseUrl],
    ['API', `${config.site.baseUrl}/docs`],
    ...(config.mail.isMailbox ? [['Mailbox', `http://localhost:${config.http.port}/mailbox`]] : []),
  ];
  console.log(`\n${formatTable(['AquaScene is running', ''], rows)}`);
  if (report.firstKey !== undefined) {
    console.log(`\nAPI key, shown this once only (more: aquascene keys):\n  ${report.firstKey}`);
  }
  console.log('\nCtrl-C stops everything.');
}
