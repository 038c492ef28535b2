export type CacheSettings = {
  readonly ttlS: number;
  /** See SetOptions. */
  readonly graceS: number;
  readonly maxEntries: number;
  readonly maxBytes: number;
  /** See GetOrSetOptions. */
  readonly softTimeoutMs: number;
  readonly hardTimeoutMs: number;
  readonly eagerFraction: number;
  /** A value lives between this share less than its time and its time, so that what was stored together does not expire together. */
  readonly ttlJitter: number;
  /** A larger value is handed on and not kept. */
  readonly maxValueBytes: number;
  /** Values that JSON cannot carry without loss are written as MessagePack in either case. */
  readonly format: 'messagepack' | 'json';
  /** Encoded values above this are compressed in Redis. */
  readonly compressAboveBytes: number;
};

const mebibyte = 2 ** 20;

const shared = {
  softTimeoutMs: 0,
  hardTimeoutMs: 10_000,
  eagerFraction: 0.9,
  ttlJitter: 0.1,
  // Encoding so much takes about as long as an event loop may be held up: 5 ms.
  maxValueBytes: mebibyte,
  format: 'messagepack',
  compressAboveBytes: 2048,
} as const;

export const defaultSettings = {
  content: { ...shared, ttlS: 3600, graceS: 3600, maxEntries: 1000, maxBytes: 64 * mebibyte },
  // A session that has ended must not be served on.
  user_sessions: { ...shared, ttlS: 1800, graceS: 0, maxEntries: 5000, maxBytes: 16 * mebibyte, eagerFraction: 1 },
  api_responses: { ...shared, ttlS: 300, graceS: 300, maxEntries: 2000, maxBytes: 64 * mebibyte },
  database_queries: { ...shared, ttlS: 600, graceS: 600, maxEntries: 500, maxBytes: 32 * mebibyte },
} as const satisfies Record<string, CacheSettings>;

export type CacheName = keyof typeof defaultSettings;

/** How Redis is treated. */
export type RedisTuning = {
  /** What a request gives Redis before it goes on without it. */
  readonly readBudgetMs: number;
  readonly writeBudgetMs: number;
  /** Failures in a row after which Redis is left alone: with the read budget, at most 100 ms of trouble. */
  readonly failureThreshold: number;
  /** Until Redis is tried again; grows while it goes on failing. */
  readonly openMs: number;
  /** A lock is renewed while its factory runs; a holder that died is replaced after this. */
  readonly lockMs: number;
  /** How often each process makes sure that it missed no invalidation. */
  readonly checkIntervalMs: number;
};

export const defaultTuning: RedisTuning = {
  readBudgetMs: 50,
  writeBudgetMs: 500,
  failureThreshold: 2,
  openMs: 1000,
  lockMs: 5000,
  checkIntervalMs: 1000,
};
