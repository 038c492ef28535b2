import { AppError } from '#shared/errors';
import { type BatchGroup, type BatchOptions, defaultBatchSizes } from './batch-options.ts';
import { aborted, failed, type Outcome } from './outcome.ts';

/** One input on its way; `settle` is called exactly once. */
export type BatchItem<I, O> = { readonly input: I; settle(outcome: Outcome<O>): void };

type Batch<I, O> = { readonly group: BatchGroup; readonly items: BatchItem<I, O>[] };

export type BatchRunner<I, O> = {
  /** Joins the batch of its group, which is sent when it is full. */
  add(item: BatchItem<I, O>): void;
  /** Sends what there is, full or not. */
  flush(): void;
  /** Aborted once nothing is taken any more: called off, or out of time. */
  readonly stopped: AbortSignal;
  /** Calls everything off that is still open. */
  abort(): void;
  /** Lets go of the caller's signal and of the clock. */
  close(): void;
};

/** Gathers batches by kind and provider, and keeps to the limits on how many run at once: in all, and for each provider. */
export function createBatchRunner<I, O>(options: BatchOptions<I, O>): BatchRunner<I, O> {
  const { groupOf, splitOnFailure = false, batchSizes = defaultBatchSizes } = options;
  const maxConcurrent = Math.max(1, options.maxConcurrent ?? 6);
  const maxPerProvider = Math.max(1, options.maxConcurrentPerProvider ?? 2);
  const gathering = new Map<string, Batch<I, O>>();
  // By provider, oldest first. Whoever had his turn goes to the end.
  const waiting = new Map<string, Set<Batch<I, O>>>();
  const runningOf = new Map<string, number>();
  const open = new Set<BatchItem<I, O>>();
  const stop = new AbortController();
  let running = 0;
  let endsAs: Outcome<never> | undefined;

  function settle(item: BatchItem<I, O>, outcome: Outcome<O>): void {
    // Whoever was called off has his outcome already, whatever the handler says afterwards.
    if (open.delete(item)) item.settle(outcome);
  }

  function end(outcome: Outcome<never>): void {
    if (endsAs !== undefined) return;
    endsAs = outcome;
    gathering.clear();
    waiting.clear();
    stop.abort();
    for (const item of open) settle(item, outcome);
  }

  async function handle(items: readonly BatchItem<I, O>[], group: BatchGroup): Promise<readonly Outcome<O>[]> {
    const inputs = items.map(({ input }) => input);
    const outcomes = await options.handle(inputs, group, stop.signal);
    if (outcomes.length === inputs.length) return outcomes;
    throw new AppError(
      'batch_answer_mismatch',
      `A batch of ${inputs.length} (${group.kind}, ${group.provider}) was answered with ${outcomes.length} outcomes.`,
    );
  }

  async function run({ group, items }: Batch<I, O>): Promise<void> {
    try {
      const outcomes = await handle(items, group);
      for (const [index, item] of items.entries()) settle(item, outcomes[index] ?? aborted);
    } catch (error) {
      if (!splitOnFailure || items.length === 1) {
        for (const item of items) settle(item, failed(error));
        return;
      }
      for (const item of items) if (open.has(item)) await run({ group, items: [item] });
    }
  }

  /** Of the provider with the fewest batches under way; among equals, of the one whose last turn is the longest ago. */
  function takeNext(): Batch<I, O> | undefined {
    if (running >= maxConcurrent) return undefined;
    let chosen: string | undefined;
    let fewest = maxPerProvider;
    for (const provider of waiting.keys()) {
      const count = runningOf.get(provider) ?? 0;
      if (count >= fewest) continue;
      chosen = provider;
      fewest = count;
    }
    const batches = chosen === undefined ? undefined : waiting.get(chosen);
    const [batch] = batches ?? [];
    if (chosen === undefined || batches === undefined || batch === undefined) return undefined;
    batches.delete(batch);
    waiting.delete(chosen);
    if (batches.size > 0) waiting.set(chosen, batches);
    return batch;
  }

  function startWhatMay(): void {
    for (let batch = takeNext(); batch !== undefined; batch = takeNext()) {
      const { provider } = batch.group;
      running += 1;
      runningOf.set(provider, (runningOf.get(provider) ?? 0) + 1);
      void run(batch).finally(() => {
        running -= 1;
        const left = (runningOf.get(provider) ?? 1) - 1;
        if (left === 0) runningOf.delete(provider);
        else runningOf.set(provider, left);
        startWhatMay();
      });
    }
  }

  function findGroup(item: BatchItem<I, O>): BatchGroup | undefined {
    try {
      return groupOf(item.input);
    } catch (error) {
      settle(item, failed(error));
      return undefined;
    }
  }

  function sizeFor(provider: string): number {
    return Math.max(1, (Object.hasOwn(batchSizes, provider) ? batchSizes[provider] : undefined) ?? batchSizes.default);
  }

  function send(batch: Batch<I, O>): void {
    const { provider } = batch.group;
    const batches = waiting.get(provider);
    if (batches === undefined) waiting.set(provider, new Set([batch]));
    else batches.add(batch);
  }

  const onAbort = () => end(aborted);
  if (options.signal?.aborted) onAbort();
  options.signal?.addEventListener('abort', onAbort, { once: true });
  const { totalTimeoutMs } = options;
  const timer = totalTimeoutMs === undefined ? undefined : setTimeout(() => end(timedOut(totalTimeoutMs)), totalTimeoutMs);

  return {
    add(item) {
      open.add(item);
      if (endsAs !== undefined) return settle(item, endsAs);
      const group = findGroup(item);
      if (group === undefined) return;
      const key = JSON.stringify([group.kind, group.provider]);
      const batch = gathering.get(key) ?? { group, items: [] };
      batch.items.push(item);
      gathering.set(key, batch);
      if (batch.items.length < sizeFor(group.provider)) return;
      gathering.delete(key);
      send(batch);
      startWhatMay();
    },
    flush() {
      for (const batch of gathering.values()) send(batch);
      gathering.clear();
      startWhatMay();
    },
    stopped: stop.signal,
    abort: () => end(aborted),
    close() {
      clearTimeout(timer);
      options.signal?.removeEventListener('abort', onAbort);
    },
  };
}

function timedOut(totalTimeoutMs: number): Outcome<never> {
  return failed(new AppError('batch_timed_out', `It was not done within ${totalTimeoutMs} ms.`, { status: 504, retryable: true }));
}
