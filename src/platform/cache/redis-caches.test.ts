import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { after, before, beforeEach, describe, test } from 'node:test';
import { Redis } from 'ioredis';
import { reasonToSkip } from '../../../tests/support/programs.ts';
import { type RedisNode, redisServer, startRedis } from '../../../tests/support/redis-servers.ts';
import { startTcpProxy, type TcpProxy } from '../../../tests/support/tcp-proxy.ts';
import { waitFor } from '../../../tests/support/wait-for.ts';
import { redisKeys } from './cache-key.ts';
import { type Caller, startCaller } from './testing/callers.ts';
import { patientTuning, startTestProcess, type TestProcess } from './testing/test-caches.ts';

const skip = reasonToSkip(redisServer);
const closers: (() => Promise<unknown>)[] = [];

async function closeAll(): Promise<void> {
  for (const close of closers.splice(0).reverse()) await close();
}

const content = ({ caches }: TestProcess) => caches.named('content');
const state = (it: TestProcess) => content(it).figures().redis?.state;
const isReady = (it: TestProcess) => waitFor('the cache to use Redis', () => state(it) === 'ready');

async function start(url: string, options: Parameters<typeof startTestProcess>[0] = {}): Promise<TestProcess> {
  const started = await startTestProcess({ url, ...options });
  closers.push(started.close);
  await isReady(started);
  return started;
}

describe('caches of several processes over one Redis', { skip }, () => {
  let redis: RedisNode;
  let proxy: TcpProxy;
  let admin: Redis;
  let a: TestProcess;
  let b: TestProcess;
  before(async () => {
    redis = await startRedis();
    admin = new Redis(redis.port, '127.0.0.1');
    proxy = await startTcpProxy({ targetPort: redis.port });
    a = await start(`redis://127.0.0.1:${proxy.port}`);
    b = await start(redis.url);
  });
  after(async () => {
    await closeAll();
    await proxy?.close();
    admin?.disconnect();
    await redis?.stop();
  });
  beforeEach(async () => {
    proxy.set('open');
    await Promise.all([isReady(a), isReady(b)]);
    await content(a).removeAll();
  });

  const write = (it: TestProcess, key: string, value: unknown) =>
    content(it).getOrSet(key, () => value, { tags: [`tag-${key}`], waitsForWrite: true });
  /** Late messages of the test before may take it away again. */
  const reachesMemory = (it: TestProcess, key: string) =>
    waitFor(`${key} in memory`, async () => {
      await content(it).get(key);
      return content(it).peek(key) !== undefined;
    });
  const isGone = (it: TestProcess, key: string) => waitFor(`${key} to be gone`, () => content(it).peek(key) === undefined);

  test('what one has fetched, the other finds in Redis; an invalidation by either reaches the memory of both', async () => {
    const value = { title: 'Moss', at: new Date(7), body: 'wood and water '.repeat(1000), bytes: Buffer.from('x') };
    await write(a, 'shared', value);
    const found = await content(b).getOrSet('shared', () => assert.fail('the source was asked'));
    assert.deepEqual(found, value);
    assert.ok(Object.isFrozen(found));
    await content(b).removeByTag('tag-shared');
    assert.equal(content(b).peek('shared'), undefined);
    await isGone(a, 'shared');
    assert.equal(await content(a).get('shared'), undefined);
  });

  test('what a factory read before another process invalidated it is never valid afterwards', async () => {
    const gate = Promise.withResolvers<string>();
    const began = Promise.withResolvers<void>();
    const early = content(a).getOrSet(
      'race',
      () => {
        began.resolve();
        return gate.promise;
      },
      { tags: ['tag-race'], waitsForWrite: true },
    );
    await began.promise;
    // Not even when this process does not hear of it.
    proxy.set('silent');
    await content(b).removeByTag('tag-race');
    gate.resolve('before');
    proxy.set('open');
    assert.equal(await early, 'before');
    assert.equal(await content(b).getOrSet('race', () => 'after'), 'after');
    await waitFor('the new value', async () => (await content(a).getOrSet('race', () => 'after')) === 'after');
  });

  test('an invalidation whose message was lost is found out by the sequence', async () => {
    await write(a, 'lost', 1);
    await reachesMemory(a, 'lost');
    // The subscribers are thrown out, and may not come back.
    await admin.acl('SETUSER', 'default', '-subscribe');
    try {
      await admin.call('CLIENT', 'KILL', 'TYPE', 'pubsub');
      const gaps = content(a).figures().redis?.gaps ?? 0;
      await content(b).removeByTag('tag-lost');
      await isGone(a, 'lost');
      assert.ok((content(a).figures().redis?.gaps ?? 0) > gaps);
    } finally {
      await admin.acl('SETUSER', 'default', '+subscribe');
    }
  });

  test('more invalidations than the log holds while a process is cut off: its memory is emptied', async () => {
    await write(a, 'behind', 1);
    await reachesMemory(a, 'behind');
    proxy.set('cut');
    await waitFor('the outage', () => state(a) === 'out');
    for (let index = 0; index < 60; index += 1)
      await content(b).removeByTag(...Array.from({ length: 200 }, (_, tag) => `t-${index}-${tag}`));
    const raw = await admin.llen('aquascene:cache:{content}:log');
    await admin.ltrim('aquascene:cache:{content}:log', 0, 10);
    assert.ok(raw > 11);
    assert.equal(content(a).peek('behind'), 1);
    proxy.set('open');
    await isGone(a, 'behind');
  });

  test('an invalidation without Redis holds here at once, and for the others when Redis is back', async () => {
    await write(a, 'cut', 'old');
    await reachesMemory(b, 'cut');
    proxy.set('cut');
    await waitFor('the outage', () => state(a) === 'out');
    await content(a).removeByTag('tag-cut');
    assert.equal(content(a).peek('cut'), undefined);
    assert.equal(content(b).peek('cut'), 'old');
    proxy.set('open');
    await isGone(b, 'cut');
    await isReady(a);
    assert.equal(await content(a).getOrSet('cut', () => 'new'), 'new');
    assert.equal(content(a).figures().redis?.pendingInvalidations, 0);
  });

  test('so many invalidations without Redis that they are not all remembered: everything is invalidated', async () => {
    await write(a, 'many', 'old');
    await reachesMemory(b, 'many');
    proxy.set('cut');
    await waitFor('the outage', () => state(a) === 'out');
    for (let index = 0; index < 1100; index += 1) await content(a).remove(`other-${index}`);
    assert.ok((content(a).figures().redis?.pendingInvalidations ?? 0) < 1000);
    proxy.set('open');
    await isGone(b, 'many');
  });

  test('Redis that has lost everything: nothing from before is valid, and it is used again', async () => {
    await write(a, 'flushed', 'old');
    await reachesMemory(b, 'flushed');
    await admin.flushall();
    await Promise.all([isGone(a, 'flushed'), isGone(b, 'flushed')]);
    await waitFor('a value in Redis', async () => {
      await content(a).remove('flushed');
      await write(a, 'flushed', 'new');
      return (await content(b).get('flushed')) === 'new';
    });
  });

  test('Redis that has lost its last writes, as in a failover: what it forgot to invalidate is not valid again', async () => {
    await write(a, 'rolled-back', 'old');
    const versions = await admin.hgetall('aquascene:cache:{content}:versions');
    const entry = await admin.dumpBuffer(redisKeys('content', 'rolled-back').entry);
    await content(a).removeByTag('tag-rolled-back');
    await admin.hset('aquascene:cache:{content}:versions', versions);
    await admin.restore(redisKeys('content', 'rolled-back').entry, 600_000, entry ?? '', 'REPLACE');
    await waitFor('a new epoch', async () => (await admin.hget('aquascene:cache:{content}:versions', 'epoch')) !== versions.epoch);
    await isReady(b);
    assert.equal(await content(b).get('rolled-back'), undefined);
  });

  test('what is no entry of ours is a miss, and is replaced', async () => {
    for (const [index, put] of [
      (key: string) => admin.set(key, 'garbage'),
      (key: string) => admin.set(key, Buffer.from([1, 0, 0, 0, 0, 1, 2, 3, 4, 0, 2, 91, 93, 0])),
      (key: string) => admin.set(key, Buffer.from([99, 0, 0, 0, 0, 1, 2, 3, 4, 0, 2, 91, 93, 0]), 'PX', 600_000),
      (key: string) => admin.del(key).then(() => admin.rpush(key, 'a list')),
    ].entries()) {
      const key = `corrupt-${index}`;
      // Late news of the test before may keep a value from being kept: then once more.
      await waitFor(`${key} to be replaced`, async () => {
        await content(a).remove(key);
        await put(redisKeys('content', key).entry);
        assert.equal(await write(a, key, 'good'), 'good');
        return (await content(b).get(key)) === 'good';
      });
    }
  });

  test('keys of any form are kept apart in Redis', async () => {
    const keys = ['a b', '{x}', '}', 'ключ', 'long'.repeat(100), '@/x'];
    for (const key of keys) await content(a).getOrSet(key, () => key, { waitsForWrite: true });
    for (const key of keys) assert.equal(await content(b).get(key), key);
  });

  /** Of any script; those who only read call no other than the one that reads. */
  const scriptCalls = async () => Number(/cmdstat_evalsha:calls=(\d+)/.exec(await admin.info('commandstats'))?.[1] ?? 0);

  test('what is read in one turn is asked for together: hits, misses and other caches, each with its own answer', async () => {
    const keys = Array.from({ length: 20 }, (_, index) => `together-${index}`);
    const found = keys.filter((_, index) => index % 2 === 0);
    const other = b.caches.named('api_responses');
    await Promise.all(found.map((key) => write(a, key, `${key} of a`)));
    await a.caches.named('api_responses').getOrSet('together', () => 'of the other', { waitsForWrite: true });
    await isReady(b);
    const before = await scriptCalls();
    const asked = Promise.all(keys.map((key) => content(b).get(key)));
    const [values, otherValue] = await Promise.all([asked, other.get('together')]);
    assert.deepEqual(
      values,
      keys.map((key) => (found.includes(key) ? `${key} of a` : undefined)),
    );
    assert.equal(otherValue, 'of the other');
    assert.ok((await scriptCalls()) - before < keys.length / 2);
    const made = await Promise.all(keys.map((key) => content(b).getOrSet(key, () => `${key} of b`, { waitsForWrite: true })));
    assert.deepEqual(
      made,
      keys.map((key) => `${key} of ${found.includes(key) ? 'a' : 'b'}`),
    );
  });

  test('more, and more bytes, than one answer takes', async () => {
    const large = Array.from({ length: 10 }, (_, index) => `large-${index}`);
    const small = Array.from({ length: 100 }, (_, index) => `small-${index}`);
    const values = new Map(large.map((key) => [key, randomBytes(100 * 1024)]));
    const valueFor = (key: string) => values.get(key) ?? key;
    const keys = [...large, ...small];
    await Promise.all(keys.map((key) => content(a).getOrSet(key, () => valueFor(key), { waitsForWrite: true })));
    const got = await Promise.all(keys.map((key) => content(b).getOrSet(key, () => assert.fail(`the source was asked for ${key}`))));
    for (const [index, key] of keys.entries()) assert.ok(Buffer.from(got[index] ?? '').equals(Buffer.from(valueFor(key))), key);
  });

  test('one eager refresh among all processes', async () => {
    let calls = 0;
    const gate = Promise.withResolvers<void>();
    const given = { ttlS: 600, eagerFraction: 0, waitsForWrite: true };
    await content(a).getOrSet('eager', () => 'first', given);
    assert.equal(await content(b).getOrSet('eager', () => assert.fail('the source was asked'), given), 'first');
    const refresh = async () => {
      calls += 1;
      await gate.promise;
      return 'second';
    };
    assert.equal(await content(a).getOrSet('eager', refresh, given), 'first');
    await waitFor('the refresh', () => calls === 1);
    const asked = content(b).figures().redis?.hits ?? 0;
    assert.equal(await content(b).getOrSet('eager', refresh, { ...given, ttlS: 600 }), 'first');
    await waitFor('the other to have looked', () => (content(b).figures().redis?.hits ?? 0) > asked);
    gate.resolve();
    await waitFor('the second value', () => content(a).peek('eager') === 'second');
    assert.equal(calls, 1);
  });
});

describe('Redis in trouble', { skip }, () => {
  let redis: RedisNode;
  let proxy: TcpProxy;
  let it: TestProcess;
  before(async () => {
    redis = await startRedis();
    proxy = await startTcpProxy({ targetPort: redis.port });
    const tuning = { ...patientTuning, readBudgetMs: 50, writeBudgetMs: 50, openMs: 100 };
    it = await start(`redis://127.0.0.1:${proxy.port}`, { tuning, commandTimeoutMs: 500 });
  });
  after(async () => {
    await closeAll();
    await proxy?.close();
    await redis?.stop();
  });

  const ask = (key: string) => content(it).getOrSet(key, () => `${key} from its source`);

  async function assertGoesOnWithout(): Promise<void> {
    let count = 0;
    await waitFor('Redis to be left alone', async () => {
      const key = `without-${(count += 1)}-${Math.random()}`;
      assert.equal(await ask(key), `${key} from its source`);
      assert.equal(await ask(key), `${key} from its source`);
      return state(it) === 'out';
    });
  }

  async function assertRecovers(): Promise<void> {
    await waitFor('Redis to be used again', async () => {
      const key = `again-${Math.random()}`;
      await content(it).getOrSet(key, () => 1, { waitsForWrite: true });
      return state(it) === 'ready';
    });
  }

  test('killed: requests go on, and it is used again after its restart', async () => {
    await redis.kill();
    await assertGoesOnWithout();
    await redis.start();
    await assertRecovers();
  });

  test('silent: requests go on, and it is used again when it answers', async () => {
    proxy.set('silent');
    await assertGoesOnWithout();
    proxy.set('open');
    await assertRecovers();
  });

  test('slower than its budget: requests go on', async () => {
    proxy.setLatency(2000);
    await assertGoesOnWithout();
    proxy.setLatency(0);
    await assertRecovers();
  });

  test('answering with errors: requests go on', async () => {
    const admin = new Redis(redis.port, '127.0.0.1');
    await admin.acl('SETUSER', 'default', '-eval', '-evalsha');
    await assertGoesOnWithout();
    await admin.acl('SETUSER', 'default', '+eval', '+evalsha');
    await assertRecovers();
    admin.disconnect();
  });

  test('without memory for writes: values come from their source, and an invalidation waits', async () => {
    const admin = new Redis(redis.port, '127.0.0.1');
    await content(it).getOrSet('full', () => 'old', { tags: ['full'], waitsForWrite: true });
    await admin.config('SET', 'maxmemory', '1');
    await content(it).removeByTag('full');
    assert.equal(await content(it).getOrSet('full', () => 'new', { tags: ['full'] }), 'new');
    assert.equal(state(it), 'out');
    await admin.config('SET', 'maxmemory', '0');
    await assertRecovers();
    assert.notEqual(await content(it).getOrSet('full', () => 'new', { tags: ['full'] }), 'old');
    admin.disconnect();
  });
});

describe('one factory call among processes', { skip }, () => {
  let redis: RedisNode;
  let admin: Redis;
  before(async () => {
    redis = await startRedis();
    admin = new Redis(redis.port, '127.0.0.1');
  });
  after(async () => {
    admin?.disconnect();
    await redis?.stop();
  });

  function startCallers(count: number, order: Partial<Parameters<typeof startCaller>[0]>): Caller[] {
    const callers = Array.from({ length: count }, () =>
      startCaller({ ...{ url: redis.url, key: 'k', callers: 100, counter: 'calls', factoryMs: 50, lockMs: 30_000 }, ...order }),
    );
    closers.push(() => Promise.all(callers.map((caller) => caller.kill())));
    return callers;
  }

  test('ten processes, a hundred callers in each', async () => {
    const callers = startCallers(10, {});
    await Promise.all(callers.map((caller) => caller.ready()));
    const values = await Promise.all(callers.map((caller) => caller.call()));
    assert.deepEqual([new Set(values.flat()), await admin.get('calls')], [new Set([1]), '1']);
    await closeAll();
  });

  test('when the process that calls it dies, another takes over', async () => {
    const order = { key: 'orphan', counter: 'orphan-calls', lockMs: 1000 };
    const [dying] = startCallers(1, { ...order, factoryMs: 'never' });
    const [heir] = startCallers(1, order);
    assert.ok(dying !== undefined && heir !== undefined);
    await Promise.all([dying.ready(), heir.ready()]);
    dying.call().catch(() => undefined);
    await dying.calling();
    const values = heir.call();
    await dying.kill();
    assert.deepEqual(await values, [2]);
    await closeAll();
  });
});
