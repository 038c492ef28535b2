import { setTimeout as delay } from 'node:timers/promises';
import { AppError } from '#shared/errors';
import { everything, type Scope, tagScopes } from './cache-key.ts';
import type { Factory, FactoryContext } from './cache-types.ts';
import type { Position } from './invalidation-ledger.ts';
import type { MemoryEntry } from './memory-level.ts';
import type { RedisLevel, RemoteEntry, RemoteRead } from './redis-level.ts';

/** What a load comes to. `remote`: Redis had it, fresh. `left`: another process fetches it, and there is a stale value to serve. */
export type LoadOutcome =
  | { readonly kind: 'remote'; readonly entry: RemoteEntry }
  | { readonly kind: 'left' }
  | { readonly kind: 'made'; readonly value: unknown; readonly position: Position | undefined };

/** What the loads of one cache have in common. */
export type LoadPlace = {
  readonly redis: RedisLevel | undefined;
  readonly started: () => Promise<void> | undefined;
  readonly lockMs: number;
  readonly now: () => number;
  readonly random: () => number;
  readonly callFactory: (factory: Factory<unknown>, context: FactoryContext) => Promise<unknown>;
  /** Redis has a stale value. */
  readonly onStale: (load: CacheLoad, entry: RemoteEntry) => void;
  /** Callers got a stale value. */
  readonly onStaleAnswer: () => void;
};

type LoadOptions = {
  readonly ident: string;
  /** Known before the value is: its key, namespace and tags. */
  readonly scopes: readonly Scope[];
  readonly factory: Factory<unknown>;
  readonly token: string;
  /** There is a fresh value, of which a newer one is wanted. */
  readonly isEager: boolean;
  readonly eagerFraction: number;
  readonly softTimeoutMs: number;
  readonly hardTimeoutMs: number;
  /** What memory has, fresh or stale. */
  readonly known: MemoryEntry | undefined;
};

const maxDynamicScopes = 1000;
const firstPollMs = 5;
const longestPollMs = 100;

/** One fetch of one key: whoever asks for the key meanwhile waits for it. */
export class CacheLoad {
  readonly ident: string;
  readonly #answer = Promise.withResolvers<unknown>();
  /** Once the answer was a stale value: for those who come later and do not want that one. */
  #result: PromiseWithResolvers<unknown> | undefined;
  #staleUntilMs = 0;
  readonly #place: LoadPlace;
  readonly #options: LoadOptions;
  #scopes: readonly Scope[];
  #invalidated: Set<Scope> | undefined;
  #stale: MemoryEntry | undefined;
  #softTimer: NodeJS.Timeout | undefined;
  #aborted: PromiseWithResolvers<never> | undefined;
  #controller: AbortController | undefined;
  #abortReason: unknown;
  #hasBegun = false;
  #isOutdated = false;
  #holdsLock = false;
  #renewal: NodeJS.Timeout | undefined;
  #hardTimer: NodeJS.Timeout | undefined;
  readonly #beganAt = performance.now();

  constructor(place: LoadPlace, options: LoadOptions) {
    this.ident = options.ident;
    this.#place = place;
    this.#options = options;
    this.#scopes = options.scopes;
    this.#stale = options.known;
  }

  /** One that fetches nothing, and is there to be outdated. */
  static idle(place: LoadPlace, ident: string, scopes: readonly Scope[]): CacheLoad {
    const load = new CacheLoad(place, {
      ...{ ident, scopes, token: '', softTimeoutMs: 0, hardTimeoutMs: 0, isEager: false, eagerFraction: 1, known: undefined },
      factory: () => undefined,
    });
    load.#hasBegun = true;
    return load;
  }

  /** The value, or a stale one when that comes first. */
  get answer(): Promise<unknown> {
    return this.#answer.promise;
  }

  /** As `answer`; but what was stale when the load began may be past its grace by now, and then it is none. */
  join(nowMs: number): Promise<unknown> {
    return this.#result === undefined || nowMs < this.#staleUntilMs ? this.#answer.promise : this.#result.promise;
  }

  /** Served when the source fails, or takes longer than the soft time-out. */
  get stale(): MemoryEntry | undefined {
    return this.#stale;
  }

  offerStale(entry: MemoryEntry | undefined): void {
    this.#stale = entry ?? this.#stale;
    if (this.#options.softTimeoutMs <= 0) this.#answerStale();
    else this.#softTimer ??= setTimeout(() => this.#answerStale(), this.#options.softTimeoutMs);
  }

  #answerStale(): void {
    const entry = this.#stale;
    if (entry === undefined || this.#place.now() >= entry.staleUntilMs) return;
    this.#place.onStaleAnswer();
    if (this.#result !== undefined) return;
    this.#staleUntilMs = entry.staleUntilMs;
    this.#result = Promise.withResolvers<unknown>();
    this.#answer.resolve(entry.value);
  }

  resolve(value: unknown): void {
    clearTimeout(this.#softTimer);
    this.#answer.resolve(value);
    this.#result?.resolve(value);
  }

  /** Nobody has to wait for it: a refresh in the background has no caller. */
  reject(error: unknown): void {
    clearTimeout(this.#softTimer);
    for (const waiting of [this.#answer, this.#result]) {
      waiting?.promise.catch(() => undefined);
      waiting?.reject(error);
    }
  }

  get scopes(): readonly Scope[] {
    return this.#scopes;
  }

  /** Something that it depends on was invalidated after it began: its value is for those who wait, and is not kept. */
  get isOutdated(): boolean {
    return this.#isOutdated;
  }

  get holdsLock(): boolean {
    return this.#holdsLock;
  }

  /** For whoever gives the lock back by itself. */
  takeLock(): string | undefined {
    if (!this.#holdsLock) return undefined;
    this.#holdsLock = false;
    return this.#options.token;
  }

  /** True when that makes it outdated. */
  invalidate(scopes: readonly Scope[]): boolean {
    // Nothing was read yet: what it is going to read comes from after the invalidation.
    if (!this.#hasBegun) return false;
    for (const scope of scopes) {
      this.#invalidated ??= new Set();
      if (scope === everything || this.#scopes.includes(scope) || this.#invalidated.size >= maxDynamicScopes) this.#isOutdated = true;
      else this.#invalidated.add(scope);
    }
    return this.#isOutdated;
  }

  async run(): Promise<LoadOutcome> {
    const { redis, started } = this.#place;
    const { isEager, token } = this.#options;
    try {
      if (redis === undefined) return await this.#orAborted(this.#fetchAlone());
      const starting = started();
      if (starting !== undefined) await this.#orAborted(starting);
      this.#hasBegun = true;
      // The first read has a time of its own, and most loads end with it.
      const read = await redis.read(this.ident, { token, isForced: isEager });
      this.#holdsLock = read?.lock === 'mine';
      if (this.#abortReason !== undefined) throw this.#abortReason;
      const outcome = read && this.#judge(read);
      return outcome ?? (await this.#orAborted(this.#fetch(redis, read)));
    } finally {
      clearTimeout(this.#hardTimer);
      clearTimeout(this.#renewal);
    }
  }

  #orAborted<T>(work: Promise<T>): Promise<T> {
    this.#aborted ??= Promise.withResolvers<never>();
    if (this.#abortReason !== undefined) this.#aborted.reject(this.#abortReason);
    return Promise.race([work, this.#aborted.promise]);
  }

  #limitTime(): void {
    const { hardTimeoutMs } = this.#options;
    const leftMs = hardTimeoutMs - (performance.now() - this.#beganAt);
    this.#hardTimer ??= setTimeout(() => this.abort(timedOut(hardTimeoutMs)), Math.max(0, leftMs));
  }

  abort(reason: unknown): void {
    this.#abortReason = reason;
    this.#controller?.abort(reason);
    this.#aborted?.reject(reason);
  }

  /** For whoever has finished with it without storing anything. */
  async releaseLock(): Promise<void> {
    clearTimeout(this.#renewal);
    const token = this.takeLock();
    if (token !== undefined) await this.#place.redis?.release(this.ident, token);
  }

  async #fetchAlone(): Promise<LoadOutcome> {
    this.#limitTime();
    await this.#place.started();
    this.#hasBegun = true;
    return this.#make(undefined);
  }

  /** @param first a look, which has not ended the load */
  async #fetch(redis: RedisLevel, first: RemoteRead | undefined): Promise<LoadOutcome> {
    const { token, isEager } = this.#options;
    this.#limitTime();
    let read = first;
    for (let polls = 0, isForced = isEager; ; ) {
      if (read === undefined) {
        // It may have taken the lock all the same, when only its answer came too late.
        void redis.release(this.ident, token);
        return this.#make(undefined);
      }
      if (read.lock !== 'others') return this.#make(read.position);
      // An entry that looked fresh and is not valid: the lock has not been asked for yet.
      if (!isForced) isForced = true;
      else await delay(pollMs((polls += 1), this.#place.random));
      read = await redis.read(this.ident, { token, isForced });
      this.#holdsLock = read?.lock === 'mine';
      // Given up meanwhile: the lock that this read may have taken is nobody's.
      if (this.#abortReason !== undefined) await this.releaseLock();
      if (this.#abortReason !== undefined) throw this.#abortReason;
      const outcome = read && this.#judge(read);
      if (outcome !== undefined) return outcome;
    }
  }

  #judge({ entry, lock }: RemoteRead): LoadOutcome | undefined {
    const { isEager } = this.#options;
    if (isEager && lock === 'others') return { kind: 'left' };
    if (entry === undefined || (isEager && !this.#isNewer(entry))) return undefined;
    if (entry.freshForMs > 0) return { kind: 'remote', entry };
    this.#place.onStale(this, entry);
    return lock === 'others' && this.#stale !== undefined ? { kind: 'left' } : undefined;
  }

  /** Another process may have refreshed it already: then Redis has one with more time left than what is known here. */
  #isNewer(entry: RemoteEntry): boolean {
    return entry.freshForMs > entry.ttlMs * (1 - this.#options.eagerFraction);
  }

  async #make(position: Position | undefined): Promise<LoadOutcome> {
    if (this.#holdsLock) this.#renewLater();
    return { kind: 'made', value: await this.#callFactory(), position };
  }

  #renewLater(): void {
    this.#renewal = setTimeout(() => {
      if (!this.#holdsLock) return;
      this.#place.redis?.renew(this.ident, this.#options.token).then(
        () => this.#holdsLock && this.#renewLater(),
        // Lost, then: another process may fetch the value as well.
        () => undefined,
      );
    }, this.#place.lockMs / 3);
  }

  async #callFactory(): Promise<unknown> {
    const signal = () => this.#signal();
    return this.#place.callFactory(this.#options.factory, {
      get signal() {
        return signal();
      },
      addTags: (...tags) => this.#addTags(tags),
    });
  }

  #signal(): AbortSignal {
    this.#controller ??= new AbortController();
    if (this.#abortReason !== undefined) this.#controller.abort(this.#abortReason);
    return this.#controller.signal;
  }

  #addTags(tags: readonly string[]): void {
    for (const scope of tagScopes(tags)) {
      if (!this.#scopes.includes(scope)) this.#scopes = [...this.#scopes, scope];
      if (this.#invalidated?.has(scope) === true) this.#isOutdated = true;
    }
  }
}

function pollMs(polls: number, random: () => number): number {
  return Math.min(longestPollMs, firstPollMs * 2 ** (polls - 1)) * (0.5 + random() / 2);
}

function timedOut(hardTimeoutMs: number): AppError {
  return new AppError('source_timed_out', `The source did not answer within ${hardTimeoutMs} ms.`, {
    status: 503,
    retryable: true,
    retryAfterSeconds: 1,
  });
}
