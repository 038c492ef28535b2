import { randomBytes } from 'node:crypto';
import type { RedisClient } from '#platform/redis';
import { everything, type Scope, versionField } from './cache-key.ts';
import type { RedisTuning } from './cache-settings.ts';
import { type RedisGuard, RedisUnavailable } from './redis-guard.ts';
import type { RedisScripts } from './redis-scripts.ts';

/**
 * What was invalidated, in order. One ledger a named cache, in Redis:
 *
 *     versions  hash   epoch · seq · last · <field of a scope> → the sequence number of its last invalidation
 *     log       list   the last invalidations, newest first: epoch|seq|id|id before|{"cache","scopes"}
 *     channel          the same items, published
 *
 * An entry carries the epoch and the sequence number up to which its writer knew the ledger before its factory began. It is valid
 * while the epoch is the same and none of its scopes has a later number: so what a factory read before an invalidation is not
 * valid after it, whoever stores it and whenever.
 *
 * A process has a copy of the versions, and knows up to which number it has applied the ledger. So a hit in Redis needs no second
 * question, and who has not heard of an invalidation yet serves from Redis what it would serve from memory. An item that does not follow the one before it,
 * a new connection, and a look once a second show that something was missed; it is read from the log, and when the log does not
 * reach back so far, memory is emptied. A number that went backwards, or an id that is not the one known, means that Redis lost writes: a
 * new epoch makes everything before it invalid.
 *
 * An invalidation that cannot be written is applied here at once and waits; until it is written, this process does not read
 * from Redis. So it never gets back what it has invalidated.
 */
export type InvalidationLedger = {
  /** Whether what Redis has may be used: the ledger is applied, and nothing waits to be written. */
  isCurrent(): boolean;
  /** Resolves when what is being written has been, or could not be; undefined when nothing is. */
  settled(): Promise<void> | undefined;
  /** Up to where the ledger is known; undefined before the first look at it. */
  position(): Position | undefined;
  isValid(entry: Position & { readonly scopes: readonly Scope[] }, ownScope: Scope): boolean;
  /**
   * @param id given where several processes may tell of the same invalidation: the first one counts
   */
  invalidate(scopes: readonly Scope[], id?: string): Promise<void>;
  receive(item: string): void;
  /** Catches up with whatever was missed, and writes what waits. */
  sync(): Promise<void>;
  /** From now on nothing is sure until the next sync. */
  doubt(): void;
  figures(): { readonly pending: number; readonly gaps: number };
};

export type Position = { readonly epoch: string; readonly sequence: number };

export type LedgerOptions = {
  readonly cacheName: string;
  readonly client: RedisClient;
  readonly scripts: RedisScripts;
  readonly guard: RedisGuard;
  readonly tuning: RedisTuning;
  /** Removes what the scopes name from this process's memory. */
  readonly apply: (scopes: readonly Scope[]) => void;
};

export const invalidationChannel = 'aquascene:cache:invalidations';

export const versionsKey = (cacheName: string): string => `aquascene:cache:{${cacheName}}:versions`;

const maxLogItems = 1000;
const maxPendingScopes = 1000;
const maxScopesAtOnce = 200;
// As long as any process may take to hear of it by another way.
const rememberedIdMs = 60_000;

type Item = { readonly epoch: string; readonly sequence: number; readonly id: string; readonly before: string; readonly scopes: Scope[] };

const newId = (): string => randomBytes(9).toString('base64url');

export function createInvalidationLedger(options: LedgerOptions): InvalidationLedger {
  const { client, scripts, guard, tuning, apply } = options;
  const keys = {
    versions: versionsKey(options.cacheName),
    log: `aquascene:cache:{${options.cacheName}}:log`,
    done: (id: string) => `aquascene:cache:{${options.cacheName}}:done:${id}`,
  };
  // By field; what is not there was not invalidated in this epoch.
  let versions = new Map<string, number>();
  let epoch: string | undefined;
  let sequence = 0;
  let last = '';
  let isSynced = false;
  let gaps = 0;
  let syncing: Promise<void> | undefined;
  // Each under the id that it will have; an empty id is none in particular.
  const pending = new Map<string, { readonly scopes: readonly Scope[]; readonly isShared: boolean }>();
  let flushing: Promise<void> | undefined;

  function forgetEverything(): void {
    apply([everything]);
  }

  /** The next item of the ledger: true when it is. */
  function follow(item: Item): boolean {
    if (item.epoch !== epoch || item.sequence !== sequence + 1 || item.before !== last) return false;
    for (const scope of item.scopes) versions.set(versionField(scope), item.sequence);
    sequence = item.sequence;
    last = item.id;
    return true;
  }

  function receive(text: string): void {
    const item = parseItem(text);
    if (item === undefined || epoch === undefined) return;
    if (item.epoch === epoch && item.sequence <= sequence) return;
    apply(item.scopes);
    // Otherwise something before it was missed.
    if (!follow(item)) sync().catch(ignoreOutage);
  }

  async function write(id: string, scopes: readonly Scope[], isShared: boolean): Promise<void> {
    const payload = JSON.stringify({ cache: options.cacheName, scopes });
    const fields = [...new Set(scopes.map(versionField))];
    const item = await guard.run(tuning.writeBudgetMs, () =>
      scripts.invalidate(
        keys.versions,
        keys.log,
        keys.done(id),
        ...[id, newId(), invalidationChannel, maxLogItems, isShared ? rememberedIdMs : 0, payload],
        ...fields,
      ),
    );
    // Once more: what was loaded while this was on its way may have come from before it.
    apply(scopes);
    if (item !== null) receive(item);
  }

  async function writePending(): Promise<void> {
    for (const [id, { scopes, isShared }] of pending) {
      await write(id, scopes, isShared);
      pending.delete(id);
    }
  }

  function flush(): Promise<void> {
    flushing ??= writePending().finally(() => {
      flushing = undefined;
    });
    return flushing;
  }

  function enqueue(scopes: readonly Scope[], id: string | undefined): void {
    let count = scopes.length;
    for (const waiting of pending.values()) count += waiting.scopes.length;
    if (count > maxPendingScopes) {
      pending.clear();
      pending.set(newId(), { scopes: [everything], isShared: false });
      return;
    }
    for (let start = 0; start < scopes.length; start += maxScopesAtOnce) {
      const part = scopes.slice(start, start + maxScopesAtOnce);
      pending.set(id === undefined ? newId() : `${id}:${start}`, { scopes: part, isShared: id !== undefined });
    }
  }

  async function invalidate(scopes: readonly Scope[], id?: string): Promise<void> {
    apply(scopes);
    enqueue(scopes, id);
    // A round that began before may have passed this one by.
    for (let round = 0; round < 2 && pending.size > 0; round += 1) {
      try {
        await flush();
      } catch (error) {
        ignoreOutage(error);
        return;
      }
    }
  }

  async function readState() {
    const [readEpoch, readSequence, readLast] = await guard.probe(tuning.writeBudgetMs, () =>
      client.hmget(keys.versions, 'epoch', 'seq', 'last'),
    );
    return { epoch: readEpoch ?? '', sequence: Number(readSequence ?? 0), last: readLast ?? '' };
  }

  /** The whole ledger as it stands; whatever memory has may be older. */
  async function adoptAll(): Promise<void> {
    const {
      epoch: readEpoch = '',
      seq = '0',
      last: readLast = '',
      ...fields
    } = await guard.run(tuning.writeBudgetMs, () => client.hgetall(keys.versions));
    // Messages may have come meanwhile that are newer than this.
    if (readEpoch === epoch && Number(seq) < sequence) return;
    epoch = readEpoch;
    sequence = Number(seq);
    last = readLast;
    versions = new Map(Object.entries(fields).map(([field, number]) => [field, Number(number)]));
    forgetEverything();
  }

  async function beginEpoch(before: string): Promise<void> {
    await guard.run(tuning.writeBudgetMs, () => scripts.beginEpoch(keys.versions, before, newId()));
    await adoptAll();
  }

  /** What was missed, from the log; when that does not reach back to what is known, memory is emptied. */
  async function catchUp(wanted: number): Promise<void> {
    const missing = wanted - sequence;
    const texts = missing > maxLogItems ? [] : await guard.run(tuning.writeBudgetMs, () => client.lrange(keys.log, 0, missing + 99));
    for (const item of texts.map(parseItem).reverse()) {
      if (item === undefined || item.sequence <= sequence) continue;
      if (!follow(item)) break;
      apply(item.scopes);
    }
    if (sequence < wanted) await adoptAll();
  }

  async function compare(): Promise<void> {
    const known = { epoch, sequence, last };
    const state = await readState();
    if (state.epoch !== '' && known.epoch === undefined) return adoptAll();
    const isBackwards = state.sequence < known.sequence || (state.sequence === known.sequence && state.last !== known.last);
    const isOther = state.epoch !== known.epoch;
    if (!isOther && !isBackwards && state.sequence <= sequence) return;
    gaps += known.epoch === undefined ? 0 : 1;
    if (state.epoch === '' || (!isOther && isBackwards)) return beginEpoch(state.epoch);
    return isOther ? adoptAll() : catchUp(state.sequence);
  }

  function sync(): Promise<void> {
    syncing ??= (async () => {
      await compare();
      await flush();
      isSynced = true;
    })().finally(() => {
      syncing = undefined;
    });
    return syncing;
  }

  return {
    isCurrent: () => isSynced && pending.size === 0 && !guard.isOpen(),
    settled: () => flushing?.catch(ignoreOutage),
    position: () => (epoch === undefined ? undefined : { epoch, sequence }),
    isValid(entry, ownScope) {
      if (entry.epoch !== epoch) return false;
      const isUntouched = (scope: Scope) => (versions.get(versionField(scope)) ?? 0) <= entry.sequence;
      return entry.sequence >= sequence || (isUntouched(everything) && isUntouched(ownScope) && entry.scopes.every(isUntouched));
    },
    invalidate,
    receive,
    sync,
    doubt: () => {
      isSynced = false;
    },
    figures: () => ({ gaps, pending: pending.size }),
  };
}

/** An outage is told of by the guard, once; what could not be done is done when it is over. */
export function ignoreOutage(error: unknown): void {
  if (!(error instanceof RedisUnavailable)) throw error;
}

function parseItem(text: string): Item | undefined {
  const [, epoch, sequence, id, before, payload] = /^([^|]*)\|(\d+)\|([^|]*)\|([^|]*)\|(.*)$/s.exec(text) ?? [];
  if (epoch === undefined || id === undefined || before === undefined || payload === undefined) return undefined;
  const scopes = readPayload(payload)?.scopes;
  return scopes && { epoch, id, before, scopes, sequence: Number(sequence) };
}

/** What is published stands in the same form on either bus. */
export function readPayload(payload: string): { readonly cache: string; readonly scopes: Scope[]; readonly id?: string } | undefined {
  try {
    const message = JSON.parse(payload) as { readonly cache?: unknown; readonly scopes?: unknown; readonly id?: unknown } | null;
    const { cache, scopes, id } = message ?? {};
    if (typeof cache !== 'string' || !Array.isArray(scopes) || !scopes.every((scope) => typeof scope === 'string')) return undefined;
    return { cache, scopes, ...(typeof id === 'string' && { id }) };
  } catch {
    // Not ours: a channel is open to whoever can reach it.
    return undefined;
  }
}

/** The cache that an item of the channel is about. */
export function cacheOfItem(text: string): string | undefined {
  const payload = text.split('|').slice(4).join('|');
  return readPayload(payload)?.cache;
}
