import { Counter, collectDefaultMetrics, Gauge, Histogram, type Metric, Registry } from 'prom-client';
import { createLatencyHistogram, type LatencyHistogram } from './latency-histogram.ts';

/** A process's figures. Asking twice for the same name gives the same metric. */
export type Metrics = {
  counter(name: string, help: string, labels?: readonly string[]): Counter<string>;
  histogram(name: string, help: string, labels?: readonly string[], buckets?: readonly number[]): Histogram<string>;
  /** As `histogram`, in seconds, for paths on which every microsecond counts: recorders are kept by who records. */
  latency(name: string, help: string, labels?: readonly string[], buckets?: readonly number[]): LatencyHistogram;
  /** `collect` is called at each scrape. */
  gauge(name: string, help: string, labels?: readonly string[], collect?: (gauge: Gauge<string>) => unknown): Gauge<string>;
  /** All figures as plain data, which can be sent to another process and merged there. */
  snapshot(): ReturnType<Registry['getMetricsAsJSON']>;
  /** Prometheus text exposition format. */
  text(): Promise<string>;
  readonly contentType: string;
};

const latencyBuckets = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30];

export function createMetrics(role: string): Metrics {
  const registry = new Registry();
  registry.setDefaultLabels({ role });
  collectDefaultMetrics({ register: registry });
  const registers = [registry];
  const existing = <T>(name: string) => registry.getSingleMetric(name) as unknown as T | undefined;
  return {
    counter: (name, help, labels = []) =>
      existing<Counter<string>>(name) ?? new Counter({ name, help, labelNames: [...labels], registers }),
    histogram: (name, help, labels = [], buckets = latencyBuckets) =>
      existing<Histogram<string>>(name) ?? new Histogram({ name, help, labelNames: [...labels], buckets: [...buckets], registers }),
    latency(name, help, labels = [], buckets = latencyBuckets) {
      const known = existing<LatencyHistogram>(name);
      if (known !== undefined) return known;
      const histogram = createLatencyHistogram(name, help, labels, buckets);
      // Its classes have more than a registry asks for.
      registry.registerMetric(histogram as unknown as Metric);
      return histogram;
    },
    gauge: (name, help, labels = [], collect) =>
      existing<Gauge<string>>(name) ??
      new Gauge({
        name,
        help,
        labelNames: [...labels],
        registers,
        ...(collect && {
          async collect(this: Gauge<string>) {
            await collect(this);
          },
        }),
      }),
    snapshot: () => registry.getMetricsAsJSON(),
    text: () => registry.metrics(),
    contentType: registry.contentType,
  };
}
