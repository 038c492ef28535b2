import { createQueryMonitor, type QueryMonitor } from '#platform/database';
import { createLogger, createMetrics } from '#platform/telemetry';
import type { BenchResult } from '../bench.ts';

const runs = 1_000_000;
const rounds = 5;
const limitMicros = 20;
const names = Array.from({ length: 100 }, (_, index) => `table-${index}.find`);
const statement = { text: 'select id, name from subscribers where id = $1', parameterCount: 1 };

const round = (value: number): number => Math.round(value * 1000) / 1000;
const median = (values: readonly number[]): number => [...values].sort((left, right) => left - right)[Math.floor(values.length / 2)] ?? 0;

type Recorder = Pick<QueryMonitor, 'record'>;

/** µs a call, the clock being read around each one as it is around a statement. */
function timeRecords(monitor: Recorder): number {
  const started = performance.now();
  for (let run = 0; run < runs; run += 1) {
    const before = performance.now();
    // Durations of every size, so that all of the sketch and of the histogram is used.
    const durationMs = performance.now() - before + (run % 977) / 10;
    monitor.record(names[run % names.length] ?? '', durationMs, 1, { ...statement });
  }
  return ((performance.now() - started) * 1000) / runs;
}

function timeErrors(monitor: QueryMonitor): number {
  const error = Object.assign(new Error('connect ECONNREFUSED 127.0.0.1:5432'), { code: 'ECONNREFUSED' });
  const started = performance.now();
  for (let run = 0; run < runs / 10; run += 1) monitor.recordError(names[run % names.length] ?? '', 1, error, statement);
  return ((performance.now() - started) * 1000) / (runs / 10);
}

/** What the monitor adds to each statement: the same calls with it and with one that does nothing, in turn; the medians. */
export async function run(): Promise<BenchResult> {
  const logger = createLogger({ level: 'warn', format: 'json', role: 'bench' });
  const without: Recorder = { record: () => undefined };
  const plain = createQueryMonitor({ logger, metrics: createMetrics('plain') });
  const watched = createQueryMonitor({ logger, metrics: createMetrics('watched') });
  for (const p95Ms of [500, 1000]) {
    watched.onAlert({ windowMs: 60_000, minimumCount: 20, p95Ms, errorRate: 0.5 }, () => undefined);
  }
  const micros: Record<'without' | 'plain' | 'watched' | 'errors', number[]> = { without: [], plain: [], watched: [], errors: [] };
  for (let index = 0; index < rounds; index += 1) {
    micros.without.push(timeRecords(without));
    micros.plain.push(timeRecords(plain));
    micros.watched.push(timeRecords(watched));
    micros.errors.push(timeErrors(plain));
  }
  const baseline = median(micros.without);
  const overhead = round(median(micros.plain) - baseline);
  const withAlerts = round(median(micros.watched) - baseline);
  return {
    bench: 'monitor',
    ratios: { overhead_to_limit: round(withAlerts / limitMicros) },
    figures: {
      statements: runs,
      us_without: round(baseline),
      us_overhead: overhead,
      us_overhead_with_two_alerts: withAlerts,
      us_failed_statement: round(median(micros.errors)),
    },
    bars: [{ name: 'µs a statement, alerts watched', want: `< ${limitMicros}`, got: withAlerts, ok: withAlerts < limitMicros }],
  };
}
