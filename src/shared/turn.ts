import { setImmediate as nextTurn } from 'node:timers/promises';

// A request that comes meanwhile waits no longer.
const maxTurnMs = 2;

/** One's turn of the event loop. Long work asks between its pieces whether it is over, and lets other work in. */
export type Turn = { isOver(): boolean; next(): Promise<void> };

export function createTurn(): Turn {
  let beganAt = performance.now();
  return {
    isOver: () => performance.now() - beganAt >= maxTurnMs,
    async next() {
      await nextTurn();
      beganAt = performance.now();
    },
  };
}
