import { createDatabase } from '#platform/database';
import { createProcessShare, createRateLimiter, type ProcessShare, type RateLimiter, type TokenLimit } from '#platform/rate-limit';
import { createRedisConnections, type RedisConnections } from '#platform/redis';
import { createLogger, createMetrics } from '#platform/telemetry';
import { systemClock } from '#shared/clock';

/** Where the buckets are: in a Redis that all share, or in each process with its share by the database. */
export type Store = { readonly redisUrl: string; readonly processes: number } | { readonly databaseUrl: string };

/** What the scenario sends. `offeredPerSecond` undefined: as many as it can, `parallel` at a time. */
export type Order =
  | { readonly kind: 'open'; readonly store: Store }
  | {
      readonly kind: 'run';
      readonly policy: string;
      readonly limit: TokenLimit;
      readonly seconds: number;
      readonly offeredPerSecond?: number;
      readonly parallel?: number;
    }
  | { readonly kind: 'close' };

export type Report = {
  readonly decisions: number;
  readonly granted: number;
  /** Decided without Redis, for its answer being late. */
  readonly insured: number;
  /** Milliseconds of the epoch: when the first granted one was asked for, and when the last one was granted. */
  readonly firstAt: number;
  readonly lastAt: number;
  /** Of the granted ones, in milliseconds, sorted. */
  readonly latenciesMs: readonly number[];
};

export type Answer =
  | { readonly kind: 'opened' }
  | { readonly kind: 'processes'; readonly count: number }
  | ({ readonly kind: 'ran' } & Report);

type Run = Extract<Order, { kind: 'run' }>;

const tickMs = 5;
const logger = createLogger({ level: 'fatal', format: 'json', role: 'bench' });
const metrics = createMetrics('bench');
const answer = (message: Answer): void => void process.send?.(message);

async function openLimiter(store: Store): Promise<{ limiter: RateLimiter; close: () => Promise<void> }> {
  if ('redisUrl' in store) {
    const redis: RedisConnections = createRedisConnections({ url: store.redisUrl, name: 'bench', logger, metrics });
    while (redis.commands.status !== 'ready') await new Promise((resolve) => redis.commands.once('ready', resolve));
    return {
      limiter: createRateLimiter({ redis: redis.commands, processes: () => store.processes, logger, metrics }),
      close: () => redis.close(),
    };
  }
  const database = createDatabase({ url: store.databaseUrl, applicationName: 'bench', maxConnections: 1, logger, metrics });
  const share: ProcessShare = createProcessShare({ database, id: systemClock.newId(), logger, heartbeatMs: 500 });
  await share.start();
  const timer = setInterval(() => answer({ kind: 'processes', count: share.processes() }), 100);
  return {
    limiter: createRateLimiter({ processes: share.processes, logger, metrics }),
    async close() {
      clearInterval(timer);
      await share.stop();
      await database.close();
    },
  };
}

async function countInsured(): Promise<number> {
  const { values } = await metrics.counter('aquascene_rate_limit_decisions_total', '', ['driver', 'outcome']).get();
  return values.filter(({ labels }) => labels.driver === 'insurance').reduce((sum, { value }) => sum + value, 0);
}

async function measure(limiter: RateLimiter, order: Run): Promise<Report> {
  const insuredBefore = await countInsured();
  const latenciesMs: number[] = [];
  let decisions = 0;
  let firstAt = Number.POSITIVE_INFINITY;
  let lastAt = 0;
  const bucket = { subject: 'bench', policy: order.policy, limit: order.limit };

  async function takeOne(): Promise<void> {
    const askedAt = Date.now();
    const started = performance.now();
    const { kind } = await limiter.take([bucket]);
    decisions += 1;
    if (kind === 'refused') return;
    latenciesMs.push(performance.now() - started);
    firstAt = Math.min(firstAt, askedAt);
    lastAt = Math.max(lastAt, Date.now());
  }

  const { offeredPerSecond, parallel = 1 } = order;
  const startedAt = performance.now();
  const elapsedMs = () => performance.now() - startedAt;
  if (offeredPerSecond === undefined) {
    const loop = async () => {
      while (elapsedMs() < order.seconds * 1000) await takeOne();
    };
    await Promise.all(Array.from({ length: parallel }, loop));
  } else {
    const open: Promise<void>[] = [];
    let sent = 0;
    while (elapsedMs() < order.seconds * 1000) {
      for (const due = (elapsedMs() / 1000) * offeredPerSecond; sent < due; sent += 1) open.push(takeOne());
      await new Promise((resolve) => setTimeout(resolve, tickMs));
    }
    await Promise.all(open);
  }
  const insured = (await countInsured()) - insuredBefore;
  return { decisions, insured, granted: latenciesMs.length, firstAt, lastAt, latenciesMs: latenciesMs.sort((a, b) => a - b) };
}

let opened: Awaited<ReturnType<typeof openLimiter>> | undefined;

async function follow(order: Order): Promise<void> {
  if (order.kind === 'open') {
    opened = await openLimiter(order.store);
    answer({ kind: 'opened' });
  } else if (order.kind === 'close') {
    await opened?.close();
    process.disconnect();
  } else if (opened !== undefined) {
    answer({ kind: 'ran', ...(await measure(opened.limiter, order)) });
  }
}

process.on('message', (order: Order) => void follow(order));
