import { setTimeout as sleep } from 'node:timers/promises';
import type { Database } from '#platform/database';
import { giveTurnBack, type Turn, takeTurn, timeToTurn } from './host-store.ts';

/** A worker that died with a turn holds its host up for so long: a little more than a request may take. */
const leaseMs = 33_000;
const pollMs = 50;

export type TurnOutcome = { readonly kind: 'taken'; readonly turn: Turn } | { readonly kind: 'busy'; readonly waitMs: number };

/**
 * Waits up to `patienceMs` for the host's turn. When it does not come, the caller goes and comes back after `waitMs`, so that
 * hosts with long delays hold no worker.
 */
export async function waitForTurn(
  database: Database,
  origin: string,
  patienceMs: number,
  signal: AbortSignal | undefined,
): Promise<TurnOutcome> {
  const deadline = performance.now() + patienceMs;
  for (;;) {
    const turn = await takeTurn(database, origin, leaseMs);
    if (turn !== undefined) return { kind: 'taken', turn };
    const waitMs = await timeToTurn(database, origin, pollMs);
    if (performance.now() + waitMs > deadline) return { kind: 'busy', waitMs };
    await sleep(Math.max(5, waitMs), undefined, signal === undefined ? {} : { signal });
  }
}

export type HeldTurn = {
  /** The turn passes from one host to the next along redirects; at most one is held. */
  pass(to: Turn): void;
  release(pauseMs?: number): Promise<void>;
};

export function holdTurn(database: Database, first: Turn): HeldTurn {
  let held: Turn | undefined = first;
  return {
    pass(to) {
      held = to;
    },
    async release(pauseMs = 0) {
      const turn = held;
      held = undefined;
      if (turn !== undefined) await giveTurnBack(database, turn, pauseMs);
    },
  };
}
