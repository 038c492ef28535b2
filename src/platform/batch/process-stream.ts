import type { BatchOptions } from './batch-options.ts';
import { type BatchRunner, createBatchRunner } from './batch-runner.ts';
import type { Outcome } from './outcome.ts';

export type StreamOptions<I, O> = BatchOptions<I, O> & {
  /** Inputs in hand: read, and their outcome not yet taken. It bounds the memory; 100 unless told. */
  readonly maxPending?: number;
  /** A batch that does not fill is sent this long after its first input at the latest; 50 ms unless told. */
  readonly lingerMs?: number;
};

export type StreamOutcome<I, O> = { readonly input: I; readonly outcome: Outcome<O> };

type Entry<I, O> = { readonly input: I; readonly outcome: Promise<Outcome<O>> };

/**
 * `processBatch` for what does not fit into memory, or has no end. Reads no further ahead than `maxPending`, gives the outcomes in the order of the
 * inputs, and fails with what the source fails with, behind the outcomes of what was read before. Leaving the loop calls off the rest; so do
 * the signal and the total time, after which nothing more is read.
 */
export async function* processStream<I, O>(
  inputs: AsyncIterable<I> | Iterable<I>,
  options: StreamOptions<I, O>,
): AsyncGenerator<StreamOutcome<I, O>, void, void> {
  const runner = createBatchRunner(options);
  const queue = createHandover<Entry<I, O>>(options.maxPending ?? 100);
  const onStop = () => queue.end();
  runner.stopped.addEventListener('abort', onStop, { once: true });
  const reading = readAll(inputs, runner, queue, options.lingerMs ?? 50);
  try {
    for (let entry = await queue.first(); entry !== undefined; entry = await queue.first()) {
      const outcome = await entry.outcome;
      queue.shift();
      yield { input: entry.input, outcome };
    }
    // A source that is waited for in vain must not hold up the end.
    if (!runner.stopped.aborted) await reading;
  } finally {
    runner.abort();
    runner.close();
    queue.end();
  }
}

/** Ends with the source, or when the runner is stopped. A failure is kept for whoever awaits it. */
function readAll<I, O>(inputs: AsyncIterable<I> | Iterable<I>, runner: BatchRunner<I, O>, queue: Handover<Entry<I, O>>, lingerMs: number) {
  async function read(): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    try {
      for await (const input of inputs) {
        if (runner.stopped.aborted) return;
        const outcome = new Promise<Outcome<O>>((resolve) => runner.add({ input, settle: resolve }));
        queue.push({ input, outcome });
        timer ??= setTimeout(() => {
          timer = undefined;
          runner.flush();
        }, lingerMs);
        await queue.hasRoom();
        if (runner.stopped.aborted) return;
      }
    } finally {
      clearTimeout(timer);
      runner.flush();
      queue.end();
    }
  }
  const reading = read();
  // It is awaited behind the outcomes; until then its failure is nobody's.
  reading.catch(() => undefined);
  return reading;
}

type Handover<T> = {
  push(item: T): void;
  /** The oldest one, which stays; waits for it. Undefined when there is none and none will come. */
  first(): Promise<T | undefined>;
  shift(): void;
  hasRoom(): Promise<void>;
  end(): void;
};

/** Between one who reads ahead and one who takes: bounded, in order. */
function createHandover<T>(limit: number): Handover<T> {
  const items: T[] = [];
  let isEnded = false;
  let changed = Promise.withResolvers<void>();

  function tell(): void {
    changed.resolve();
    changed = Promise.withResolvers<void>();
  }
  const isFull = () => items.length >= Math.max(1, limit);

  return {
    push(item) {
      items.push(item);
      tell();
    },
    async first() {
      while (items.length === 0 && !isEnded) await changed.promise;
      return items[0];
    },
    shift() {
      items.shift();
      tell();
    },
    async hasRoom() {
      while (isFull() && !isEnded) await changed.promise;
    },
    end() {
      isEnded = true;
      tell();
    },
  };
}
