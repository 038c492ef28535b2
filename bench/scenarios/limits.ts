import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { loadConfig } from '#app/config';
import { migrateAll } from '#app/database-server';
import { startEmbeddedPostgres } from '#platform/database';
import { createLogger } from '#platform/telemetry';
import { startRedis } from '../../tests/support/redis-servers.ts';
import { waitFor } from '../../tests/support/wait-for.ts';
import type { BenchResult } from '../bench.ts';
import type { Answer, Order, Report, Store } from '../limits/limit-worker.ts';

const processes = 8;
const limit = { ratePerSecond: 1000, burst: 100 };
const unlimited = { ratePerSecond: 1e6, burst: 1e6 };
/** Three times what is granted. */
const offeredPerSecond = 3000;
const seconds = 60;
const sharedSeconds = 5;
const fullSpeedSeconds = 3;
const fullSpeedParallel = 8;
const workerFile = path.resolve(import.meta.dirname, '../limits/limit-worker.ts');

type Measured = {
  readonly decisions: number;
  readonly granted: number;
  readonly insured: number;
  readonly seconds: number;
  /** Granted, against the burst and what the rate gives over the time from the first to the last. */
  readonly toLimit: number;
  readonly p99Ms: number;
};

const round = (value: number, digits = 4): number => Math.round(value * 10 ** digits) / 10 ** digits;

class Workers {
  readonly #children: ChildProcess[];
  readonly #processCounts = new Map<ChildProcess, number>();

  constructor() {
    this.#children = Array.from({ length: processes }, () => fork(workerFile, { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] }));
    for (const child of this.#children) {
      child.on('message', (answer: Answer) => {
        if (answer.kind === 'processes') this.#processCounts.set(child, answer.count);
      });
    }
  }

  /** Each one's answer of this kind to the order. */
  #send<K extends Answer['kind']>(order: Order, kind: K): Promise<Extract<Answer, { kind: K }>[]> {
    return Promise.all(
      this.#children.map((child) => {
        const { promise, resolve, reject } = Promise.withResolvers<Extract<Answer, { kind: K }>>();
        const onMessage = (answer: Answer) => {
          if (answer.kind === kind) settle(() => resolve(answer as Extract<Answer, { kind: K }>));
        };
        const onExit = () => settle(() => reject(new Error('A worker ended.')));
        const settle = (finish: () => void) => {
          child.off('message', onMessage).off('exit', onExit);
          finish();
        };
        child.on('message', onMessage).once('exit', onExit);
        child.send(order);
        return promise;
      }),
    );
  }

  async open(store: Store): Promise<void> {
    await this.#send({ kind: 'open', store }, 'opened');
    if ('databaseUrl' in store) {
      await waitFor('all to count all', () => this.#children.every((child) => this.#processCounts.get(child) === processes));
    }
  }

  async run(order: Omit<Extract<Order, { kind: 'run' }>, 'kind'>): Promise<Measured> {
    return summarize(await this.#send({ kind: 'run', ...order }, 'ran'), order.limit);
  }

  async close(): Promise<void> {
    await Promise.all(
      this.#children.map(async (child) => {
        if (child.exitCode !== null || child.signalCode !== null) return;
        const exited = once(child, 'exit');
        const timer = setTimeout(() => child.kill('SIGKILL'), 5000);
        if (child.connected) child.send({ kind: 'close' } satisfies Order);
        await exited;
        clearTimeout(timer);
      }),
    );
  }
}

function summarize(reports: readonly Report[], { ratePerSecond, burst }: typeof limit): Measured {
  const granted = reports.reduce((sum, report) => sum + report.granted, 0);
  const window = (Math.max(...reports.map(({ lastAt }) => lastAt)) - Math.min(...reports.map(({ firstAt }) => firstAt))) / 1000;
  const latencies = reports.flatMap(({ latenciesMs }) => latenciesMs).sort((a, b) => a - b);
  return {
    decisions: reports.reduce((sum, report) => sum + report.decisions, 0),
    granted,
    insured: reports.reduce((sum, report) => sum + report.insured, 0),
    seconds: window,
    toLimit: granted / (burst + ratePerSecond * window),
    p99Ms: latencies[Math.floor(latencies.length * 0.99)] ?? 0,
  };
}

async function withWorkers<T>(store: Store, work: (workers: Workers) => Promise<T>): Promise<T> {
  const workers = new Workers();
  try {
    await workers.open(store);
    return await work(workers);
  } finally {
    await workers.close();
  }
}

async function measureRedis(): Promise<{ readonly limited: Measured; readonly fullSpeed: Measured }> {
  const redis = await startRedis();
  try {
    return await withWorkers({ redisUrl: redis.url, processes }, async (workers) => {
      const order = { offeredPerSecond: offeredPerSecond / processes, seconds };
      const limited = await workers.run({ policy: 'limited', limit, ...order });
      const fullSpeed = await workers.run({
        policy: 'unlimited',
        limit: unlimited,
        parallel: fullSpeedParallel,
        seconds: fullSpeedSeconds,
      });
      return { limited, fullSpeed };
    });
  } finally {
    await redis.stop();
  }
}

async function measureShares(): Promise<Measured> {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'aquascene-bench-'));
  chmodSync(folder, 0o755);
  const postgres = await startEmbeddedPostgres({
    dataDir: folder,
    logger: createLogger({ level: 'warn', format: 'json', role: 'bench' }),
  });
  try {
    await migrateAll(loadConfig({}), postgres.url);
    return await withWorkers({ databaseUrl: postgres.url }, (workers) =>
      workers.run({ policy: 'limited', limit, offeredPerSecond: offeredPerSecond / processes, seconds: sharedSeconds }),
    );
  } finally {
    await postgres.stop();
    rmSync(folder, { recursive: true, force: true });
    if (!postgres.folder.startsWith(folder)) rmSync(path.dirname(postgres.folder), { recursive: true, force: true });
  }
}

/**
 * Eight processes take from one bucket of 1,000 tokens a second for a minute, three times as often as it gives: through Redis;
 * then as fast as they can, for the price of a decision; then without Redis, each with its share.
 */
export async function run(): Promise<BenchResult> {
  const { limited, fullSpeed } = await measureRedis();
  const shared = await measureShares();
  const overshoot = (measured: Measured) => round(Math.max(0, measured.toLimit - 1) * 100);
  const undershoot = (measured: Measured) => round(Math.max(0, 1 - measured.toLimit) * 100);
  return {
    bench: 'limits',
    ratios: { redis_granted_to_limit: round(limited.toLimit), shares_granted_to_limit: round(shared.toLimit) },
    figures: {
      processes,
      redis_seconds: round(limited.seconds, 1),
      redis_granted: limited.granted,
      redis_decisions: limited.decisions,
      decided_without_redis: limited.insured,
      redis_undershoot_percent: undershoot(limited),
      redis_p99_ms: round(limited.p99Ms, 2),
      redis_full_speed_decisions_per_s: Math.round(fullSpeed.decisions / fullSpeed.seconds),
      redis_full_speed_p99_ms: round(fullSpeed.p99Ms, 2),
      shares_granted: shared.granted,
      shares_overshoot_percent: overshoot(shared),
      shares_undershoot_percent: undershoot(shared),
      shares_p99_ms: round(shared.p99Ms, 3),
    },
    bars: [{ name: 'overshoot, %', want: '≤ 1', got: overshoot(limited), ok: overshoot(limited) <= 1 }],
  };
}
