import type { Database } from '#platform/database';
import type { Clock } from '#shared/clock';
import { deleteExpiredSuppressions } from '../suppressions/suppression-store.ts';
import { deleteUnconfirmed } from './subscriber-store.ts';

/** Whoever has not confirmed by then has most likely never asked. */
export const unconfirmedKeptDays = 30;

const dayMs = 24 * 3600_000;
const batchSize = 500;

export function createCleaning({ database, clock }: { readonly database: Database; readonly clock: Clock }) {
  return async (_data: object, { signal }: { readonly signal: AbortSignal }): Promise<{ unconfirmed: number; suppressions: number }> => {
    const before = new Date(clock.now().getTime() - unconfirmedKeptDays * dayMs);
    const unconfirmed = await inBatches(signal, () => deleteUnconfirmed(database, before, batchSize));
    const suppressions = await inBatches(signal, () => deleteExpiredSuppressions(database, batchSize));
    return { unconfirmed, suppressions };
  };
}

async function inBatches(signal: AbortSignal, deleteSome: () => Promise<number>): Promise<number> {
  let deleted = 0;
  for (let count = batchSize; count === batchSize; deleted += count) {
    signal.throwIfAborted();
    count = await deleteSome();
  }
  return deleted;
}
