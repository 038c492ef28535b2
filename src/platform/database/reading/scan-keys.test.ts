import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { scanKeys } from '#platform/database';
import { createRedisConnections } from '#platform/redis';
import { createLogger, createMetrics } from '#platform/telemetry';
import { reasonToSkip } from '../../../../tests/support/programs.ts';
import { redisServer, startRedis, startRedisCluster } from '../../../../tests/support/redis-servers.ts';
import { waitFor } from '../../../../tests/support/wait-for.ts';

async function connect(url: string) {
  const connections = createRedisConnections({
    url,
    name: 'scan-test',
    logger: createLogger({ level: 'fatal', format: 'json', role: 'test' }),
    metrics: createMetrics('test'),
  });
  // Until it is connected, every command fails at once.
  await waitFor('the connection', () =>
    connections.commands.ping().then(
      () => true,
      () => false,
    ),
  );
  return connections;
}

describe('scanning the keys of a Redis', { skip: reasonToSkip(redisServer) }, () => {
  test('gives every key that matches, in batches, by type on request', { timeout: 120_000 }, async () => {
    const server = await startRedis();
    const redis = await connect(server.url);
    try {
      const wanted = Array.from({ length: 2500 }, (_, index) => `aquascene:scan:${index}`).sort();
      await redis.commands.mset(...wanted.flatMap((key) => [key, 'x']));
      await redis.commands.mset('other:1', 'x', 'aquascene:scan', 'x');
      await redis.commands.hset('aquascene:scan:hash', 'a', '1');
      const batches = await Array.fromAsync(scanKeys(redis.commands, { match: 'aquascene:scan:*', type: 'string', keysPerCall: 100 }));
      assert.ok(batches.length > 10 && batches.every(({ length }) => length > 0));
      assert.deepEqual([...new Set(batches.flat())].sort(), wanted);
      assert.deepEqual((await Array.fromAsync(scanKeys(redis.commands, { match: 'aquascene:scan:*', type: 'hash' }))).flat(), [
        'aquascene:scan:hash',
      ]);
      assert.deepEqual(await Array.fromAsync(scanKeys(redis.commands, { match: 'nothing:*' })), []);
      const controller = new AbortController();
      await assert.rejects(async () => {
        for await (const _ of scanKeys(redis.commands, { match: '*', signal: controller.signal })) controller.abort(new Error('enough'));
      }, /enough/);
    } finally {
      await redis.close();
      await server.stop();
    }
  });

  test('gives the keys of every node of a Cluster once', { timeout: 180_000 }, async () => {
    const cluster = await startRedisCluster();
    const redis = await connect(cluster.url);
    try {
      const wanted = Array.from({ length: 300 }, (_, index) => `aquascene:scan:${index}`).sort();
      for (const key of wanted) await redis.commands.set(key, 'x');
      const keys = (await Array.fromAsync(scanKeys(redis.commands, { match: 'aquascene:scan:*', keysPerCall: 50 }))).flat();
      assert.deepEqual([...new Set(keys)].sort(), wanted);
      // Replicas hold the same keys: each is there once because only masters are asked.
      assert.ok(keys.length < 1.5 * wanted.length, `${keys.length} keys`);
    } finally {
      await redis.close();
      await cluster.stop();
    }
  });
});
