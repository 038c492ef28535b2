import { randomBytes } from 'node:crypto';
import pg from 'pg';
import { type Caches, createCaches } from '#platform/cache';
import { createDatabase, type Database } from '#platform/database';
import { createEvents, type Events } from '#platform/events';
import { createJobs, type Jobs } from '#platform/jobs';
import { createLogger, createMetrics, type Logger, type Metrics } from '#platform/telemetry';
import { type Clock, systemClock } from '#shared/clock';
import { templateDatabase, withDatabase } from './postgres-server.ts';

export type TestClock = Clock & {
  /** Stops the clock at this time. */
  set(time: Date | string): void;
  advance(milliseconds: number): void;
};

export type TestContext = {
  readonly databaseUrl: string;
  readonly database: Database;
  readonly caches: Caches;
  readonly clock: TestClock;
  readonly logger: Logger;
  readonly metrics: Metrics;
  readonly jobs: Jobs;
  readonly events: Events;
  close(): Promise<void>;
};

function createTestClock(): TestClock {
  let fixed: number | undefined;
  return {
    now: () => new Date(fixed ?? Date.now()),
    newId: systemClock.newId,
    random: Math.random,
    set: (time) => {
      fixed = new Date(time).getTime();
    },
    advance: (milliseconds) => {
      fixed = (fixed ?? Date.now()) + milliseconds;
    },
  };
}

/** A database of its own, cloned from the migrated template, with everything that stands on it. Close it in `after`. */
export async function createTestContext(): Promise<TestContext> {
  const serverUrl = process.env.TEST_DATABASE_URL;
  if (serverUrl === undefined) throw new Error('TEST_DATABASE_URL is not set: run tests with `node scripts/test.ts [file …]`.');
  const name = `test_${randomBytes(6).toString('hex')}`;
  await administer(serverUrl, `create database ${name} template ${templateDatabase}`);
  const databaseUrl = withDatabase(serverUrl, name);
  const logger = createLogger({ level: process.env.TEST_LOG_LEVEL ?? 'fatal', format: 'json', role: 'test' });
  const metrics = createMetrics('test');
  const clock = createTestClock();
  const database = createDatabase({
    url: databaseUrl,
    replicaUrls: [asReplica(databaseUrl)],
    applicationName: 'aquascene-test',
    maxConnections: 10,
    logger,
    metrics,
  });
  const caches = createCaches({ clock, logger, metrics });
  const jobs = await createJobs({ database, isSupervisor: true, logger, metrics });
  const events = createEvents({ database, clock, logger, metrics });
  return {
    databaseUrl,
    database,
    caches,
    clock,
    logger,
    metrics,
    jobs,
    events,
    async close() {
      await events.stop();
      await jobs.stop(5000);
      await caches.close();
      await database.close();
      await administer(serverUrl, `drop database ${name} with (force)`);
    },
  };
}

/** The same database by a way that refuses writes: what reads is sent the way of replicas in every test. */
function asReplica(url: string): string {
  const address = new URL(url);
  address.searchParams.set('options', '-c default_transaction_read_only=on');
  return address.toString();
}

async function administer(url: string, statement: string): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    await client.query(statement);
  } finally {
    await client.end();
  }
}
