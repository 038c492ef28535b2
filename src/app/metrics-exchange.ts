import { AggregatorRegistry } from 'prom-client';
import type { Metrics } from '#platform/telemetry';

const reportIntervalMs = 5000;

type MetricsSnapshot = Awaited<ReturnType<Metrics['snapshot']>>;
type Report = { readonly metricsOf: number; readonly snapshot: MetricsSnapshot };

function isReport(message: unknown): message is Report {
  return typeof message === 'object' && message !== null && 'metricsOf' in message && 'snapshot' in message;
}

/**
 * On one machine only the API listens: the other processes report their figures to the supervisor, which hands them to
 * the API, and its `/metrics` shows the whole engine.
 */
export function createMetricsExchange(metrics: Metrics, options: { isCollector: boolean; isSupervised: boolean }) {
  const reports = new Map<number, { snapshot: MetricsSnapshot; receivedAt: number }>();
  const onMessage = (message: unknown) => {
    if (isReport(message)) reports.set(message.metricsOf, { snapshot: message.snapshot, receivedAt: performance.now() });
  };
  let timer: NodeJS.Timeout | undefined;
  if (options.isSupervised && options.isCollector) process.on('message', onMessage);
  if (options.isSupervised && !options.isCollector) {
    timer = setInterval(async () => {
      if (process.connected) process.send?.({ metricsOf: process.pid, snapshot: await metrics.snapshot() });
    }, reportIntervalMs).unref();
  }
  return {
    async text(): Promise<string> {
      const fresh = [...reports.values()].filter(({ receivedAt }) => performance.now() - receivedAt < 3 * reportIntervalMs);
      if (fresh.length === 0) return metrics.text();
      const snapshots = [await metrics.snapshot(), ...fresh.map(({ snapshot }) => snapshot)];
      return AggregatorRegistry.aggregate(snapshots).metrics();
    },
    close() {
      clearInterval(timer);
      process.off('message', onMessage);
    },
  };
}
