import assert from 'node:assert/strict';
import { after, describe, test } from 'node:test';
import { createLogger, createMetrics } from '#platform/telemetry';
import { reasonToSkip } from '../../../tests/support/programs.ts';
import { redisServer, startRedis, startRedisCluster, startRedisSentinel } from '../../../tests/support/redis-servers.ts';
import { startTcpProxy } from '../../../tests/support/tcp-proxy.ts';
import { waitFor } from '../../../tests/support/wait-for.ts';
import { createRedisConnections, type RedisConnections } from './redis-connections.ts';

const logger = createLogger({ level: 'fatal', format: 'json', role: 'test' });
const skip = reasonToSkip(redisServer);
const closers: (() => Promise<void>)[] = [];
after(async () => {
  for (const close of closers.reverse()) await close();
});

function connect(url: string, commandTimeoutMs = 30_000): RedisConnections {
  const connections = createRedisConnections({ url, name: 'test', logger, metrics: createMetrics('test'), commandTimeoutMs });
  closers.push(() => connections.close());
  return connections;
}

const answers = (connections: RedisConnections) => () =>
  connections.ping().then(
    () => true,
    () => false,
  );

/** The connection is up, a value comes back, and a subscription hears what is published. */
async function assertWorks(connections: RedisConnections): Promise<void> {
  await waitFor('Redis', answers(connections));
  const { commands } = connections;
  await commands.set('aquascene:test', 'value');
  assert.equal(await commands.get('aquascene:test'), 'value');
  const subscriber = connections.open('subscriber');
  const heard: string[] = [];
  subscriber.on('message', (_channel: string, message: string) => void heard.push(message));
  await subscriber.subscribe('aquascene:news');
  await waitFor('the message', async () => {
    await commands.publish('aquascene:news', 'hello');
    return heard.length > 0;
  });
  assert.equal(heard[0], 'hello');
}

describe('a single server', { skip }, () => {
  test('takes commands and subscriptions; when it is killed, commands fail at once, and all is well after its restart', async () => {
    const redis = await startRedis();
    closers.push(() => redis.stop());
    const connections = connect(redis.url);
    assert.match(await connections.version(60_000), /^\d+\.\d+/);
    await assertWorks(connections);
    await redis.kill();
    await waitFor('the outage to be noticed', async () => !(await answers(connections)()));
    await assert.rejects(connections.commands.get('x'));
    await redis.start();
    await assertWorks(connections);
  });

  test('that accepts and never answers: a command is given up after its time', async () => {
    const redis = await startRedis();
    closers.push(() => redis.stop());
    const proxy = await startTcpProxy({ targetPort: redis.port });
    closers.push(() => proxy.close());
    const connections = connect(`redis://127.0.0.1:${proxy.port}`, 200);
    await waitFor('Redis', answers(connections));
    proxy.set('silent');
    await assert.rejects(connections.ping(), /timed out/);
    proxy.set('open');
    await waitFor('Redis again', answers(connections));
  });

  test('that is down when the program starts is found when it comes', async () => {
    const redis = await startRedis();
    closers.push(() => redis.stop());
    await redis.kill();
    const connections = connect(redis.url);
    await assert.rejects(connections.ping());
    await assert.rejects(connections.version(10), { code: 'redis_unavailable' });
    await redis.start();
    await waitFor('Redis', answers(connections));
  });
});

test('a cluster of three takes commands for every slot, also while one of its primaries is gone', { skip }, async () => {
  const cluster = await startRedisCluster();
  closers.push(() => cluster.stop());
  const connections = connect(cluster.url);
  await assertWorks(connections);
  const keys = Array.from({ length: 30 }, (_, index) => `aquascene:slot:${index}`);
  const writeAll = () => Promise.all(keys.map((key) => connections.commands.set(key, 'x')));
  await writeAll();
  await cluster.nodes[0]?.kill();
  await waitFor('a replica to take over', () =>
    writeAll().then(
      () => true,
      () => false,
    ),
  );
});

test('sentinels lead to the new primary when the old one is gone', { skip }, async () => {
  const servers = await startRedisSentinel();
  closers.push(() => servers.stop());
  const connections = connect(servers.url);
  await assertWorks(connections);
  await servers.nodes[0]?.kill();
  await waitFor('the replica to be the primary', () =>
    connections.commands.set('aquascene:test', 'again').then(
      () => true,
      () => false,
    ),
  );
  assert.equal(await connections.commands.get('aquascene:test'), 'again');
});
