export type { LatencyHistogram, LatencyRecorder } from './latency-histogram.ts';
export { createLogger, enterTrace, type Logger, runWithTrace, type TraceContext } from './logger.ts';
export { createMetrics, type Metrics } from './metrics.ts';
export { createOutageLog, type OutageLog } from './outage-log.ts';
