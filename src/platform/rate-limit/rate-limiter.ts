/** A token bucket: it holds `burst` tokens when full, and gains `ratePerSecond`. */
export type TokenLimit = { readonly ratePerSecond: number; readonly burst: number };

export type Bucket = {
  /** Of whom or of what: `key:…`, `address:…`. In a Redis Cluster, the buckets of one subject stand on one server. */
  readonly subject: string;
  /** The limit's name, as callers read it. One subject has one bucket a policy. */
  readonly policy: string;
  readonly limit: TokenLimit;
};

/** A bucket after a decision. Under shares these are this process's part. */
export type BucketState = {
  readonly policy: string;
  readonly limit: TokenLimit;
  /** Whole tokens that are left. */
  readonly remaining: number;
  /** Until it is full, when nothing more is taken. */
  readonly fullInMs: number;
};

export type RateDecision =
  | { readonly kind: 'allowed' /** The bucket with the fewest tokens left. */; readonly tightest: BucketState }
  | { readonly kind: 'refused'; readonly by: BucketState /** Until it has a token again. */; readonly retryAfterMs: number };

export type RateLimiter = {
  /**
   * Takes a token from each of the buckets, of which there is at least one; or, when one of them is empty, none from any: the
   * first empty one refuses.
   */
  take(buckets: readonly [Bucket, ...Bucket[]]): Promise<RateDecision>;
};

/**
 * Time units that a token takes to come, and that an empty bucket takes to fill. A bucket is kept as one number, the time at
 * which it is full again: the backlog until then grows by an interval with each token taken, and refuses what would take it
 * past the capacity (the generic cell rate algorithm, ITU-T I.371). Nothing has to be refilled, and a bucket whose time has
 * passed is the same as none.
 */
export type Pace = { readonly interval: number; readonly capacity: number };

// Sums of fractions miss a whole number by some billionths: the last token of a burst must not be refused for that.
const toleranceTokens = 0.001;

/** @param unitsPerSecond of time; `processes` share the limit evenly, though each has at least one token */
export function paceOf({ ratePerSecond, burst }: TokenLimit, unitsPerSecond: number, processes = 1): Pace {
  const interval = (unitsPerSecond * processes) / ratePerSecond;
  return { interval, capacity: Math.max(1, burst / processes) * interval };
}

/** How long, in time units, until a token can be taken from a bucket with this backlog; 0 when one can now. */
export function waitFor({ interval, capacity }: Pace, backlog: number): number {
  const over = backlog + interval - capacity;
  return over > interval * toleranceTokens ? over : 0;
}

export function stateOf({ policy, limit }: Bucket, pace: Pace, backlog: number, unitsPerMs: number): BucketState {
  const remaining = Math.floor((pace.capacity - backlog) / pace.interval + toleranceTokens);
  return { policy, limit, remaining: Math.max(0, remaining), fullInMs: backlog / unitsPerMs };
}

export function tightestOf(states: readonly BucketState[]): BucketState | undefined {
  let tightest = states[0];
  for (const state of states) if (tightest !== undefined && state.remaining < tightest.remaining) tightest = state;
  return tightest;
}
