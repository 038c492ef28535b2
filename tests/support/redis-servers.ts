import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { Redis } from 'ioredis';
import { findFreePort } from './free-port.ts';
import type { Program } from './programs.ts';
import { type ServerProgram, startProgram } from './server-program.ts';
import { waitFor } from './wait-for.ts';

export const redisServer: Program = { names: ['redis-server'], debianPackage: 'redis-server' };

export type RedisNode = Omit<ServerProgram, 'process' | 'stop'> & {
  readonly port: number;
  readonly url: string;
  /** On the same port, with what it had written to disk: nothing, unless it was told to write. */
  start(): Promise<void>;
  stop(): Promise<void>;
};

export type RedisServers = { readonly url: string; readonly nodes: readonly RedisNode[]; stop(): Promise<void> };

const run = promisify(execFile);

/** Of a test's own connection: it is closed at once when the work is done. */
async function ask<T>(port: number, work: (redis: Redis) => Promise<T>): Promise<T | undefined> {
  const redis = new Redis({ port, host: '127.0.0.1', lazyConnect: true, retryStrategy: () => null, maxRetriesPerRequest: 0 });
  redis.on('error', () => undefined);
  try {
    await redis.connect();
    return await work(redis);
  } catch {
    // Not up yet: whoever waits asks again.
    return undefined;
  } finally {
    redis.disconnect();
  }
}

/** One redis-server on a free loopback port, with a folder of its own. Nothing is kept on disk unless `words` say so. */
export async function startRedis(words: readonly string[] = []): Promise<RedisNode> {
  const port = await findFreePort();
  const folder = mkdtempSync(path.join(os.tmpdir(), 'aquascene-redis-'));
  let program: ServerProgram;
  const start = async () => {
    program = startProgram('redis-server', [
      ...['--port', String(port), '--bind', '127.0.0.1', '--dir', folder, '--save', '', '--appendonly', 'no', '--daemonize', 'no'],
      ...words,
    ]);
    await waitFor(`Redis on port ${port}`, () => ask(port, (redis) => redis.ping()));
  };
  await start();
  return {
    port,
    url: `redis://127.0.0.1:${port}`,
    start,
    kill: () => program.kill(),
    pause: () => program.pause(),
    resume: () => program.resume(),
    async stop() {
      await program.stop();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

async function stopAll(nodes: readonly RedisNode[]): Promise<void> {
  await Promise.all(nodes.map((node) => node.stop()));
}

/** A Redis Cluster of three primaries, each with a replica. */
export async function startRedisCluster(): Promise<RedisServers> {
  const nodes: RedisNode[] = [];
  try {
    for (let count = 0; count < 6; count += 1) {
      const busPort = await findFreePort();
      nodes.push(
        await startRedis([
          ...['--cluster-enabled', 'yes', '--cluster-port', String(busPort), '--cluster-node-timeout', '2000'],
          ...['--cluster-announce-ip', '127.0.0.1', '--repl-diskless-sync-delay', '0'],
        ]),
      );
    }
    const addresses = nodes.map(({ port }) => `127.0.0.1:${port}`);
    await run('redis-cli', ['--cluster', 'create', ...addresses, '--cluster-replicas', '1', '--cluster-yes']);
    await waitFor('the cluster to be whole', async () => {
      const states = await Promise.all(nodes.map(({ port }) => ask(port, async (redis) => String(await redis.cluster('INFO')))));
      return states.every((state) => state?.includes('cluster_state:ok'));
    });
    return { url: `redis+cluster://${addresses.slice(0, 3).join(',')}`, nodes, stop: () => stopAll(nodes) };
  } catch (error) {
    await stopAll(nodes);
    throw error;
  }
}

/** A primary (`nodes[0]`), a replica, and three sentinels that watch them. */
export async function startRedisSentinel(): Promise<RedisServers> {
  const primary = await startRedis(['--repl-diskless-sync-delay', '0']);
  const replica = await startRedis(['--replicaof', '127.0.0.1', String(primary.port), '--repl-diskless-sync-delay', '0']);
  const sentinels: { readonly port: number; readonly program: ServerProgram }[] = [];
  const folder = mkdtempSync(path.join(os.tmpdir(), 'aquascene-sentinels-'));
  const stop = async () => {
    await Promise.all(sentinels.map(({ program }) => program.stop()));
    await stopAll([primary, replica]);
    rmSync(folder, { recursive: true, force: true });
  };
  try {
    for (let count = 0; count < 3; count += 1) {
      const port = await findFreePort();
      const file = path.join(folder, `sentinel-${count}.conf`);
      writeFileSync(
        file,
        [
          `port ${port}`,
          'bind 127.0.0.1',
          `dir ${folder}`,
          `sentinel monitor main 127.0.0.1 ${primary.port} 2`,
          'sentinel down-after-milliseconds main 1500',
          'sentinel failover-timeout main 5000',
        ].join('\n'),
      );
      sentinels.push({ port, program: startProgram('redis-server', [file, '--sentinel']) });
    }
    await waitFor('the sentinels to know one another and the replica', async () => {
      const states = await Promise.all(sentinels.map(({ port }) => ask(port, (redis) => redis.info('sentinel'))));
      return states.every((state) => state !== undefined && /slaves=1,sentinels=3/.test(state));
    });
  } catch (error) {
    await stop();
    throw error;
  }
  return { url: `redis+sentinel://${sentinels.map(({ port }) => `127.0.0.1:${port}`).join(',')}/main`, nodes: [primary, replica], stop };
}
