import type { Logger } from '#platform/telemetry';
import type { Clock } from '#shared/clock';
import { AppError } from '#shared/errors';
import { createCacheKeeper } from './cache-keeper.ts';
import { everything, identOf, keyScope, namespaceScope, type Scope, scopesOf, tagScopes } from './cache-key.ts';
import { createCacheLoads } from './cache-loads.ts';
import type { CacheSettings } from './cache-settings.ts';
import type { Cache, CacheFigures, Factory, GetOrSetOptions, KeyOptions, SetOptions } from './cache-types.ts';
import type { InvalidationLedger } from './invalidation-ledger.ts';
import { createMemoryLevel, type MemoryEntry } from './memory-level.ts';
import type { RedisLevel } from './redis-level.ts';
import { createSourceFailures } from './source-failures.ts';

export type CacheOptions = {
  readonly name: string;
  readonly settings: CacheSettings;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly lockMs: number;
  readonly redis: { readonly level: RedisLevel; readonly ledger: InvalidationLedger } | undefined;
  /** Tells every process, this one included. */
  readonly invalidate: (scopes: readonly Scope[]) => Promise<void>;
  /** Redis is given a moment at the start. */
  readonly started: () => Promise<void> | undefined;
};

export type OwnedCache = Cache & {
  /** Removes what the scopes name from this process, and from what it is about to keep. */
  apply(scopes: readonly Scope[]): void;
  close(): Promise<void>;
};

const nothingGiven: GetOrSetOptions = {};

export function createCache(options: CacheOptions): OwnedCache {
  const { name, settings, clock, logger, redis, lockMs, invalidate, started } = options;
  const memory = createMemoryLevel({ maxEntries: settings.maxEntries, maxBytes: settings.maxBytes, random: clock.random });
  const failures = createSourceFailures();
  const counts = { hits: 0, misses: 0, stale: 0, errors: 0 };
  const level = redis?.level;
  let isClosed = false;
  let invalidations = 0;
  const keeper = createCacheKeeper({ settings, clock, memory, redis: level, isClosed: () => isClosed });
  const loads = createCacheLoads({ name, settings, clock, logger, lockMs, memory, redis: level, keeper, failures, counts, started });
  const now = (): number => clock.now().getTime();

  /** What memory cannot answer for good: nothing there, stale, or soon to be. */
  function fetch(ident: string, factory: Factory<unknown>, given: GetOrSetOptions, found: MemoryEntry | undefined, nowMs: number) {
    if (isClosed) return callAlone(factory);
    const known = found !== undefined && nowMs < found.staleUntilMs ? found : undefined;
    const isFresh = known !== undefined && nowMs < known.freshUntilMs;
    counts[isFresh ? 'hits' : 'misses'] += 1;
    const pause = failures.pausing(ident, nowMs);
    if (known === undefined && pause !== undefined) return Promise.reject(pause.error);
    const isPaused = pause !== undefined || (known !== undefined && nowMs < known.refreshAtMs);
    const joined = loads.running(ident);
    const load = isPaused ? joined : (joined ?? loads.begin(ident, factory, given, known));
    const waits = (given.softTimeoutMs ?? settings.softTimeoutMs) > 0;
    if (load !== undefined && known === undefined) return load.join(nowMs);
    if (load !== undefined && !isFresh && (waits || load !== joined)) return load.answer;
    if (!isFresh) counts.stale += 1;
    return Promise.resolve(known?.value);
  }

  function freshIn(ident: string): MemoryEntry | undefined {
    const entry = memory.get(ident);
    return entry !== undefined && now() < entry.freshUntilMs ? entry : undefined;
  }

  async function readRemote(ident: string, namespace: string | undefined): Promise<unknown> {
    if (level === undefined) return undefined;
    await started();
    return loads.during(ident, scopesOf(ident, namespace), async (load) => {
      const read = await level.read(ident);
      if (read?.entry === undefined || read.entry.freshForMs <= 0) return undefined;
      keeper.keepRemote(load, read.entry, settings.eagerFraction);
      return read.entry.value;
    });
  }

  async function set(key: string, value: unknown, given: SetOptions = nothingGiven): Promise<void> {
    const ident = identOf(key, given.namespace);
    await invalidate([keyScope(ident)]);
    await loads.during(ident, scopesOf(ident, given.namespace, given.tags), async (load) => {
      const position = redis?.ledger.isCurrent() === true ? redis.ledger.position() : undefined;
      const written = loads.inBackground(keeper.keepMade(load, value, position, given));
      if (given.waitsForWrite === true) await written;
    });
  }

  async function remove(key: string, { namespace }: KeyOptions = nothingGiven): Promise<void> {
    const ident = identOf(key, namespace);
    await invalidate([keyScope(ident)]);
    if (level !== undefined) loads.inBackground(level.remove([ident]));
  }

  function apply(scopes: readonly Scope[]): void {
    invalidations += 1;
    for (const scope of scopes) {
      memory.removeScope(scope);
      if (scope === everything) failures.clearAll();
      else if (scope.startsWith('k:')) failures.clear(scope.slice(2));
    }
    loads.invalidate(scopes);
  }

  function figures(): CacheFigures {
    const { rejections, ...kept } = memory.figures(now());
    const { totalMs, ...called } = loads.source;
    const { pending = 0, gaps = 0 } = redis?.ledger.figures() ?? {};
    const { maxEntries, maxBytes } = settings;
    return {
      name,
      memory: { ...counts, ...kept, rejectedByAdmission: rejections, maxEntries, maxBytes },
      ...(redis !== undefined && {
        redis: { ...redis.level.counts, state: redis.ledger.isCurrent() ? 'ready' : 'out', pendingInvalidations: pending, gaps },
      }),
      source: { ...called, meanMs: called.calls === 0 ? 0 : Math.round((totalMs / called.calls) * 100) / 100 },
      invalidations,
    };
  }

  return {
    name,
    set,
    remove,
    figures,
    apply,
    getOrSet<T>(key: string, factory: Factory<T>, given: GetOrSetOptions = nothingGiven): Promise<T> {
      try {
        const ident = identOf(key, given.namespace);
        const entry = memory.get(ident);
        const nowMs = now();
        if (entry !== undefined && nowMs < entry.freshUntilMs && nowMs < entry.refreshAtMs) {
          counts.hits += 1;
          return Promise.resolve(entry.value as T);
        }
        return fetch(ident, factory, given, entry, nowMs) as Promise<T>;
      } catch (error) {
        return Promise.reject(error);
      }
    },
    async get<T>(key: string, { namespace }: KeyOptions = nothingGiven): Promise<T | undefined> {
      const ident = identOf(key, namespace);
      const entry = freshIn(ident);
      counts[entry === undefined ? 'misses' : 'hits'] += 1;
      return (entry === undefined ? await readRemote(ident, namespace) : entry.value) as T | undefined;
    },
    peek<T>(key: string, { namespace }: KeyOptions = nothingGiven): T | undefined {
      const entry = freshIn(identOf(key, namespace));
      if (entry !== undefined) counts.hits += 1;
      return entry?.value as T | undefined;
    },
    removeByTag: async (...tags) => invalidate(tags.flatMap((tag) => tagScopes([tag]))),
    removeNamespace: async (namespace) => invalidate([namespaceScope(namespace)]),
    removeAll: () => invalidate([everything]),
    async close() {
      isClosed = true;
      await loads.close(closedError());
    },
  };
}

/** While the process stops: nothing is kept any more, and requests that still run get their values. */
async function callAlone(factory: Factory<unknown>): Promise<unknown> {
  return factory({ signal: new AbortController().signal, addTags: () => undefined });
}

function closedError(): AppError {
  return new AppError('cache_closed', 'The cache is closed: the process stops.', { status: 503, retryable: true });
}
