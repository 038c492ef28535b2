import { type ChildProcess, fork } from 'node:child_process';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { BentoCache, bentostore } from 'bentocache';
import { memoryDriver } from 'bentocache/drivers/memory';
import { redisBusDriver, redisDriver } from 'bentocache/drivers/redis';
import { Redis } from 'ioredis';
import { type Caches, createCaches } from '#platform/cache';
import { createRedisConnections } from '#platform/redis';
import { createLogger, createMetrics } from '#platform/telemetry';
import { systemClock } from '#shared/clock';
import { startRedis } from '../../tests/support/redis-servers.ts';
import type { BenchResult } from '../bench.ts';

const rounds = 3;
const hits = 600_000;
const keysInUse = 900;
const remoteKeys = 10_000;
const concurrency = 50;
const processes = 10;
const callersEach = 1000;
// The trace: requests for this many items by Zipf's law, and now and then a scan of items that nobody asks for again.
const trace = { seed: 1, items: 10_000, skew: 0.9, requests: 400_000, scanEvery: 20_000, scanLength: 5000, entries: 1000 };

type Contender = {
  get(key: string): Promise<unknown>;
  /** Resolves when everything asked for has reached Redis. */
  settle(writes: number): Promise<void>;
  close(): Promise<void>;
};

const logger = createLogger({ level: 'fatal', format: 'json', role: 'bench' });
const round = (value: number): number => Math.round(value * 100) / 100;
const median = (values: readonly number[]): number => [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0;

/** About what an article's summary is. */
const article = (key: string) => ({
  id: key,
  title: `What moss needs: ${key}`,
  at: 1_790_000_000_000,
  tags: ['moss', 'light'],
  body: 'wood '.repeat(100),
});

function startOurs(url: string, prefix: string): Contender & { readonly caches: Caches } {
  const metrics = createMetrics('bench');
  const redis = createRedisConnections({ url, name: 'bench', logger, metrics, commandTimeoutMs: 30_000 });
  // Of the settings only what makes a stalled machine look like an outage is changed.
  const caches = createCaches({ redis, clock: systemClock, logger, metrics, tuning: { readBudgetMs: 10_000, writeBudgetMs: 10_000 } });
  const cache = caches.named('content');
  return {
    caches,
    get: (key) => cache.getOrSet(`${prefix}${key}`, async () => article(key)),
    async settle(writes) {
      while ((cache.figures().redis?.writes ?? 0) < writes) await delay(1);
    },
    async close() {
      await caches.close();
      await redis.close();
    },
  };
}

function startBento(port: number, prefix: string, serialize = true): Contender {
  const connection = { host: '127.0.0.1', port };
  const bento = new BentoCache({
    default: 'content',
    ttl: '1h',
    grace: '1h',
    stores: {
      content: bentostore()
        .useL1Layer(memoryDriver({ maxItems: 1000, ...(serialize ? { maxSize: '64mb' } : { serialize }) }))
        .useL2Layer(redisDriver({ connection }))
        .useBus(redisBusDriver({ connection })),
    },
  });
  return {
    get: (key) => bento.getOrSet({ key: `${prefix}${key}`, factory: async () => article(key) }),
    // It waits for its writes before it answers.
    settle: async () => undefined,
    close: () => bento.disconnectAll(),
  };
}

/** Calls a second of CPU time: other programs on the machine take nothing away from it. */
async function measureHits(contender: Contender, count: number): Promise<number> {
  const keys = Array.from({ length: keysInUse }, (_, index) => `hot:${index}`);
  for (const key of keys) await contender.get(key);
  const run = async (calls: number) => {
    for (let index = 0; index < calls; index += 1) await contender.get(keys[index % keysInUse] ?? '');
  };
  await run(count / 4);
  const before = process.cpuUsage();
  await run(count);
  const { user, system } = process.cpuUsage(before);
  return count / ((user + system) / 1_000_000);
}

/** Fifty at a time, until the last write is done; a second of CPU time as well. */
async function measureEach(contender: Contender, prefix: string, writes: number): Promise<number> {
  let next = 0;
  const before = process.cpuUsage();
  const lanes = Array.from({ length: concurrency }, async () => {
    while (next < remoteKeys) await contender.get(`${prefix}${(next += 1)}`);
  });
  await Promise.all(lanes);
  await contender.settle(writes);
  const { user, system } = process.cpuUsage(before);
  return remoteKeys / ((user + system) / 1_000_000);
}

type Rates = { readonly hit: number; readonly remoteHit: number; readonly miss: number };

/** Everything missed once, then found in Redis by a second process's worth of caches, then found in memory. */
async function measure(start: (prefix: string) => Contender, prefix: string, count: number): Promise<Rates> {
  const first = start(prefix);
  const second = start(prefix);
  try {
    for (const contender of [first, second]) await contender.get('warm-up');
    await first.settle(1);
    const miss = await measureEach(first, 'each:', remoteKeys);
    const remoteHit = await measureEach(second, 'each:', 0);
    return { miss, remoteHit, hit: await measureHits(second, count) };
  } finally {
    await first.close();
    await second.close();
  }
}

/** Mulberry32: the same numbers in every run. */
function createRandom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

function createTrace(): string[] {
  const random = createRandom(trace.seed);
  const weights: number[] = [];
  let sum = 0;
  for (let rank = 1; rank <= trace.items; rank += 1) weights.push((sum += 1 / rank ** trace.skew));
  const draw = () => {
    const wanted = random() * sum;
    let low = 0;
    for (let high = trace.items - 1; low < high; ) {
      const middle = (low + high) >> 1;
      if ((weights[middle] ?? 0) < wanted) low = middle + 1;
      else high = middle;
    }
    return `item:${low}`;
  };
  const keys: string[] = [];
  for (let request = 1, scanned = 0; request <= trace.requests; request += 1) {
    keys.push(draw());
    if (request % trace.scanEvery === 0) for (let count = 0; count < trace.scanLength; count += 1) keys.push(`scan:${(scanned += 1)}`);
  }
  return keys;
}

/** Hits in percent of a plain LRU of as many entries. */
function lruHitRate(keys: readonly string[]): number {
  const entries = new Set<string>();
  let found = 0;
  for (const key of keys) {
    if (entries.delete(key)) found += 1;
    entries.add(key);
    const [oldest] = entries;
    if (entries.size > trace.entries && oldest !== undefined) entries.delete(oldest);
  }
  return (found / keys.length) * 100;
}

async function hitRate(keys: readonly string[]): Promise<number> {
  const clock = { ...systemClock, random: createRandom(trace.seed + 1) };
  const caches = createCaches({ clock, logger, metrics: createMetrics('trace'), settings: { content: { maxEntries: trace.entries } } });
  const cache = caches.named('content');
  for (const key of keys) await cache.getOrSet(key, () => 1);
  const { hits: found, misses } = cache.figures().memory;
  await caches.close();
  return (found / (found + misses)) * 100;
}

/** Calls of the factory, for all callers of all processes together. */
async function countFactoryCalls(url: string, port: number): Promise<number> {
  const worker = path.resolve(import.meta.dirname, '../../src/platform/cache/testing/caller-worker.ts');
  const order = { url, key: 'stampede', callers: callersEach, counter: 'bench:calls', factoryMs: 100, lockMs: 30_000 };
  const children: ChildProcess[] = Array.from({ length: processes }, () => fork(worker, [JSON.stringify(order)]));
  const told = (kind: string) =>
    Promise.all(
      children.map(
        (child) =>
          new Promise<void>((resolve, reject) => {
            child.on('message', (message: { readonly kind: string }) => message.kind === kind && resolve());
            child.once('exit', () => reject(new Error(`a caller ended before it was ${kind}`)));
          }),
      ),
    );
  const done = told('done');
  done.catch(() => undefined);
  try {
    await told('ready');
    for (const child of children) child.send('go');
    await done;
  } finally {
    for (const child of children) child.kill('SIGKILL');
  }
  const redis = new Redis(port, '127.0.0.1');
  const calls = Number(await redis.get('bench:calls'));
  redis.disconnect();
  return calls;
}

async function compare(url: string, port: number) {
  const ours: Rates[] = [];
  const bento: Rates[] = [];
  // The first round is for the compiler of the machine that runs it all, and counts for neither.
  await measure((prefix) => startOurs(url, prefix), 'ours-warm-', hits);
  await measure((prefix) => startBento(port, prefix), 'bento-warm-', hits / 8);
  for (let index = 0; index < rounds; index += 1) {
    ours.push(await measure((prefix) => startOurs(url, prefix), `ours-${index}-`, hits));
    bento.push(await measure((prefix) => startBento(port, prefix), `bento-${index}-`, hits / 8));
  }
  const unserialized = startBento(port, 'unserialized-', false);
  const bentoUnserializedHit = await measureHits(unserialized, hits / 8);
  await unserialized.close();
  const of = (rates: readonly Rates[], what: keyof Rates) => Math.round(median(rates.map((rate) => rate[what])));
  const both = (what: keyof Rates) => ({ ours: of(ours, what), bento: of(bento, what) });
  return { hit: both('hit'), remoteHit: both('remoteHit'), miss: both('miss'), bentoUnserializedHit: Math.round(bentoUnserializedHit) };
}

/** The caches against bentocache with its defaults, against a plain LRU, and against themselves in ten processes. */
export async function run(): Promise<BenchResult> {
  const redis = await startRedis();
  try {
    const rates = await compare(redis.url, redis.port);
    const keys = createTrace();
    const [tinyLfu, lru] = [await hitRate(keys), lruHitRate(keys)];
    const calls = await countFactoryCalls(redis.url, redis.port);
    const ratio = ({ ours, bento }: { readonly ours: number; readonly bento: number }) => round(ours / bento);
    const bar = (name: string, want: number, got: number) => ({ name, want: `≥ ${want}`, got, ok: got >= want });
    return {
      bench: 'cache',
      ratios: {
        l1_hit_to_floor: round(rates.hit.ours / 1_000_000),
        l1_hit_to_bentocache: ratio(rates.hit),
        l1_hit_to_bentocache_unserialized: round(rates.hit.ours / rates.bentoUnserializedHit),
        l2_hit_to_bentocache: ratio(rates.remoteHit),
        miss_to_bentocache: ratio(rates.miss),
      },
      figures: {
        l1_hits_per_cpu_s: rates.hit.ours,
        l1_hits_per_cpu_s_bentocache: rates.hit.bento,
        l2_hits_per_cpu_s: rates.remoteHit.ours,
        l2_hits_per_cpu_s_bentocache: rates.remoteHit.bento,
        misses_per_cpu_s: rates.miss.ours,
        misses_per_cpu_s_bentocache: rates.miss.bento,
        trace_hit_percent: round(tinyLfu),
        trace_hit_percent_lru: round(lru),
      },
      bars: [
        bar('L1 hits a second and core', 1_000_000, rates.hit.ours),
        bar('hit rate above LRU, points', 5, round(tinyLfu - lru)),
        { name: `factory calls for ${processes * callersEach} callers in ${processes} processes`, want: '1', got: calls, ok: calls === 1 },
        bar('L1 hit, to bentocache', 1, ratio(rates.hit)),
        bar('L2 hit, to bentocache', 1, ratio(rates.remoteHit)),
        bar('miss, to bentocache', 1, ratio(rates.miss)),
      ],
    };
  } finally {
    await redis.stop();
  }
}
