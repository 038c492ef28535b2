/** A process of its own that asks a cache for one key, many times at once; its parent tells it when. */
import { setTimeout as delay } from 'node:timers/promises';
import { createRedisConnections } from '#platform/redis';
import { createLogger, createMetrics } from '#platform/telemetry';
import { systemClock } from '#shared/clock';
import { createCaches } from '../caches.ts';

export type CallOrder = {
  readonly url: string;
  readonly key: string;
  readonly callers: number;
  /** Under this key Redis counts the factory's calls. */
  readonly counter: string;
  /** How long the factory takes; never, when it is to die with its process. */
  readonly factoryMs: number | 'never';
  readonly lockMs: number;
};

export type CallReport =
  | { readonly kind: 'ready' }
  | { readonly kind: 'calling' }
  | { readonly kind: 'done'; readonly values: readonly number[] };

const order = JSON.parse(process.argv[2] ?? '{}') as CallOrder;
const logger = createLogger({ level: 'fatal', format: 'json', role: 'test' });
const metrics = createMetrics('test');
// Slow machines must not make it look as if Redis were gone.
const patient = { readBudgetMs: 30_000, writeBudgetMs: 30_000, lockMs: order.lockMs };
const redis = createRedisConnections({ url: order.url, name: 'caller', logger, metrics, commandTimeoutMs: 30_000 });
const caches = createCaches({ redis, clock: systemClock, logger, metrics, tuning: patient });
const report = (message: CallReport) => process.send?.(message);

async function factory(): Promise<number> {
  const count = await redis.commands.incr(order.counter);
  report({ kind: 'calling' });
  await (order.factoryMs === 'never' ? new Promise(() => undefined) : delay(order.factoryMs));
  return count;
}

process.on('message', () => {
  const cache = caches.named('content');
  const calls = Array.from({ length: order.callers }, () => cache.getOrSet(order.key, factory, { hardTimeoutMs: 60_000 }));
  Promise.all(calls)
    .then(async (values) => {
      report({ kind: 'done', values: [...new Set(values)] });
      await caches.close();
      await redis.close();
      process.disconnect();
    })
    .catch((error: unknown) => {
      process.exitCode = 1;
      throw error;
    });
});
while (caches.named('content').figures().redis?.state !== 'ready') await delay(5);
report({ kind: 'ready' });
