import { createRedisConnections, type RedisConnections } from '#platform/redis';
import { createLogger, createMetrics } from '#platform/telemetry';
import { type Clock, systemClock } from '#shared/clock';
import type { RedisTuning } from '../cache-settings.ts';
import { type Caches, type CachesOptions, createCaches } from '../caches.ts';

export type TestProcess = { readonly caches: Caches; readonly redis: RedisConnections | undefined; close(): Promise<void> };

const logger = createLogger({ level: 'fatal', format: 'json', role: 'test' });

/** So patient that no slow machine looks like an outage. */
export const patientTuning: Partial<RedisTuning> = { readBudgetMs: 30_000, writeBudgetMs: 30_000, checkIntervalMs: 200, lockMs: 30_000 };

/** Everything that one process has; several of them in one test are several processes to one another. */
export async function startTestProcess(
  options: Partial<CachesOptions> & { readonly url?: string | undefined; readonly commandTimeoutMs?: number } = {},
): Promise<TestProcess> {
  const { url, commandTimeoutMs = 30_000, ...rest } = options;
  const metrics = createMetrics('test');
  const redis = url === undefined ? undefined : createRedisConnections({ url, name: 'test', logger, metrics, commandTimeoutMs });
  const caches = createCaches({
    ...{ clock: systemClock, logger, metrics, tuning: patientTuning, settings: { content: { ttlJitter: 0, eagerFraction: 1 } } },
    ...(redis !== undefined && { redis }),
    ...rest,
  });
  await caches.ready();
  return {
    caches,
    redis,
    async close() {
      await caches.close();
      await redis?.close();
    },
  };
}

/** A clock that stands still until it is moved. */
export function createManualClock(): Clock & { advance(ms: number): void } {
  let time = Date.UTC(2026, 0, 1);
  return { ...systemClock, now: () => new Date(time), advance: (ms) => void (time += ms) };
}
