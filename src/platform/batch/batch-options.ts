import type { Outcome } from './outcome.ts';

/** Inputs of one batch by provider; `default` for those that are not named. */
export type BatchSizes = { readonly default: number } & Readonly<Record<string, number>>;

export const defaultBatchSizes: BatchSizes = { default: 3, openai: 5 };

export type BatchGroup = { readonly kind: string; readonly provider: string };

export type BatchOptions<I, O> = {
  /** Inputs of one kind and provider share their batches. */
  readonly groupOf: (input: I) => BatchGroup;
  /**
   * Does the work of one batch: an outcome for each input, in their order. What it throws is the outcome of each of them. The signal is
   * aborted when nobody waits for the answer any more.
   */
  readonly handle: (inputs: readonly I[], group: BatchGroup, signal: AbortSignal) => Promise<readonly Outcome<O>[]>;
  /** 3, and 5 of openai, unless told. */
  readonly batchSizes?: BatchSizes;
  /** Batches at once; 6 unless told. */
  readonly maxConcurrent?: number;
  /** Batches at once for one provider; 2 unless told. */
  readonly maxConcurrentPerProvider?: number;
  /** When a batch of several fails as a whole, each of its inputs is tried by itself, so that a bad one spoils only itself. */
  readonly splitOnFailure?: boolean;
  /** What is not known when it is aborted is `aborted`. */
  readonly signal?: AbortSignal;
  /** For everything together; what is not known by then failed with `batch_timed_out`. Unbounded unless told. */
  readonly totalTimeoutMs?: number;
};
