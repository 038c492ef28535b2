import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { createDatabase, type Database, migrate, sql, startEmbeddedPostgres } from '#platform/database';
import { createEvents, type EventDriver, type Events, type Subscription } from '#platform/events';
import { createRedisConnections } from '#platform/redis';
import { createLogger, createMetrics } from '#platform/telemetry';
import { systemClock } from '#shared/clock';
import { startRedis } from '../../tests/support/redis-servers.ts';
import { waitFor } from '../../tests/support/wait-for.ts';
import type { BenchResult } from '../bench.ts';

const burst = 10_000;
const aggregates = 500;
const warmUpEvents = 100;
const steadyEvents = 500;
const steadyPerSecond = 100;
const giveUpAfterMs = 60_000;

type Figures = { readonly perSecond: number; readonly p50Ms: number; readonly p99Ms: number };

const round = (value: number): number => Math.round(value * 100) / 100;

function percentile(values: readonly number[], share: number): number {
  return [...values].sort((a, b) => a - b)[Math.min(values.length - 1, Math.floor(values.length * share))] ?? 0;
}

/** Writes a row for each event, as handlers do, and tells when it has committed. */
function noting(subscriber: string, type: string, onCommit: (value: number) => void): Subscription {
  return {
    subscriber,
    types: [type],
    async handle({ id, payload }, tx) {
      await tx.execute('bench.note', sql`insert into bench_notes (event_id, subscriber) values (${id}, ${subscriber})`);
      tx.afterCommit(() => onCommit('value' in payload ? Number(payload.value) : 0));
    },
  };
}

/** As many at once as one transaction publishes: from its commit to the last handler's, in events a second. */
async function measureThroughput(database: Database, events: Events, name: string): Promise<number> {
  const type = `${name}.burst`;
  let count = 0;
  await events.subscribe([
    noting(`${name}.throughput`, type, () => {
      count += 1;
    }),
  ]);
  await database.transaction(async (tx) => {
    for (let value = 0; value < burst; value += 1) {
      await events.publish(tx, { type, aggregateId: `aggregate-${value % aggregates}`, payload: { value } });
    }
  });
  const started = performance.now();
  await waitFor('the burst to be handled', () => count >= burst, giveUpAfterMs);
  return count / ((performance.now() - started) / 1000);
}

/** From the publisher's commit to the handler's, in ms, at a steady pace that leaves time to spare. */
async function measureLatency(database: Database, events: Events, name: string): Promise<number[]> {
  const type = `${name}.steady`;
  const committedAt = new Map<number, number>();
  const latencies: number[] = [];
  await events.subscribe([
    noting(`${name}.latency`, type, (value) => latencies.push(performance.now() - (committedAt.get(value) ?? performance.now()))),
  ]);
  const publishAt = async (value: number) => {
    await database.transaction(async (tx) => {
      await events.publish(tx, { type, aggregateId: `aggregate-${value % aggregates}`, payload: { value } });
      // Before the commit: what is measured holds the commit itself too, and is never too little.
      committedAt.set(value, performance.now());
    });
  };
  // A subscriber that is new reads past all that was before.
  for (let value = 0; value < warmUpEvents; value += 1) await publishAt(value);
  await waitFor('the beginning', () => latencies.length >= warmUpEvents, giveUpAfterMs);
  latencies.length = 0;
  const started = performance.now();
  for (let value = 0; value < steadyEvents; value += 1) {
    await publishAt(value);
    await delay(Math.max(0, started + ((value + 1) * 1000) / steadyPerSecond - performance.now()));
  }
  await waitFor('the last event', () => latencies.length >= steadyEvents, giveUpAfterMs);
  return latencies;
}

async function measure(database: Database, events: Events, name: EventDriver): Promise<Figures> {
  const perSecond = await measureThroughput(database, events, name);
  const latencies = await measureLatency(database, events, name);
  await events.stop();
  return { perSecond: round(perSecond), p50Ms: round(percentile(latencies, 0.5)), p99Ms: round(percentile(latencies, 0.99)) };
}

/** 10,000 events at once, then 100 a second for 5 s, by one process; first over PostgreSQL, then over Redis Streams. */
export async function run(): Promise<BenchResult> {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'aquascene-bench-'));
  chmodSync(folder, 0o755);
  const logger = createLogger({ level: 'warn', format: 'json', role: 'bench' });
  const metrics = createMetrics('bench');
  const closers: (() => Promise<unknown>)[] = [];
  try {
    const postgres = await startEmbeddedPostgres({ dataDir: folder, logger });
    closers.push(async () => {
      await postgres.stop();
      if (!postgres.folder.startsWith(folder)) rmSync(path.dirname(postgres.folder), { recursive: true, force: true });
    });
    await migrate(postgres.url, path.resolve(import.meta.dirname, '../../migrations'));
    const redisServer = await startRedis();
    closers.push(() => redisServer.stop());
    const redis = createRedisConnections({ url: redisServer.url, name: 'bench', logger, metrics });
    closers.push(() => redis.close());
    const database = createDatabase({
      url: postgres.url,
      applicationName: 'aquascene-bench',
      maxConnections: 10,
      connectTimeoutMs: 10_000,
      statementTimeoutMs: 60_000,
      lockTimeoutMs: 10_000,
      idleInTransactionTimeoutMs: 60_000,
      logger,
      metrics,
    });
    closers.push(() => database.close());
    await database.execute(
      'bench.notes',
      sql`create table bench_notes (event_id uuid, subscriber text, primary key (subscriber, event_id))`,
    );
    const dependencies = { database, clock: systemClock, logger, metrics };
    const overPostgres = await measure(database, createEvents(dependencies), 'postgres');
    const overRedis = await measure(database, createEvents({ ...dependencies, driver: 'redis', redis }), 'redis');
    return {
      bench: 'events',
      ratios: {
        redis_to_postgres_per_s: round(overRedis.perSecond / overPostgres.perSecond),
        redis_to_postgres_p50: round(overRedis.p50Ms / overPostgres.p50Ms),
      },
      figures: {
        events: burst,
        postgres_per_s: overPostgres.perSecond,
        postgres_p50_ms: overPostgres.p50Ms,
        postgres_p99_ms: overPostgres.p99Ms,
        redis_per_s: overRedis.perSecond,
        redis_p50_ms: overRedis.p50Ms,
        redis_p99_ms: overRedis.p99Ms,
      },
      bars: [],
    };
  } finally {
    for (const close of closers.reverse()) await close();
    rmSync(folder, { recursive: true, force: true });
  }
}
