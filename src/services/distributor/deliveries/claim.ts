import type { Clock } from '#shared/clock';
import type { Claim } from './claim-store.ts';

/**
 * How long a claim holds without being renewed. A killed worker's deliveries wait this long; a worker that was only stopped
 * for longer (a suspended machine) loses them.
 */
export const leaseMs = 20_000;

/** A claim's values at this moment: every write through it renews the lease of what it touches. */
export function claimAt(clock: Clock, issueId: string, claimedBy: string): Claim {
  const now = clock.now();
  return { issueId, claimedBy, now, leaseUntil: new Date(now.getTime() + leaseMs) };
}
