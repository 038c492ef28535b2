import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { createRedisConnections, type RedisConnections } from '#platform/redis';
import { createLogger, createMetrics } from '#platform/telemetry';
import { reasonToSkip } from '../../../tests/support/programs.ts';
import { type RedisNode, type RedisServers, redisServer, startRedis, startRedisCluster } from '../../../tests/support/redis-servers.ts';
import { waitFor } from '../../../tests/support/wait-for.ts';
import { createRedisRateLimiter } from './redis-rate-limiter.ts';
import { bucketOf, testRateLimiter } from './testing/rate-limit-contract.ts';

const skip = reasonToSkip(redisServer);
const logger = createLogger({ level: 'fatal', format: 'json', role: 'test' });
const commandTimeoutMs = 30_000;

async function connect(url: string): Promise<RedisConnections> {
  const connections = createRedisConnections({ url, name: 'test', logger, metrics: createMetrics('test'), commandTimeoutMs });
  await waitFor('Redis', () =>
    connections.ping().then(
      () => true,
      () => false,
    ),
  );
  return connections;
}

describe('buckets in one Redis', { skip }, () => {
  let redis: RedisNode;
  let connections: RedisConnections;
  before(async () => {
    redis = await startRedis();
    connections = await connect(redis.url);
  });
  after(async () => {
    await connections.close();
    await redis.stop();
  });
  const makeLimiter = () => createRedisRateLimiter({ redis: connections.commands });

  testRateLimiter(makeLimiter);

  test('a bucket that is full again leaves nothing behind', async () => {
    const bucket = bucketOf({ ratePerSecond: 100, burst: 3 });
    await makeLimiter().take([bucket]);
    await waitFor('the key to expire', async () => (await connections.commands.keys(`*${bucket.subject}*`)).length === 0);
  });

  test('the script is sent again when Redis has lost it', async () => {
    const limiter = makeLimiter();
    const bucket = bucketOf({ ratePerSecond: 1 / 3600, burst: 3 });
    await limiter.take([bucket]);
    await connections.commands.script('FLUSH');
    const decision = await limiter.take([bucket]);
    assert.equal(decision.kind === 'allowed' && decision.tightest.remaining, 1);
  });

  test('a time that lies too far ahead, as after a failover to a server with another clock, costs no more than a bucket that owes all it holds', async () => {
    const bucket = bucketOf({ ratePerSecond: 100, burst: 1 });
    await connections.commands.set(`aquascene:limit:{${bucket.subject}}:test`, '9e15');
    const decision = await makeLimiter().take([bucket]);
    assert.ok(decision.kind === 'refused' && decision.retryAfterMs <= 20, JSON.stringify(decision));
  });

  test('a bucket that was found empty is known to be so for as long as Redis said, and no longer', async () => {
    let timeMs = 0;
    const limiter = createRedisRateLimiter({ redis: connections.commands, now: () => timeMs });
    const bucket = bucketOf({ ratePerSecond: 1 / 3600, burst: 1 });
    await limiter.take([bucket]);
    const first = await limiter.take([bucket]);
    assert.ok(first.kind === 'refused');
    timeMs = first.retryAfterMs - 1;
    const known = limiter.findKnown([bucketOf({ ratePerSecond: 1, burst: 1 }), bucket]);
    assert.equal(known?.kind === 'refused' && Math.round(known.retryAfterMs), 1);
    timeMs = first.retryAfterMs;
    assert.equal(limiter.findKnown([bucket]), undefined);
  });

  test('tokens that were granted without Redis are taken from its buckets later, also beyond what they hold', async () => {
    const limiter = makeLimiter();
    const bucket = bucketOf({ ratePerSecond: 1 / 3600, burst: 5 });
    for (let count = 0; count < 2; count += 1) limiter.owe([bucket], 1);
    const decision = await limiter.take([bucket]);
    assert.equal(decision.kind === 'allowed' && decision.tightest.remaining, 2);
    limiter.owe([bucket], -1);
    const next = await limiter.take([bucket]);
    assert.equal(next.kind === 'allowed' && next.tightest.remaining, 2, 'one was given back');
    for (let count = 0; count < 3; count += 1) limiter.owe([bucket], 1);
    const refused = await limiter.take([bucket]);
    const hours = refused.kind === 'refused' ? refused.retryAfterMs / 3_600_000 : 0;
    assert.ok(hours > 1 && hours <= 2, `one token short, it takes between one hour and two: ${hours}`);
    for (let count = 0; count < 100; count += 1) limiter.owe([bucket], 1);
    const most = await limiter.take([bucket]);
    assert.ok(most.kind === 'refused' && most.retryAfterMs <= 6 * 3_600_000, 'it owes no more than it holds');
  });

  test('an answer that is none of ours rejects', async () => {
    const bucket = bucketOf({ ratePerSecond: 1, burst: 1 });
    await connections.commands.set(`aquascene:limit:{${bucket.subject}}:test`, 'nonsense');
    await assert.rejects(makeLimiter().take([bucket]));
  });
});

describe('buckets in a Redis Cluster', { skip }, () => {
  let cluster: RedisServers;
  let connections: RedisConnections;
  before(async () => {
    cluster = await startRedisCluster();
    connections = await connect(cluster.url);
  });
  after(async () => {
    await connections.close();
    await cluster.stop();
  });
  testRateLimiter(() => createRedisRateLimiter({ redis: connections.commands }));
});
