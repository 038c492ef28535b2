import type { Clock } from '#shared/clock';
import type { Scope } from './cache-key.ts';
import type { CacheLoad } from './cache-load.ts';
import type { CacheSettings } from './cache-settings.ts';
import type { GetOrSetOptions } from './cache-types.ts';
import { type EncodedValue, encodeValue } from './entry-format.ts';
import type { Position } from './invalidation-ledger.ts';
import type { MemoryLevel } from './memory-level.ts';
import { freezeAndMeasure, freezeDecoded, type Measured } from './plain-value.ts';
import type { RedisLevel, RemoteEntry } from './redis-level.ts';

/** Puts values into memory and Redis, unless something that they depend on was invalidated since they were asked for. */
export type CacheKeeper = {
  keepRemote(load: CacheLoad, entry: RemoteEntry, eagerFraction: number): void;
  /** Memory has it when this returns; what it returns ends when Redis has. */
  keepMade(load: CacheLoad, value: unknown, position: Position | undefined, given: GetOrSetOptions): Promise<void>;
  /** What was there is no longer so, and nothing takes its place. */
  drop(load: CacheLoad): Promise<void>;
};

type Life = { readonly ttlMs: number; readonly graceMs: number; readonly freshForMs: number };

export function createCacheKeeper(options: {
  readonly settings: CacheSettings;
  readonly clock: Clock;
  readonly memory: MemoryLevel;
  readonly redis: RedisLevel | undefined;
  readonly isClosed: () => boolean;
}): CacheKeeper {
  const { settings, clock, memory, redis, isClosed } = options;

  /** Undefined for what is not to be kept. */
  function lifeOf(value: unknown, { ttlS, graceS, negativeTtlS }: GetOrSetOptions): Life | undefined {
    const isNegative = value === undefined || value === null;
    const seconds = isNegative ? (negativeTtlS ?? 0) : (ttlS ?? settings.ttlS);
    if (!(seconds > 0)) return undefined;
    const ttlMs = Math.ceil(seconds * 1000 * (1 - settings.ttlJitter * clock.random()));
    const graceMs = isNegative ? 0 : Math.max(0, Math.round((graceS ?? settings.graceS) * 1000));
    return { ttlMs, graceMs, freshForMs: ttlMs };
  }

  function keepInMemory(ident: string, value: unknown, bytes: number, life: Life, scopes: readonly Scope[], eagerFraction: number): void {
    const nowMs = clock.now().getTime();
    const freshUntilMs = nowMs + life.freshForMs;
    memory.set(
      ident,
      {
        value,
        scopes,
        freshUntilMs,
        storedAtMs: freshUntilMs - life.ttlMs,
        staleUntilMs: freshUntilMs + life.graceMs,
        refreshAtMs: freshUntilMs - life.ttlMs * (1 - eagerFraction),
      },
      bytes + ident.length,
    );
  }

  function encode(value: unknown, measured: Measured): EncodedValue | undefined {
    return measured.isPlain ? encodeValue(value, settings.format === 'json' && measured.isJson) : undefined;
  }

  async function drop(load: CacheLoad): Promise<void> {
    if (load.isOutdated) return;
    const hadValue = memory.peek(load.ident) !== undefined;
    memory.remove(load.ident);
    if (hadValue) await redis?.remove([load.ident]);
  }

  return {
    drop,
    keepRemote(load, entry, eagerFraction) {
      if (load.isOutdated || isClosed()) return;
      // Its plain parts are frozen, as they are when the value comes from the factory.
      freezeDecoded(entry.value);
      keepInMemory(load.ident, entry.value, entry.bytes, entry, entry.scopes, eagerFraction);
    },
    async keepMade(load, value, position, given) {
      const life = lifeOf(value, given);
      const measured = life && freezeAndMeasure(value, settings.maxValueBytes);
      if (load.isOutdated || isClosed()) return load.releaseLock();
      if (life === undefined || measured === undefined || measured.isTooLarge) {
        await drop(load);
        return load.releaseLock();
      }
      const encoded = redis === undefined ? undefined : encode(value, measured);
      const { ident, scopes } = load;
      const eagerFraction = given.eagerFraction ?? settings.eagerFraction;
      keepInMemory(ident, value, encoded?.body.length ?? measured.bytes, life, scopes, eagerFraction);
      if (encoded === undefined || position === undefined) return load.releaseLock();
      return redis?.store(ident, encoded, { position, scopes, ttlMs: life.ttlMs, graceMs: life.graceMs }, load.takeLock());
    },
  };
}
