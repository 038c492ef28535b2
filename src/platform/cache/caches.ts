import { randomUUID } from 'node:crypto';
import type { Transaction } from '#platform/database';
import type { RedisConnections } from '#platform/redis';
import type { Logger, Metrics } from '#platform/telemetry';
import type { Clock } from '#shared/clock';
import { AppError, messageOf } from '#shared/errors';
import { type BusRelay, createBusRelay } from './bus-relay.ts';
import { createCache, type OwnedCache } from './cache.ts';
import { everything, type Scope, scopesOfTarget } from './cache-key.ts';
import { observeCaches } from './cache-metrics.ts';
import { type CacheName, type CacheSettings, defaultSettings, defaultTuning, type RedisTuning } from './cache-settings.ts';
import type { Cache, CacheFigures, InvalidationTarget } from './cache-types.ts';
import type { InvalidationBus } from './postgres-bus.ts';
import { createRedisCaches, type RedisCache } from './redis-caches.ts';

export type Caches = {
  readonly names: readonly string[];
  /** @throws AppError `unknown_cache` (404), which tells the names that there are */
  named(name: string): Cache;
  invalidate(cacheName: string, target: InvalidationTarget): Promise<void>;
  /**
   * Invalidates once the transaction has committed, never when it rolled back. With a bus on PostgreSQL the other processes are
   * told by the commit itself, so that a crash right after it loses nothing.
   */
  invalidateAfterCommit(transaction: Transaction, what: InvalidationTarget & { readonly cache: string }): Promise<void>;
  figures(): CacheFigures[];
  /** Resolves when Redis may be used, or was not found within a second. Nothing has to wait for it. */
  ready(): Promise<void>;
  /** Aborts what is being fetched, and waits for what is being written. */
  close(): Promise<void>;
};

export type CachesOptions = {
  /** Without it each process has its memory only. */
  readonly redis?: RedisConnections;
  /** Tells the other processes where there is no Redis, and of commits in either case. */
  readonly bus?: InvalidationBus;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics: Metrics;
  readonly processId?: string;
  /** Of the four caches that there are; a further name makes a further cache, with the settings of `content` for what it leaves out. */
  readonly settings?: Readonly<Record<string, Partial<CacheSettings>>>;
  readonly tuning?: Partial<RedisTuning>;
};

type Place = { readonly cache: OwnedCache; readonly redis: RedisCache | undefined };

/** The named caches of one process: memory before Redis before the source. Any of the outer two may be away. */
export function createCaches(options: CachesOptions): Caches {
  const { clock, logger, metrics } = options;
  const tuning = { ...defaultTuning, ...options.tuning };
  const redisCaches = options.redis && createRedisCaches({ connections: options.redis, tuning, logger });
  const places = new Map<string, Place>();
  const relay = options.bus && createRelay(options.bus);

  function createRelay(bus: InvalidationBus): BusRelay {
    return createBusRelay({
      bus,
      logger,
      processId: options.processId ?? randomUUID(),
      onMessage(name, scopes, id) {
        const place = places.get(name);
        place?.cache.apply(scopes);
        // Whoever committed may have died before it told Redis.
        place?.redis?.ledger.invalidate(scopes, id).catch(logFailure);
      },
      onGap() {
        for (const { cache } of places.values()) cache.apply([everything]);
      },
    });
  }

  function logFailure(error: unknown): void {
    logger.error({ reason: messageOf(error) }, 'an invalidation failed');
  }

  function add(name: string, settings: CacheSettings): void {
    const apply = (scopes: readonly Scope[]) => cache.apply(scopes);
    const redis = redisCaches?.add(name, settings, apply);
    const cache = createCache({
      ...{ name, settings, clock, logger, redis, lockMs: tuning.lockMs },
      invalidate: (scopes) => invalidateScopes(name, scopes),
      started: () => redisCaches?.started(),
    });
    places.set(name, { cache, redis });
  }

  function placeOf(name: string): Place {
    const place = places.get(name);
    if (place !== undefined) return place;
    throw new AppError('unknown_cache', `There is no cache "${name}"; there are ${[...places.keys()].join(', ')}.`, { status: 404 });
  }

  async function invalidateScopes(name: string, scopes: readonly Scope[]): Promise<void> {
    const { cache, redis } = placeOf(name);
    if (scopes.length === 0) return;
    cache.apply(scopes);
    // Redis tells everyone; while it cannot, the bus does.
    if (relay !== undefined && redis?.ledger.isCurrent() !== true) await relay.send(name, scopes);
    await redis?.ledger.invalidate(scopes);
  }

  async function invalidateAfterCommit(transaction: Transaction, what: InvalidationTarget & { readonly cache: string }): Promise<void> {
    const { cache, redis } = placeOf(what.cache);
    const scopes = scopesOfTarget(what);
    if (scopes.length === 0) return;
    const id = relay?.newId() ?? randomUUID();
    await relay?.sendIn(transaction, what.cache, scopes, id);
    transaction.afterCommit(() => {
      cache.apply(scopes);
      redis?.ledger.invalidate(scopes, id).catch(logFailure);
    });
  }

  const names = new Set([...Object.keys(defaultSettings), ...Object.keys(options.settings ?? {})]);
  for (const name of names) {
    const standard: CacheSettings = Object.hasOwn(defaultSettings, name) ? defaultSettings[name as CacheName] : defaultSettings.content;
    add(name, { ...standard, ...options.settings?.[name] });
  }
  const figures = () => [...places.values()].map(({ cache }) => cache.figures());
  observeCaches(metrics, figures);

  return {
    names: [...names],
    figures,
    named: (name) => placeOf(name).cache,
    invalidate: async (name, target) => invalidateScopes(name, scopesOfTarget(target)),
    invalidateAfterCommit,
    async ready() {
      await redisCaches?.started();
    },
    async close() {
      await Promise.all([...places.values()].map(({ cache }) => cache.close()));
      redisCaches?.close();
      await relay?.close();
    },
  };
}
