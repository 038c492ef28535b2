import type { BatchOptions } from './batch-options.ts';
import { createBatchRunner } from './batch-runner.ts';
import type { Outcome } from './outcome.ts';

/**
 * Runs a mixed list in batches of one kind and provider. Each input gets an outcome of its own, in the order of the inputs; the promise
 * itself never fails. When it is called off it answers at once: a handler that does not hear its signal is left to itself.
 */
export async function processBatch<I, O>(inputs: readonly I[], options: BatchOptions<I, O>): Promise<Outcome<O>[]> {
  const runner = createBatchRunner(options);
  try {
    const outcomes = inputs.map(
      (input) =>
        new Promise<Outcome<O>>((resolve) => {
          runner.add({ input, settle: resolve });
        }),
    );
    runner.flush();
    return await Promise.all(outcomes);
  } finally {
    runner.close();
  }
}
