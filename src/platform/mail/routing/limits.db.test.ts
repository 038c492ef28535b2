import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { createRedisConnections } from '#platform/redis';
import { parseTransports } from '#shared/mail-transports';
import { measureLimitedSending } from '../../../../tests/support/limited-sending.ts';
import { reasonToSkip } from '../../../../tests/support/programs.ts';
import { redisServer, startRedis } from '../../../../tests/support/redis-servers.ts';
import { createTestContext, type TestContext } from '../../../../tests/support/test-context.ts';
import { createSmtpTransport } from '../smtp-transport.ts';
import { createMailRouter } from './mail-router.ts';

let t: TestContext;
before(async () => {
  t = await createTestContext();
});
after(() => t.close());

test('four processes keep a transport’s limit together, in every second that slides over the server’s time', async () => {
  const result = await measureLimitedSending({
    store: { databaseUrl: t.databaseUrl },
    limitPerSecond: 40,
    kind: 'transport',
    messages: 90,
    seconds: 60,
  });
  assert.equal(result.overshoot, 0, JSON.stringify(result));
  assert.ok(result.accepted >= 90, JSON.stringify(result));
});

describe('with Redis', { skip: reasonToSkip(redisServer) }, () => {
  test('without Redis a process gives its share of a limit, and no more', async () => {
    const lost = await startRedis();
    const redisOfRouter = createRedisConnections({
      url: lost.url,
      name: 'test',
      logger: t.logger,
      metrics: t.metrics,
      commandTimeoutMs: 500,
    });
    await lost.stop();
    const router = createMailRouter({
      transports: parseTransports('smtp://127.0.0.1:9?per-hour=400').transports,
      hostLimits: new Map(),
      open: ({ url }) => createSmtpTransport({ url, logger: t.logger, metrics: t.metrics }),
      ...{ database: t.database, redis: redisOfRouter.commands, clock: t.clock, logger: t.logger, metrics: t.metrics },
    });
    try {
      const requests = Array.from({ length: 400 }, () => ({ host: 'reader.example' }));
      const permits = [...(await router.reserve(requests)), ...(await router.reserve(requests))].filter(({ kind }) => kind === 'permit');
      assert.equal(permits.length, 100, 'a quarter: as if there were four');
    } finally {
      await router.close();
      await redisOfRouter.close();
    }
  });
});
