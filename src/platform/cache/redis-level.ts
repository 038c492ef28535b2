import type { RedisClient } from '#platform/redis';
import { keyScope, redisKeys, type Scope } from './cache-key.ts';
import type { CacheSettings, RedisTuning } from './cache-settings.ts';
import { type DecodedEntry, decodeEntry, type EncodedValue, encodeEntry } from './entry-format.ts';
import type { EntryReads, LockRequest } from './entry-reads.ts';
import { type InvalidationLedger, ignoreOutage, type Position } from './invalidation-ledger.ts';
import type { RedisGuard } from './redis-guard.ts';
import type { EntryAnswer, RedisScripts } from './redis-scripts.ts';

export type RemoteEntry = DecodedEntry & {
  /** By Redis's clock: until it is stale, and until it is gone. The first is below zero for a stale one. */
  readonly freshForMs: number;
  readonly leftMs: number;
};

export type RemoteRead = {
  /** Of the ledger, before this was read; undefined when nothing may be stored. */
  readonly position: Position | undefined;
  readonly entry: RemoteEntry | undefined;
  /** `mine`: the caller is the one to call the factory. `impossible`: Redis takes no writes now. */
  readonly lock: 'mine' | 'others' | 'impossible';
};

export type RedisLevel = {
  /** Undefined when Redis is not to be used now. Takes the lock in the same step when there is no fresh entry. */
  read(ident: string, lock?: LockRequest): Promise<RemoteRead | undefined>;
  /** Gives the lock back in the same step. Failures are counted, not thrown. */
  store(ident: string, value: EncodedValue, entry: StoredEntry, token?: string): Promise<void>;
  renew(ident: string, token: string): Promise<void>;
  release(ident: string, token: string): Promise<void>;
  remove(idents: readonly string[]): Promise<void>;
  readonly counts: { hits: number; misses: number; stale: number; errors: number; writes: number; bytesRead: number; bytesWritten: number };
};

export type StoredEntry = {
  readonly position: Position;
  readonly ttlMs: number;
  readonly graceMs: number;
  readonly scopes: readonly Scope[];
};

export type RedisLevelOptions = {
  readonly cacheName: string;
  readonly client: RedisClient;
  readonly scripts: RedisScripts;
  readonly reads: EntryReads;
  readonly guard: RedisGuard;
  readonly ledger: InvalidationLedger;
  readonly settings: CacheSettings;
  readonly tuning: RedisTuning;
};

const locks = ['others', 'mine', 'impossible'] as const;

export function createRedisLevel(options: RedisLevelOptions): RedisLevel {
  const { client, scripts, reads, guard, ledger, settings, tuning, cacheName } = options;
  const counts = { hits: 0, misses: 0, stale: 0, errors: 0, writes: 0, bytesRead: 0, bytesWritten: 0 };

  /** Undefined, and counted, when Redis fails. */
  async function attempt<T>(budgetMs: number, work: () => Promise<T>): Promise<T | undefined> {
    try {
      return await guard.run(budgetMs, work);
    } catch (error) {
      ignoreOutage(error);
      counts.errors += 1;
      return undefined;
    }
  }

  async function readAnswer(ident: string, lock: LockRequest | undefined): Promise<EntryAnswer | undefined> {
    try {
      return await reads.read(redisKeys(cacheName, ident), lock);
    } catch (error) {
      ignoreOutage(error);
      counts.errors += 1;
      return undefined;
    }
  }

  async function read(ident: string, lock?: LockRequest): Promise<RemoteRead | undefined> {
    // What was just invalidated must be known to Redis before it is asked.
    const settled = ledger.settled();
    if (settled !== undefined) await settled;
    if (!ledger.isCurrent()) return undefined;
    const position = ledger.position();
    const answer = await readAnswer(ident, lock);
    if (answer === undefined) return undefined;
    const { bytes, leftMs } = answer;
    const decoded = bytes === null ? undefined : decodeEntry(bytes, settings.maxValueBytes);
    counts.bytesRead += bytes?.length ?? 0;
    const isValid = decoded !== undefined && leftMs > 0 && ledger.isValid(decoded, keyScope(ident));
    const entry = isValid ? { ...decoded, leftMs, freshForMs: leftMs - decoded.graceMs } : undefined;
    if (entry === undefined) counts.misses += 1;
    else if (entry.freshForMs > 0) counts.hits += 1;
    else counts.stale += 1;
    return { position, entry, lock: locks[answer.lock] ?? 'others' };
  }

  return {
    counts,
    read,
    async store(ident, value, { position, ttlMs, graceMs, scopes }, token = '') {
      const keys = redisKeys(cacheName, ident);
      const header = {
        epoch: position.epoch,
        sequence: position.sequence,
        ttlMs,
        graceMs,
        scopes: scopes.filter((scope) => scope !== keyScope(ident)),
      };
      const entry = await encodeEntry(header, value, settings.compressAboveBytes);
      const done = await attempt(tuning.writeBudgetMs, () => scripts.storeEntry(keys.entry, keys.lock, entry, ttlMs + graceMs, token));
      if (done === undefined) return;
      counts.writes += 1;
      counts.bytesWritten += entry.length;
    },
    async renew(ident, token) {
      await attempt(tuning.writeBudgetMs, () => scripts.renewLock(redisKeys(cacheName, ident).lock, token, tuning.lockMs));
    },
    async release(ident, token) {
      await attempt(tuning.writeBudgetMs, () => scripts.releaseLock(redisKeys(cacheName, ident).lock, token));
    },
    async remove(idents) {
      await Promise.all(idents.map((ident) => attempt(tuning.writeBudgetMs, () => client.unlink(redisKeys(cacheName, ident).entry))));
    },
  };
}
