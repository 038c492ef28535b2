import { setTimeout as delay } from 'node:timers/promises';
import { checkDatabaseServer, isDatabaseOutage } from '#platform/database';
import type { Logger } from '#platform/telemetry';
import { messageOf } from '#shared/errors';
import { type Child, superviseChild } from './children.ts';
import { type Config, ConfigError, type Environment } from './config.ts';
import { type DatabaseKeeper, keepDatabaseRunning } from './database-keeper.ts';
import { type DatabaseServer, migrateAll, openDatabaseServer } from './database-server.ts';
import { lockDataFolder } from './engine-lock.ts';
import { findPortFaults } from './ports.ts';
import { createProgress, type Progress } from './progress.ts';
import { workerRoles } from './roles.ts';
import type { StartReport, Stock } from './start-report.ts';
import { listenForStop, outliveOutput } from './stop-signals.ts';
import { formatTable } from './table.ts';

export type SupervisorOptions = {
  readonly config: Config;
  readonly environment: Environment;
  readonly logger: Logger;
};

/** What runs so far, to be stopped in the reverse order. */
type Running = { readonly children: Child[]; database?: DatabaseKeeper };

const childStopTimeoutMs = 25_000;
const interruptedExitCode = 130;
const databasePollIntervalMs = 1000;

/** Everything on one machine: the database, the API in one process, the jobs in another, the mailbox in a third. */
export async function runSupervisor(options: SupervisorOptions): Promise<void> {
  const { config } = options;
  // A database of one's own may serve several engines; the embedded one belongs to one.
  const lock = config.database.url === undefined ? await lockDataFolder(config.dataDir) : undefined;
  const faults = await waitForPorts(config);
  if (faults.length > 0) throw new ConfigError(faults);

  outliveOutput();
  const running: Running = { children: [] };
  const stop = listenForStop({
    onStop: () => process.stdout.write('\nStopping …\n'),
    onImpatience: () => {
      for (const child of running.children) child.kill();
      running.database?.kill();
      process.exit(interruptedExitCode);
    },
  });
  try {
    await run(options, running, stop.signal);
  } catch (error) {
    if (!stop.signal.aborted) throw error;
  } finally {
    await Promise.all(running.children.map((child) => child.stop(childStopTimeoutMs)));
    await running.database?.stop();
    stop.close();
    lock?.release();
    console.log('Stopped.');
  }
}

/** Starts one thing after the other and then waits for the end. */
async function run(options: SupervisorOptions, running: Running, signal: AbortSignal): Promise<void> {
  const { config, logger } = options;
  const progress = createProgress((text) => process.stdout.write(text), process.stdout.isTTY === true);
  const started = performance.now();
  console.log('AquaScene Content Engine');
  const server = await progress.step(
    config.database.url === undefined ? 'Starting the embedded database' : 'Connecting to the database',
    () => openDatabaseServer(config, logger),
    ({ embedded }) => (embedded?.isNew ? 'new' : ''),
  );
  if (server.embedded !== undefined) running.database = keepDatabaseRunning(server.embedded, { dataDir: config.dataDir, logger });
  signal.throwIfAborted();
  await progress.step(
    'Bringing the schema up to date',
    () => untilStopped(migrateAll(config, server.url), signal),
    (applied) => (applied.length > 0 ? `${applied.length} migrations` : ''),
  );
  const report = await progress.step(
    'Starting the processes',
    () => untilStopped(startChildren(options, server, running.children), signal),
    () => `${running.children.length}`,
  );
  if (report !== undefined) {
    const readyMs = performance.now() - started;
    try {
      printSummary(config, await finishStart(options, server.url, report, progress, signal), progress, readyMs);
    } finally {
      // Stopped before the table or not: there is no second chance to see it.
      if (report.firstKey !== undefined) console.log(`\nAPI key, shown this once only (more: aquascene keys):\n  ${report.firstKey}`);
    }
    console.log('\nCtrl-C stops everything.');
  }
  await untilStopped(new Promise(() => undefined), signal);
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

/** The work's value; throws the signal's reason as soon as the engine is told to stop. */
async function untilStopped<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  signal.throwIfAborted();
  const { promise, reject } = Promise.withResolvers<never>();
  const onAbort = () => reject(signal.reason);
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

/** @returns the report of the API's process */
async function startChildren(options: SupervisorOptions, server: DatabaseServer, children: Child[]): Promise<StartReport | undefined> {
  const { config, logger } = options;
  const environment = {
    ...options.environment,
    DATABASE_URL: server.url,
    SAMPLE: config.sample.isOn ? 'on' : 'off',
    BASE_URL: config.site.baseUrl,
  };
  const roleSets = [...(config.mail.isMailbox || config.sample.isOn ? ['mailbox'] : []), workerRoles.join(','), 'api'];
  for (const roles of roleSets) children.push(startChild(roles, environment, logger, children));
  const reports = await Promise.all(children.map((child) => child.ready()));
  return reports.find((each) => each !== undefined);
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

/** The first start walks the sample workspace through the house; every other finds what is there. */
async function finishStart(options: SupervisorOptions, databaseUrl: string, report: StartReport, progress: Progress, signal: AbortSignal) {
  const { config, logger } = options;
  if (!config.sample.isOn || report.isSampleRunDone) return report.stock;
  // Loaded when it is needed only: a supervisor that just watches stays small.
  const { runSampleOn } = await import('./sample-run.ts');
  for (;;) {
    try {
      return await runSampleOn(config, databaseUrl, progress, signal);
    } catch (error) {
      if (signal.aborted) throw error;
      logger.debug({ err: error }, 'sample run failed');
      if (!isDatabaseOutage(error)) {
        console.error(`The sample run stopped: ${messageOf(error)} It goes on from there at the next start.`);
        return report.stock;
      }
      console.error(`The sample run waits: ${messageOf(error)} It goes on from there by itself.`);
      await waitForDatabase(databaseUrl, signal);
    }
  }
}

async function waitForDatabase(url: string, signal: AbortSignal): Promise<void> {
  for (let isThere = false; !isThere; ) {
    await delay(databasePollIntervalMs, undefined, { signal });
    isThere = await checkDatabaseServer(url).then(
      () => true,
      () => false,
    );
  }
}

function printSummary(config: Config, stock: Stock, progress: Progress, readyMs: number): void {
  const steps = progress.finished().map(({ title, result, seconds }) => [title, result, `${seconds.toFixed(1)} s`]);
  console.log(`\n${formatTable(['step', 'result', 'time'], steps)}`);
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
}
