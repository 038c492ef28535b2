import type { Logger, Metrics } from '#platform/telemetry';

export type QueryFigures = {
  readonly name: string;
  readonly count: number;
  readonly errors: number;
  readonly rows: number;
  readonly totalMs: number;
  readonly maxMs: number;
};

export type QueryMonitor = {
  record(name: string, durationMs: number, rows: number): void;
  recordError(name: string, durationMs: number, error: unknown): void;
  figures(): QueryFigures[];
};

const slowQueryMs = 1000;

/** Keeps figures per named statement. Parameters never reach it, so they cannot reach a log. */
export function createQueryMonitor(dependencies: { logger: Logger; metrics: Metrics }): QueryMonitor {
  const { logger, metrics } = dependencies;
  const byName = new Map<string, { count: number; errors: number; rows: number; totalMs: number; maxMs: number }>();
  const histogram = metrics.histogram('aquascene_db_query_seconds', 'Duration of database statements', ['query']);

  const entryOf = (name: string) => {
    let entry = byName.get(name);
    if (entry === undefined) {
      entry = { count: 0, errors: 0, rows: 0, totalMs: 0, maxMs: 0 };
      byName.set(name, entry);
    }
    return entry;
  };
  const count = (name: string, durationMs: number) => {
    const entry = entryOf(name);
    entry.count += 1;
    entry.totalMs += durationMs;
    entry.maxMs = Math.max(entry.maxMs, durationMs);
    histogram.observe({ query: name }, durationMs / 1000);
    if (durationMs > slowQueryMs) logger.warn({ query: name, durationMs: Math.round(durationMs) }, 'slow query');
    return entry;
  };

  return {
    record(name, durationMs, rows) {
      count(name, durationMs).rows += rows;
    },
    recordError(name, durationMs, error) {
      count(name, durationMs).errors += 1;
      const code = error instanceof Error && 'code' in error ? error.code : undefined;
      logger.debug({ query: name, code }, 'query failed');
    },
    figures: () => [...byName].map(([name, entry]) => ({ name, ...entry })),
  };
}
