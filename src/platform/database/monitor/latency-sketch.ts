export type LatencySketch = {
  /** A duration in ms. */
  add(durationMs: number): void;
  /** The duration in ms below which this share (0 to 1) of all durations lies, within 1 %. 0 when there are none. */
  percentile(share: number): number;
  clear(): void;
};

/** α of DDSketch: how far an answer may be from the true percentile, relative to it. */
const relativeError = 0.01;
const gamma = (1 + relativeError) / (1 - relativeError);
const perLog = 1 / Math.log(gamma);
/** 1 µs and 2 h: what is outside is counted as if it were at the edge. */
const minMs = 0.001;
const maxMs = 7_200_000;
const offset = Math.ceil(Math.log(minMs) * perLog);
const bucketCount = Math.ceil(Math.log(maxMs) * perLog) - offset + 1;

/**
 * Percentiles in constant memory (about 9 KB), whatever number of durations is added: a bucket each for the values in
 * (γ^(i−1), γ^i], which are told as 2γ^i/(γ+1), the value with the same relative distance to both edges.
 *
 * Source: Masson, Rim, Lee: DDSketch, a fast and fully-mergeable quantile sketch with relative-error guarantees, VLDB 2019.
 */
export function createLatencySketch(): LatencySketch {
  // Doubles: a bucket of 32 bits would overflow after some weeks of a busy statement.
  const buckets = new Float64Array(bucketCount);
  let count = 0;
  return {
    add(durationMs) {
      const clamped = Math.min(Math.max(durationMs, minMs), maxMs);
      const index = Math.ceil(Math.log(clamped) * perLog) - offset;
      buckets[index] = (buckets[index] ?? 0) + 1;
      count += 1;
    },
    percentile(share) {
      if (count === 0) return 0;
      const rank = share * (count - 1);
      let seen = 0;
      for (let index = 0; index < bucketCount; index += 1) {
        seen += buckets[index] ?? 0;
        if (seen > rank) return (2 * gamma ** (index + offset)) / (gamma + 1);
      }
      return maxMs;
    },
    clear() {
      buckets.fill(0);
      count = 0;
    },
  };
}
