import type { ErrorSummary } from './error-summary.ts';
import { createLatencySketch } from './latency-sketch.ts';

export type QueryFailure = ErrorSummary & { readonly at: Date };
export type QueryPlan = { readonly at: Date; readonly text: string };

/** Figures of one named statement since the start of the process, or since they were reset. Durations are in ms. */
export type QueryFigures = {
  readonly name: string;
  /** Runs, the failed ones too. */
  readonly count: number;
  readonly errors: number;
  /** Rows that were returned or changed. */
  readonly rows: number;
  readonly totalMs: number;
  readonly minMs: number;
  readonly meanMs: number;
  /** Percentiles are right within 1 %. */
  readonly p50Ms: number;
  readonly p95Ms: number;
  readonly p99Ms: number;
  readonly maxMs: number;
  readonly slow: number;
  /** The last ten, newest first, without any value of a parameter. */
  readonly lastErrors: readonly QueryFailure[];
  /** The generic plan, taken when the statement was slow. */
  readonly lastPlan: QueryPlan | null;
};

export type QueryEntry = {
  readonly name: string;
  count(durationMs: number, rows: number): void;
  fail(failure: QueryFailure): void;
  countSlow(): void;
  keepPlan(plan: QueryPlan): void;
  figures(): QueryFigures;
};

const keptErrors = 10;

export function createQueryEntry(name: string): QueryEntry {
  const sketch = createLatencySketch();
  const lastErrors: QueryFailure[] = [];
  let runs = 0;
  let errors = 0;
  let rows = 0;
  let slow = 0;
  let totalMs = 0;
  let minMs = Number.POSITIVE_INFINITY;
  let maxMs = 0;
  let lastPlan: QueryPlan | null = null;
  // A percentile is a bucket's middle, which may lie outside what was measured.
  const percentile = (share: number) => Math.min(maxMs, Math.max(minMs, sketch.percentile(share)));
  return {
    name,
    count(durationMs, rowCount) {
      runs += 1;
      rows += rowCount;
      totalMs += durationMs;
      if (durationMs < minMs) minMs = durationMs;
      if (durationMs > maxMs) maxMs = durationMs;
      sketch.add(durationMs);
    },
    fail(failure) {
      errors += 1;
      lastErrors.unshift(failure);
      if (lastErrors.length > keptErrors) lastErrors.pop();
    },
    countSlow() {
      slow += 1;
    },
    keepPlan(plan) {
      lastPlan = plan;
    },
    figures: () => ({
      name,
      count: runs,
      errors,
      rows,
      totalMs,
      minMs: runs === 0 ? 0 : minMs,
      meanMs: runs === 0 ? 0 : totalMs / runs,
      p50Ms: runs === 0 ? 0 : percentile(0.5),
      p95Ms: runs === 0 ? 0 : percentile(0.95),
      p99Ms: runs === 0 ? 0 : percentile(0.99),
      maxMs,
      slow,
      lastErrors: [...lastErrors],
      lastPlan,
    }),
  };
}
