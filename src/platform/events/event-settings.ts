export type EventSettings = {
  /** Events that are handled in one transaction at most. */
  readonly batchSize: number;
  /** NOTIFY and Redis wake; looking only makes up for a notice that was lost. */
  readonly pollIntervalMs: number;
  /** Tries of an event before it is a dead letter: with these delays about a quarter of an hour. */
  readonly maxAttempts: number;
  /** Doubles with each try, up to `maxRetryDelayMs`. */
  readonly retryDelayMs: number;
  readonly maxRetryDelayMs: number;
  /** Redis driver: batches at once in this process, each with a database connection. */
  readonly concurrency: number;
  /** Redis driver: how long entries stay in the streams after every subscriber has handled them. */
  readonly streamRetentionMs: number;
  /** Redis driver: entries of a stream beyond which the oldest go, read or not; who misses them reads the outbox. */
  readonly maxStreamLength: number;
};

export const defaultEventSettings: EventSettings = {
  batchSize: 100,
  pollIntervalMs: 5000,
  maxAttempts: 10,
  retryDelayMs: 1000,
  maxRetryDelayMs: 300_000,
  concurrency: 4,
  streamRetentionMs: 3_600_000,
  maxStreamLength: 20_000,
};
