import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { createRedisConnections, type RedisConnections } from '#platform/redis';
import { reasonToSkip } from '../../../../tests/support/programs.ts';
import { type RedisServers, redisServer, startRedis, startRedisCluster } from '../../../../tests/support/redis-servers.ts';
import { createTestContext, type TestContext } from '../../../../tests/support/test-context.ts';
import { waitFor } from '../../../../tests/support/wait-for.ts';
import { createPostgresLimitStore } from './postgres-limit-store.ts';
import { createRedisLimitStore } from './redis-limit-store.ts';
import { testLimitStore } from './testing/limit-store-contract.ts';

let t: TestContext;
before(async () => {
  t = await createTestContext();
});
after(() => t.close());

describe('limits in PostgreSQL', () => {
  testLimitStore(() => createPostgresLimitStore(t.database));
});

for (const [what, start] of [
  ['one Redis', async (): Promise<Pick<RedisServers, 'url' | 'stop'>> => startRedis()],
  ['a Redis Cluster', startRedisCluster],
] as const) {
  describe(`limits in ${what}`, { skip: reasonToSkip(redisServer) }, () => {
    let servers: Pick<RedisServers, 'url' | 'stop'>;
    let redis: RedisConnections;
    before(async () => {
      servers = await start();
      redis = createRedisConnections({ url: servers.url, name: 'test', logger: t.logger, metrics: t.metrics, commandTimeoutMs: 30_000 });
      await waitFor('Redis', () =>
        redis.ping().then(
          () => true,
          () => false,
        ),
      );
    });
    after(async () => {
      await redis.close();
      await servers.stop();
    });
    testLimitStore(() => createRedisLimitStore(redis.commands));

    test('a text is forgotten when its time has come', async () => {
      const store = createRedisLimitStore(redis.commands);
      await store.write([{ key: 'test:short', version: 0, text: 'x', keptMs: 1 }]);
      await waitFor('the text to go', async () => (await store.read(['test:short'])).get('test:short')?.version === 0);
    });
  });
}

test('texts that expired are swept out of PostgreSQL by whoever writes', async () => {
  const store = createPostgresLimitStore(t.database, { sweepEveryMs: 0 });
  await store.write([{ key: 'test:expired', version: 0, text: 'x', keptMs: -1000 }]);
  await store.write([{ key: 'test:other', version: 0, text: 'x', keptMs: 600_000 }]);
  const found = await store.read(['test:expired', 'test:other']);
  assert.deepEqual(
    [...found.values()].map(({ version }) => version),
    [0, 1],
  );
});
