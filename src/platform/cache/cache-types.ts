export type FactoryContext = {
  /** Aborted when nobody waits for the value any more: the hard time-out passed, or the process stops. */
  readonly signal: AbortSignal;
  /** Further tags, known only once the value is. */
  addTags(...tags: readonly string[]): void;
};

/**
 * Reads the value from where it truly is. From PostgreSQL that is `database.latest`: what a lagging replica says would be kept
 * after the invalidation that was to remove it.
 */
export type Factory<T> = (context: FactoryContext) => Promise<T> | T;

export type KeyOptions = {
  /** Keeps equal keys apart, and can be emptied as a whole. Letters, digits and `_ . : -`. */
  readonly namespace?: string;
};

export type SetOptions = KeyOptions & {
  readonly ttlS?: number;
  /** How long after its time a value may still be served, while a new one is fetched or its source fails. */
  readonly graceS?: number;
  readonly tags?: readonly string[];
  /** Wait until the value is in Redis too; otherwise it is written in the background. */
  readonly waitsForWrite?: boolean;
};

export type GetOrSetOptions = SetOptions & {
  /** Keeps null and undefined as well, for so long; without it, they are never kept. */
  readonly negativeTtlS?: number;
  /** With a stale value at hand: how long to wait for the new one before the stale one is the answer. 0: not at all. */
  readonly softTimeoutMs?: number;
  /** How long to wait at all. */
  readonly hardTimeoutMs?: number;
  /** After this share of its time a value that is asked for is fetched anew in the background. 1: never. */
  readonly eagerFraction?: number;
};

/**
 * Values are plain data: what JSON has, and undefined, Date, bigint, Set, Buffer and Uint8Array. Others stay in this process's memory and
 * are not written to Redis. A value is shared by all who ask for it: its plain objects and arrays are frozen when it is taken in,
 * so whoever tries to change one gets a TypeError. Dates, Sets and Buffers cannot be frozen; leave them as they are.
 */
export type Cache = {
  readonly name: string;
  /**
   * The value, from memory, Redis or the factory: one call of it, however many ask in however many processes.
   * @throws what the factory throws; AppError `source_timed_out` (503, retryable) after the hard time-out
   */
  getOrSet<T>(key: string, factory: Factory<T>, options?: GetOrSetOptions): Promise<T>;
  /** The value if it is in memory or Redis and still fresh. */
  get<T>(key: string, options?: KeyOptions): Promise<T | undefined>;
  /** The value if it is in this process's memory and still fresh. */
  peek<T>(key: string, options?: KeyOptions): T | undefined;
  /** Replaces the value everywhere: what a factory under way would have stored is dropped. */
  set<T>(key: string, value: T, options?: SetOptions): Promise<void>;
  /** Resolves once no caller of this process can get the old value, and every other process has been told. */
  remove(key: string, options?: KeyOptions): Promise<void>;
  removeByTag(...tags: readonly string[]): Promise<void>;
  removeNamespace(namespace: string): Promise<void>;
  removeAll(): Promise<void>;
  figures(): CacheFigures;
};

export type LevelCounts = {
  hits: number;
  /** There was nothing, or nothing fresh. */
  misses: number;
  /** Served after their time; misses too. */
  stale: number;
  /** In memory: refreshes that failed and that a value kept back hid from callers. In Redis: no answer, or an error. */
  errors: number;
};

export type CacheFigures = {
  readonly name: string;
  readonly memory: Readonly<LevelCounts> & {
    readonly entries: number;
    /** In encoded form; on the heap plain objects take two to four times as much. */
    readonly bytes: number;
    readonly maxEntries: number;
    readonly maxBytes: number;
    readonly evictions: number;
    readonly rejectedByAdmission: number;
    readonly oldestAgeS: number;
    readonly meanAgeS: number;
  };
  /** Absent without Redis. `out`: it is in trouble, and requests go on without it. */
  readonly redis?: Readonly<LevelCounts> & {
    readonly state: 'ready' | 'out';
    readonly writes: number;
    readonly bytesRead: number;
    readonly bytesWritten: number;
    /** Invalidations that wait until they can be written. */
    readonly pendingInvalidations: number;
    /** Times that messages had been missed and were caught up with. */
    readonly gaps: number;
  };
  readonly source: { readonly calls: number; readonly errors: number; readonly timeouts: number; readonly meanMs: number };
  readonly invalidations: number;
};

/** What to invalidate: one of them, or several. `all` is everything in the cache. */
export type InvalidationTarget = {
  readonly keys?: readonly string[];
  readonly tags?: readonly string[];
  /** The keys' namespace; without keys, the whole of it. */
  readonly namespace?: string;
  readonly all?: boolean;
};
