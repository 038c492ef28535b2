/** Seconds of whatever has these label values. Keep it: asking for it again costs more than recording. */
export type LatencyRecorder = (seconds: number) => void;

export type LatencyHistogram = {
  /** The recorder of one set of label values, in the order of the label names. */
  of(...labelValues: string[]): LatencyRecorder;
};

type Value = { readonly metricName: string; readonly labels: Readonly<Record<string, string | number>>; readonly value: number };

type Series = { readonly labels: Readonly<Record<string, string>>; readonly counts: Float64Array; sum: number };

/** What a registry of prom-client asks of a metric. */
export type HistogramMetric = LatencyHistogram & {
  readonly name: string;
  readonly help: string;
  readonly type: 'histogram';
  readonly aggregator: 'sum';
  get(): Promise<{ name: string; help: string; type: string; aggregator: string; values: Value[] }>;
  reset(): void;
};

/**
 * A histogram for the hottest paths: recording is a search in an array and an addition, where prom-client's own hashes the
 * labels and checks them each time. `bounds` in seconds, ascending.
 */
export function createLatencyHistogram(
  name: string,
  help: string,
  labelNames: readonly string[],
  bounds: readonly number[],
): HistogramMetric {
  const series = new Map<string, Series & { readonly record: LatencyRecorder }>();

  function createSeries(labelValues: readonly string[]) {
    const labels = Object.fromEntries(labelNames.map((label, index) => [label, labelValues[index] ?? '']));
    // The last one counts what is beyond every bound.
    const counts = new Float64Array(bounds.length + 1);
    const created = {
      labels,
      counts,
      sum: 0,
      record(seconds: number) {
        let bucket = 0;
        while (bucket < bounds.length && seconds > (bounds[bucket] ?? 0)) bucket += 1;
        counts[bucket] = (counts[bucket] ?? 0) + 1;
        created.sum += seconds;
      },
    };
    return created;
  }

  function valuesOf({ labels, counts, sum }: Series): Value[] {
    const values: Value[] = [];
    let cumulated = 0;
    for (const [index, bound] of [...bounds, '+Inf'].entries()) {
      cumulated += counts[index] ?? 0;
      values.push({ metricName: `${name}_bucket`, labels: { le: bound, ...labels }, value: cumulated });
    }
    values.push({ metricName: `${name}_sum`, labels, value: sum }, { metricName: `${name}_count`, labels, value: cumulated });
    return values;
  }

  return {
    name,
    help,
    type: 'histogram',
    aggregator: 'sum',
    of(...labelValues) {
      const key = labelValues.join('\n');
      let known = series.get(key);
      if (known === undefined) {
        known = createSeries(labelValues);
        series.set(key, known);
      }
      return known.record;
    },
    async get() {
      return { name, help, type: 'histogram', aggregator: 'sum', values: [...series.values()].flatMap(valuesOf) };
    },
    reset: () => series.clear(),
  };
}
