import type { BucketState, RateDecision } from './rate-limiter.ts';

// Each stands for a caller who is over a limit at this moment.
const maxRefusals = 10_000;

export type Refusals = {
  keep(key: string, until: number, by: BucketState): void;
  /** The refusal that still holds. */
  find(key: string): RateDecision | undefined;
};

/** Buckets that are known to be empty until some time. Past its bound the one that was kept longest ago is asked about again. */
export function createRefusals(now: () => number): Refusals {
  const known = new Map<string, { readonly until: number; readonly by: BucketState }>();
  return {
    keep(key, until, by) {
      known.delete(key);
      known.set(key, { until, by });
      if (known.size > maxRefusals) known.delete(known.keys().next().value ?? key);
    },
    find(key) {
      const refusal = known.get(key);
      if (refusal === undefined) return undefined;
      const retryAfterMs = refusal.until - now();
      if (retryAfterMs > 0) return { kind: 'refused', by: refusal.by, retryAfterMs };
      known.delete(key);
      return undefined;
    },
  };
}
