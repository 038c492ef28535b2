import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { createRedisConnections, type RedisConnections } from '#platform/redis';
import { createLogger, createMetrics, type Metrics } from '#platform/telemetry';
import { reasonToSkip } from '../../../tests/support/programs.ts';
import { type RedisNode, redisServer, startRedis } from '../../../tests/support/redis-servers.ts';
import { startTcpProxy, type TcpProxy } from '../../../tests/support/tcp-proxy.ts';
import { waitFor } from '../../../tests/support/wait-for.ts';
import { createRateLimiter } from './insured-rate-limiter.ts';
import type { RateLimiter } from './rate-limiter.ts';
import { bucketOf, countAllowed, testRateLimiter } from './testing/rate-limit-contract.ts';

const logger = createLogger({ level: 'fatal', format: 'json', role: 'test' });

describe('without Redis', () => {
  const limiter = createRateLimiter({ logger, metrics: createMetrics('test') });
  testRateLimiter(() => limiter);
});

describe('with a Redis behind a bad line', { skip: reasonToSkip(redisServer) }, () => {
  let redis: RedisNode;
  let proxy: TcpProxy;
  let connections: RedisConnections;
  let metrics: Metrics;
  let limiter: RateLimiter;
  before(async () => {
    redis = await startRedis();
    proxy = await startTcpProxy({ targetPort: redis.port });
    metrics = createMetrics('test');
    connections = createRedisConnections({ url: `redis://127.0.0.1:${proxy.port}`, name: 'test', logger, metrics });
    // A loaded machine may take long to answer: only what the tests themselves do to the line makes Redis late here.
    limiter = createRateLimiter({ redis: connections.commands, logger, metrics, budgetMs: 500, processes: () => 2 });
    await waitFor('decisions by Redis', async () => (await deciderOf(bucketOf({ ratePerSecond: 1, burst: 5 }))) === 'redis');
  });
  after(async () => {
    await connections.close();
    await proxy.close();
    await redis.stop();
  });

  async function decisionsBy(driver: string): Promise<number> {
    const { values } = await metrics.counter('aquascene_rate_limit_decisions_total', '').get();
    return values.filter(({ labels }) => labels.driver === driver).reduce((sum, { value }) => sum + value, 0);
  }

  async function deciderOf(bucket: ReturnType<typeof bucketOf>): Promise<string> {
    const before = await decisionsBy('redis');
    await limiter.take([bucket]);
    return (await decisionsBy('redis')) > before ? 'redis' : 'insurance';
  }

  test('the limits are those of all processes together', async () => {
    const bucket = bucketOf({ ratePerSecond: 1 / 3600, burst: 20 });
    const decisions = await Promise.all(Array.from({ length: 30 }, () => limiter.take([bucket])));
    assert.equal(countAllowed(decisions), 20);
  });

  for (const mode of ['silent', 'cut'] as const) {
    test(`${mode}: the process decides with its share; afterwards Redis decides again`, async () => {
      proxy.set(mode);
      const bucket = bucketOf({ ratePerSecond: 1 / 3600, burst: 20 });
      const decisions = await Promise.all(Array.from({ length: 30 }, () => limiter.take([bucket])));
      assert.equal(countAllowed(decisions), 10);
      proxy.set('open');
      await waitFor('decisions by Redis', async () => (await deciderOf(bucketOf({ ratePerSecond: 1, burst: 5 }))) === 'redis');
    });
  }

  test('what Redis granted is not granted once more when Redis is gone', async () => {
    const bucket = bucketOf({ ratePerSecond: 1 / 3600, burst: 20 });
    for (let count = 0; count < 9; count += 1) assert.equal((await limiter.take([bucket])).kind, 'allowed');
    proxy.set('cut');
    const decisions = await Promise.all(Array.from({ length: 5 }, () => limiter.take([bucket])));
    assert.equal(countAllowed(decisions), 1, 'of its half of the burst one is left');
    proxy.set('open');
    await waitFor('decisions by Redis', async () => (await deciderOf(bucketOf({ ratePerSecond: 1, burst: 5 }))) === 'redis');
  });

  test('callers who are refused without asking Redis do not hide that it is gone', async () => {
    const empty = bucketOf({ ratePerSecond: 1 / 3600, burst: 1 });
    for (let count = 0; count < 2; count += 1) await limiter.take([empty]);
    proxy.set('cut');
    for (let count = 0; count < 3; count += 1) {
      assert.equal((await limiter.take([bucketOf({ ratePerSecond: 1, burst: 5 })])).kind, 'allowed');
      assert.equal((await limiter.take([empty])).kind, 'refused');
    }
    const { values } = await metrics.gauge('aquascene_rate_limit_insured', '').get();
    assert.equal(values[0]?.value, 1);
    proxy.set('open');
  });
});
