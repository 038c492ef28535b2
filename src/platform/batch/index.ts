export type { BatchOptions, BatchSizes } from './batch-options.ts';
export { done, failed, type Outcome } from './outcome.ts';
export { processBatch } from './process-batch.ts';
export { processStream, type StreamOptions, type StreamOutcome } from './process-stream.ts';
