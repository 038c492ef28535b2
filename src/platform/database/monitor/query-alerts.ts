import { createLatencySketch, type LatencySketch } from './latency-sketch.ts';

/** What somebody wants to be told of: any statement that goes over one of the limits within a window. */
export type QueryAlertRule = {
  /** Length of a window. Each statement is judged at its first run after a window's end. */
  readonly windowMs: number;
  /** Windows with fewer runs of a statement say nothing about it. */
  readonly minimumCount: number;
  readonly p95Ms?: number;
  /** Failed runs by all runs, 0 to 1. */
  readonly errorRate?: number;
};

export type QueryAlert = {
  readonly name: string;
  /** Which of the limits was passed. */
  readonly reasons: readonly ('p95' | 'errorRate')[];
  readonly windowMs: number;
  readonly count: number;
  readonly p95Ms: number;
  readonly errorRate: number;
};

export type AlertWindow = { add(now: number, durationMs: number, isError: boolean): QueryAlert | undefined };

/** Follows one statement for one rule. Answers with an alert when the window that has just ended was over a limit. */
export function createAlertWindow(name: string, rule: QueryAlertRule): AlertWindow {
  const sketch: LatencySketch = createLatencySketch();
  let startedAt = Number.NEGATIVE_INFINITY;
  let count = 0;
  let errors = 0;

  function judge(): QueryAlert | undefined {
    if (count < rule.minimumCount || count === 0) return undefined;
    const p95Ms = sketch.percentile(0.95);
    const errorRate = errors / count;
    const reasons: ('p95' | 'errorRate')[] = [];
    if (rule.p95Ms !== undefined && p95Ms > rule.p95Ms) reasons.push('p95');
    if (rule.errorRate !== undefined && errorRate > rule.errorRate) reasons.push('errorRate');
    return reasons.length === 0 ? undefined : { name, reasons, windowMs: rule.windowMs, count, p95Ms, errorRate };
  }

  return {
    add(now, durationMs, isError) {
      let alert: QueryAlert | undefined;
      if (now - startedAt >= rule.windowMs) {
        alert = judge();
        sketch.clear();
        startedAt = now;
        count = 0;
        errors = 0;
      }
      sketch.add(durationMs);
      count += 1;
      if (isError) errors += 1;
      return alert;
    },
  };
}
