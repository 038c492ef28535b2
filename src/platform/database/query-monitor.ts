import type { Logger, Metrics } from '#platform/telemetry';
import { messageOf } from '#shared/errors';
import { summariseError } from './monitor/error-summary.ts';
import { createProcessWatch, type ProcessFigures } from './monitor/process-figures.ts';
import { type AlertWindow, createAlertWindow, type QueryAlert, type QueryAlertRule } from './monitor/query-alerts.ts';
import { createQueryEntry, type QueryEntry, type QueryFigures } from './monitor/query-entry.ts';
import { isPlannable, type PlanReading, type StatementText } from './monitor/query-plan.ts';

export type SlowQuery = {
  readonly name: string;
  readonly at: Date;
  readonly durationMs: number;
  readonly rows: number;
  /** The code of its failure, when it failed. */
  readonly errorCode: string | null;
  readonly process: ProcessFigures;
};

export type Unsubscribe = () => void;

export type QueryMonitor = {
  /** @param statement lets the plan be taken when the run was slow */
  record(name: string, durationMs: number, rows: number, statement?: StatementText): void;
  recordError(name: string, durationMs: number, error: unknown, statement?: StatementText): void;
  /** A run that takes as long as its reader or its source does: counted, and never called slow. */
  recordStream(name: string, durationMs: number, rows: number, error?: unknown): void;
  figures(): QueryFigures[];
  /** Forgets all figures of this process; what Prometheus reads goes on counting. */
  reset(): void;
  /** Calls back for every slow statement, once it has been logged. */
  onSlow(listener: (report: SlowQuery) => void): Unsubscribe;
  /** Calls back for every statement that was over a limit of the rule in a window. */
  onAlert(rule: QueryAlertRule, listener: (alert: QueryAlert) => void): Unsubscribe;
};

export type QueryMonitorOptions = {
  readonly logger: Logger;
  readonly metrics: Metrics;
  /** A statement that takes longer is slow; 1000 unless told. */
  readonly slowQueryMs?: number;
  /** Its file system's space is told with a slow statement; the working directory's unless told. */
  readonly diskFolder?: string;
  /** Absent: no plans are taken. */
  readonly readPlan?: (statement: StatementText) => Promise<PlanReading>;
  /** Monotonic, in ms. */
  readonly now?: () => number;
};

type Observed = {
  readonly entry: QueryEntry;
  readonly observe: (seconds: number) => void;
  planTakenAt: number;
};

type AlertSubscription = {
  readonly rule: QueryAlertRule;
  readonly listener: (alert: QueryAlert) => void;
  readonly windows: Map<string, AlertWindow>;
};

const defaultSlowQueryMs = 1000;
const planEveryMs = 60_000;
/** Names are constants of the code; more than these would come from something that makes them up. */
const maxNames = 500;
const otherName = 'other';

/**
 * Keeps figures per named statement, in memory that is bounded, and watches for slow ones. Parameters never reach it, so they
 * cannot reach a log.
 */
export function createQueryMonitor(options: QueryMonitorOptions): QueryMonitor {
  const { logger, metrics, readPlan, slowQueryMs = defaultSlowQueryMs, now = () => performance.now() } = options;
  const byName = new Map<string, Observed>();
  const slowListeners = new Set<(report: SlowQuery) => void>();
  const alerts = new Set<AlertSubscription>();
  const watch = createProcessWatch(options.diskFolder ?? '.');
  const histogram = metrics.latency('aquascene_db_query_seconds', 'Duration of database statements', ['query']);
  const errorCounter = metrics.counter('aquascene_db_query_errors_total', 'Database statements that failed', ['query']);
  const slowCounter = metrics.counter('aquascene_db_slow_queries_total', 'Database statements over the slow threshold', ['query']);
  let isPlanning = false;

  function observedOf(name: string): Observed {
    const known = byName.get(name);
    if (known !== undefined) return known;
    if (byName.size >= maxNames && name !== otherName) return observedOf(otherName);
    const made = { entry: createQueryEntry(name), observe: histogram.of(name), planTakenAt: Number.NEGATIVE_INFINITY };
    byName.set(name, made);
    return made;
  }

  function count(name: string, durationMs: number, rows: number, isError: boolean): Observed {
    const at = now();
    const observed = observedOf(name);
    observed.entry.count(durationMs, rows);
    observed.observe(durationMs / 1000);
    watch.tick(at);
    for (const alert of alerts) judge(alert, observed.entry.name, at, durationMs, isError);
    return observed;
  }

  function judge({ rule, listener, windows }: AlertSubscription, name: string, at: number, durationMs: number, isError: boolean): void {
    let window = windows.get(name);
    if (window === undefined) {
      window = createAlertWindow(name, rule);
      windows.set(name, window);
    }
    const alert = window.add(at, durationMs, isError);
    if (alert !== undefined) tell(() => listener(alert));
  }

  /** A listener that throws harms no statement. */
  function tell(call: () => void): void {
    try {
      call();
    } catch (error) {
      logger.error({ reason: messageOf(error) }, 'a listener of the query monitor failed');
    }
  }

  async function reportSlow(observed: Observed, report: Omit<SlowQuery, 'process'>, statement: StatementText | undefined): Promise<void> {
    const { entry } = observed;
    entry.countSlow();
    slowCounter.inc({ query: entry.name });
    const complete: SlowQuery = { ...report, process: await watch.read() };
    const { errorCode, process: figures } = complete;
    logger.warn(
      {
        query: report.name,
        durationMs: Math.round(report.durationMs),
        rows: report.rows,
        ...(errorCode && { errorCode }),
        process: figures,
      },
      'slow query',
    );
    for (const listener of slowListeners) tell(() => listener(complete));
    if (statement !== undefined) await takePlan(observed, report.name, statement);
  }

  /** One at a time: of many that are slow at once the first is looked at, and the database is spared. */
  async function takePlan(observed: Observed, name: string, statement: StatementText): Promise<void> {
    if (readPlan === undefined || isPlanning || now() - observed.planTakenAt < planEveryMs || !isPlannable(statement)) return;
    observed.planTakenAt = now();
    isPlanning = true;
    try {
      const reading = await readPlan(statement);
      if ('failure' in reading) {
        logger.debug({ query: name, ...reading.failure }, 'the plan of a slow query cannot be taken');
        return;
      }
      observed.entry.keepPlan({ at: new Date(), text: reading.plan });
      logger.warn({ query: name, plan: reading.plan }, 'plan of a slow query');
    } catch (error) {
      logger.debug({ query: name, ...summariseError(error) }, 'the plan of a slow query cannot be taken');
    } finally {
      isPlanning = false;
    }
  }

  function fail({ entry }: Observed, error: unknown): string {
    const summary = summariseError(error);
    entry.fail({ at: new Date(), ...summary });
    errorCounter.inc({ query: entry.name });
    logger.debug({ query: entry.name, ...summary }, 'query failed');
    return summary.code;
  }

  return {
    record(name, durationMs, rows, statement) {
      const observed = count(name, durationMs, rows, false);
      if (durationMs > slowQueryMs) void reportSlow(observed, { name, at: new Date(), durationMs, rows, errorCode: null }, statement);
    },
    recordError(name, durationMs, error, statement) {
      const observed = count(name, durationMs, 0, true);
      const errorCode = fail(observed, error);
      if (durationMs > slowQueryMs) void reportSlow(observed, { name, at: new Date(), durationMs, rows: 0, errorCode }, statement);
    },
    recordStream(name, durationMs, rows, error) {
      const observed = count(name, durationMs, rows, error !== undefined);
      if (error !== undefined) fail(observed, error);
    },
    figures: () => [...byName.values()].map(({ entry }) => entry.figures()),
    reset() {
      byName.clear();
      for (const { windows } of alerts) windows.clear();
    },
    onSlow(listener) {
      slowListeners.add(listener);
      return () => void slowListeners.delete(listener);
    },
    onAlert(rule, listener) {
      const subscription = { rule, listener, windows: new Map<string, AlertWindow>() };
      alerts.add(subscription);
      return () => void alerts.delete(subscription);
    },
  };
}
