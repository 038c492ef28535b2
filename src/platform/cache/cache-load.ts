import { setTimeout as delay } from 'node:timers/promises';
import { AppError } from '#shared/errors';
import { everything, type Scope, tagScopes } from './cache-key.ts';
import type { Factory } from './cache-types.ts';
import type { Position } from './invalidation-ledger.ts';
import type { RedisLevel, RemoteEntry, RemoteRead } from './redis-level.ts';

/** What a load comes to. `remote`: Redis had it, fresh. `left`: another process fetches it, and there is a stale value to serve. */
export type LoadOutcome =
  | { readonly kind: 'remote'; readonly entry: RemoteEntry }
  | { readonly kind: 'left' }
  | { readonly kind: 'made'; readonly value: unknown; readonly position: Position | undefined };

export type LoadOptions = {
  readonly ident: string;
  /** Known before the value is: its key, namespace and tags. */
  readonly scopes: readonly Scope[];
  readonly factory: Factory<unknown>;
  readonly token: string;
  readonly redis: RedisLevel | undefined;
  readonly started: () => Promise<void> | undefined;
  /** There is a fresh value, of which a newer one is wanted. */
  readonly isEager: boolean;
  readonly eagerFraction: number;
  readonly lockMs: number;
  readonly hardTimeoutMs: number;
  readonly hasStale: () => boolean;
  readonly onStale: (entry: RemoteEntry) => void;
  readonly random: () => number;
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
  readonly #options: LoadOptions;
  #scopes: readonly Scope[];
  #invalidated: Set<Scope> | undefined;
  readonly #outcome = Promise.withResolvers<LoadOutcome>();
  #controller: AbortController | undefined;
  #abortReason: unknown;
  #hasBegun = false;
  #isOutdated = false;
  #holdsLock = false;
  #renewal: NodeJS.Timeout | undefined;
  #hardTimer: NodeJS.Timeout | undefined;
  readonly #beganAt = performance.now();

  constructor(options: LoadOptions) {
    this.ident = options.ident;
    this.#options = options;
    this.#scopes = options.scopes;
    // Nobody has to wait for either: a refresh in the background has no caller.
    this.#answer.promise.catch(() => undefined);
    this.#outcome.promise.catch(() => undefined);
  }

  /** One that fetches nothing, and is there to be outdated. */
  static idle(ident: string, scopes: readonly Scope[], redis: RedisLevel | undefined): CacheLoad {
    const load = new CacheLoad({
      ...{ ident, scopes, redis, token: '', lockMs: 0, hardTimeoutMs: 0, isEager: false, eagerFraction: 1 },
      factory: () => undefined,
      started: () => undefined,
      hasStale: () => false,
      onStale: () => undefined,
      random: () => 0,
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

  answerStale(value: unknown, staleUntilMs: number): void {
    if (this.#result !== undefined) return;
    this.#staleUntilMs = staleUntilMs;
    this.#result = Promise.withResolvers<unknown>();
    this.#result.promise.catch(() => undefined);
    this.#answer.resolve(value);
  }

  resolve(value: unknown): void {
    this.#answer.resolve(value);
    this.#result?.resolve(value);
  }

  reject(error: unknown): void {
    this.#answer.reject(error);
    this.#result?.reject(error);
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
    // Without Redis nothing bounds the first step; with it, the first read has a time of its own, and most loads end there.
    if (this.#options.redis === undefined) this.#limitTime();
    try {
      this.#fetch().then(this.#outcome.resolve, this.#outcome.reject);
      return await this.#outcome.promise;
    } finally {
      clearTimeout(this.#hardTimer);
      clearTimeout(this.#renewal);
    }
  }

  #limitTime(): void {
    const { hardTimeoutMs } = this.#options;
    const leftMs = hardTimeoutMs - (performance.now() - this.#beganAt);
    this.#hardTimer ??= setTimeout(() => this.abort(timedOut(hardTimeoutMs)), Math.max(0, leftMs));
  }

  abort(reason: unknown): void {
    this.#abortReason = reason;
    this.#controller?.abort(reason);
    this.#outcome.reject(reason);
  }

  /** For whoever has finished with it without storing anything. */
  async releaseLock(): Promise<void> {
    clearTimeout(this.#renewal);
    const token = this.takeLock();
    if (token !== undefined) await this.#options.redis?.release(this.ident, token);
  }

  async #fetch(): Promise<LoadOutcome> {
    const { redis, started } = this.#options;
    await started();
    this.#hasBegun = true;
    if (redis === undefined) return { kind: 'made', value: await this.#callFactory(), position: undefined };
    for (let polls = 0, isForced = this.#options.isEager; ; ) {
      const read = await redis.read(this.ident, { token: this.#options.token, isForced });
      this.#holdsLock = read?.lock === 'mine';
      // Given up meanwhile: the lock that this read may have taken is nobody's.
      if (this.#abortReason !== undefined) await this.releaseLock();
      if (this.#abortReason !== undefined) throw this.#abortReason;
      const outcome = read && this.#judge(read);
      if (outcome !== undefined) return outcome;
      this.#limitTime();
      if (read === undefined) {
        // It may have taken the lock all the same, when only its answer came too late.
        void redis.release(this.ident, this.#options.token);
        return this.#make(undefined);
      }
      if (read.lock !== 'others') return this.#make(read.position);
      // An entry that looked fresh and is not valid: the lock has not been asked for yet.
      if (!isForced) isForced = true;
      else await delay(pollMs((polls += 1), this.#options.random));
    }
  }

  #judge({ entry, lock }: RemoteRead): LoadOutcome | undefined {
    const { isEager, hasStale } = this.#options;
    if (isEager && lock === 'others') return { kind: 'left' };
    if (entry === undefined || (isEager && !this.#isNewer(entry))) return undefined;
    if (entry.freshForMs > 0) return { kind: 'remote', entry };
    this.#options.onStale(entry);
    return lock === 'others' && hasStale() ? { kind: 'left' } : undefined;
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
      this.#options.redis?.renew(this.ident, this.#options.token).then(
        () => this.#holdsLock && this.#renewLater(),
        // Lost, then: another process may fetch the value as well.
        () => undefined,
      );
    }, this.#options.lockMs / 3);
  }

  async #callFactory(): Promise<unknown> {
    const signal = () => this.#signal();
    return this.#options.factory({
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
