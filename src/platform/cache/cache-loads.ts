import { randomBytes } from 'node:crypto';
import type { Logger } from '#platform/telemetry';
import type { Clock } from '#shared/clock';
import { AppError, messageOf } from '#shared/errors';
import type { CacheKeeper } from './cache-keeper.ts';
import { type Scope, scopesOf } from './cache-key.ts';
import { CacheLoad, type LoadOutcome, type LoadPlace } from './cache-load.ts';
import type { CacheSettings } from './cache-settings.ts';
import type { Factory, FactoryContext, GetOrSetOptions, LevelCounts } from './cache-types.ts';
import type { MemoryEntry, MemoryLevel } from './memory-level.ts';
import type { RedisLevel } from './redis-level.ts';
import { isAnswer, type SourceFailures } from './source-failures.ts';

export type CacheLoads = {
  /** The load that a further caller joins. */
  running(ident: string): CacheLoad | undefined;
  /** @param known what memory has, fresh or stale */
  begin(ident: string, factory: Factory<unknown>, given: GetOrSetOptions, known: MemoryEntry | undefined): CacheLoad;
  /** Does the work as part of a load that fetches nothing: an invalidation meanwhile outdates it too. */
  during<T>(ident: string, scopes: readonly Scope[], work: (load: CacheLoad) => Promise<T>): Promise<T>;
  /** Whatever depends on one of the scopes is not kept any more, and nobody joins it. */
  invalidate(scopes: readonly Scope[]): void;
  inBackground(work: Promise<void>): Promise<void>;
  readonly source: { readonly calls: number; readonly errors: number; readonly timeouts: number; readonly totalMs: number };
  close(reason: AppError): Promise<void>;
};

export type CacheLoadsOptions = {
  readonly name: string;
  readonly settings: CacheSettings;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly lockMs: number;
  readonly memory: MemoryLevel;
  readonly redis: RedisLevel | undefined;
  readonly keeper: CacheKeeper;
  readonly failures: SourceFailures;
  readonly counts: LevelCounts;
  readonly started: () => Promise<void> | undefined;
};

// When another process refreshes the value: until this one looks whether it has.
const lookAgainMs = 1000;

export function createCacheLoads(options: CacheLoadsOptions): CacheLoads {
  const { name, settings, clock, logger, memory, redis, keeper, failures, counts, started } = options;
  const joinable = new Map<string, CacheLoad>();
  /** Those too that have been outdated meanwhile. */
  const all = new Set<CacheLoad>();
  const background = new Set<Promise<void>>();
  const source = { calls: 0, errors: 0, timeouts: 0, totalMs: 0 };
  // Of this cache in this process, and of no other.
  const owner = randomBytes(9).toString('base64url');
  let tokens = 0;
  const now = () => clock.now().getTime();

  function inBackground(work: Promise<void>): Promise<void> {
    const settled: Promise<void> = work.then(
      () => void background.delete(settled),
      (error: unknown) => {
        background.delete(settled);
        logger.warn({ cache: name, reason: messageOf(error) }, 'a cached value could not be written');
      },
    );
    background.add(settled);
    return settled;
  }

  function leave(load: CacheLoad): void {
    all.delete(load);
    if (joinable.get(load.ident) === load) joinable.delete(load.ident);
  }

  async function callFactory(factory: Factory<unknown>, context: FactoryContext): Promise<unknown> {
    source.calls += 1;
    const startedAt = performance.now();
    try {
      return await factory(context);
    } finally {
      source.totalMs += performance.now() - startedAt;
    }
  }

  const place: LoadPlace = {
    ...{ redis, started, now, callFactory, lockMs: options.lockMs, random: clock.random },
    onStale(load, entry) {
      keeper.keepRemote(load, entry, 1);
      load.offerStale(load.isOutdated ? undefined : memory.peek(load.ident));
    },
    onStaleAnswer() {
      counts.stale += 1;
    },
  };

  /** Callers have their answer when this returns, unless they wait for it to be written. */
  function succeed(load: CacheLoad, outcome: LoadOutcome, given: GetOrSetOptions): Promise<void> | undefined {
    if (outcome.kind === 'left') {
      const entry = load.stale;
      if (entry !== undefined) entry.refreshAtMs = now() + lookAgainMs;
      load.resolve(entry?.value);
      return undefined;
    }
    failures.clear(load.ident);
    if (outcome.kind === 'made') return keep(load, outcome, given);
    keeper.keepRemote(load, outcome.entry, given.eagerFraction ?? settings.eagerFraction);
    load.resolve(outcome.entry.value);
    return load.holdsLock ? load.releaseLock() : undefined;
  }

  async function keep(load: CacheLoad, { value, position }: LoadOutcome & { readonly kind: 'made' }, given: GetOrSetOptions) {
    const written = keeper.keepMade(load, value, position, given);
    if (given.waitsForWrite !== true) load.resolve(value);
    try {
      await written;
    } finally {
      load.resolve(value);
    }
  }

  async function fail(load: CacheLoad, error: unknown): Promise<void> {
    const isTimeout = error instanceof AppError && error.code === 'source_timed_out';
    source[isTimeout ? 'timeouts' : 'errors'] += 1;
    const entry = load.stale;
    const nowMs = now();
    if (isAnswer(error)) {
      load.reject(error);
      await keeper.drop(load);
    } else if (entry !== undefined && !load.isOutdated && nowMs < entry.staleUntilMs) {
      entry.refreshAtMs = failures.record(load.ident, error, true, nowMs).retryAtMs;
      counts.errors += 1;
      // Nobody else hears of it: callers get the stale value.
      logger.warn({ cache: name, reason: messageOf(error) }, 'a cached value could not be refreshed');
      load.resolve(entry.value);
    } else {
      failures.record(load.ident, error, false, nowMs);
      load.reject(error);
    }
    await load.releaseLock();
  }

  async function run(load: CacheLoad, given: GetOrSetOptions): Promise<void> {
    try {
      const outcome = await load.run();
      // Before it leaves: whoever comes now finds what it brought, or joins it.
      const ended = succeed(load, outcome, given);
      leave(load);
      if (ended !== undefined) await ended;
    } catch (error) {
      leave(load);
      await fail(load, error);
    }
  }

  function begin(ident: string, factory: Factory<unknown>, given: GetOrSetOptions, known: MemoryEntry | undefined): CacheLoad {
    const isFresh = known !== undefined && now() < known.freshUntilMs;
    const load = new CacheLoad(place, {
      ident,
      factory,
      known,
      isEager: isFresh,
      eagerFraction: given.eagerFraction ?? settings.eagerFraction,
      scopes: scopesOf(ident, given.namespace, given.tags),
      token: `${owner}${(tokens += 1)}`,
      softTimeoutMs: given.softTimeoutMs ?? settings.softTimeoutMs,
      hardTimeoutMs: given.hardTimeoutMs ?? settings.hardTimeoutMs,
    });
    joinable.set(ident, load);
    all.add(load);
    if (known !== undefined && !isFresh) load.offerStale(known);
    inBackground(run(load, given));
    return load;
  }

  return {
    source,
    inBackground,
    begin,
    running: (ident) => joinable.get(ident),
    async during(ident, scopes, work) {
      const load = CacheLoad.idle(place, ident, scopes);
      all.add(load);
      try {
        return await work(load);
      } finally {
        all.delete(load);
      }
    },
    invalidate(scopes) {
      for (const load of all) {
        if (!load.invalidate(scopes)) continue;
        // Who asks from now on gets what holds from now on, and no lock keeps them waiting.
        if (joinable.get(load.ident) === load) joinable.delete(load.ident);
        if (load.holdsLock) inBackground(load.releaseLock());
      }
    },
    async close(reason) {
      for (const load of all) load.abort(reason);
      await Promise.all(background);
    },
  };
}
