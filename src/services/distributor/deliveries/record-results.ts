import { setTimeout as delay } from 'node:timers/promises';
import type { Database } from '#platform/database';
import type { Clock } from '#shared/clock';
import { AppError } from '#shared/errors';
import type { Audience } from '../distributor-types.ts';
import { recordEmailEvents } from '../tracking/engagement-store.ts';
import { type Claim, type Moved, moveDeliveries, type Transition } from './claim-store.ts';
import type { DeliveryStatus } from './delivery-store.ts';
import type { Handed, Refusal } from './outcomes.ts';
import type { Waiting } from './supply.ts';

const recordRetries = 20;
const recordRetryDelayMs = 1000;

export type RecordDependencies = {
  readonly database: Database;
  readonly subscribers: Pick<Audience, 'markBounced'>;
  readonly clock: Clock;
  readonly countOutcome: (outcome: DeliveryStatus) => void;
};

export type Returned = Handed & { readonly waiting: Waiting };

const marked = { status: 'sending', tries: 0, reason: null, failureClass: null, nextAttemptAt: null } as const;

/** Records what came back and marks what goes next; returns the subscribers whose mails may leave. */
export async function recordResults(
  { database, subscribers, clock, countOutcome }: RecordDependencies,
  claim: Claim,
  returned: readonly Returned[],
  next: readonly Waiting[],
): Promise<Set<string>> {
  const transitions: Transition[] = [];
  const refused: { readonly waiting: Waiting; readonly refusal: Refusal }[] = [];
  for (const { waiting, transition, refusal } of returned) {
    if (transition !== undefined) transitions.push(transition);
    if (refusal !== undefined) refused.push({ waiting, refusal });
  }
  for (const { delivery } of next) transitions.push({ subscriberId: delivery.subscriberId, ...marked });
  if (transitions.length === 0) return new Set();
  const moved = await insistently(() => {
    if (refused.length === 0) return moveDeliveries(database, claim, transitions);
    return database.transaction(async (tx) => {
      const changed = await moveDeliveries(tx, claim, transitions);
      const failed = new Set(changed.filter(({ status }) => status === 'failed').map(({ subscriberId }) => subscriberId));
      const known = refused.filter(({ waiting }) => failed.has(waiting.delivery.subscriberId));
      for (const { waiting, refusal } of known) {
        if (refusal.bounceClass === 'hard') await subscribers.markBounced(tx, waiting.delivery.subscriberId, refusal.response);
      }
      await recordEmailEvents(
        tx,
        known.map(({ waiting: { delivery, host, variant }, refusal: { bounceClass } }) => ({
          id: clock.newId(),
          type: bounceClass === 'hard' ? ('hard_bounce' as const) : ('soft_bounce' as const),
          issueId: claim.issueId,
          subscriberId: delivery.subscriberId,
          variant,
          mailHost: host,
          bounceClass,
          occurredAt: claim.now,
        })),
      );
      return changed;
    });
  });
  return markedOf(moved, countOutcome);
}

function markedOf(moved: readonly Moved[], countOutcome: (outcome: DeliveryStatus) => void): Set<string> {
  const ids = new Set<string>();
  for (const { subscriberId, status } of moved) {
    if (status === 'sending') ids.add(subscriberId);
    else if (status !== 'queued') countOutcome(status);
  }
  return ids;
}

/** What the mail server answered is known only here: an outage of the database must not lose it at once. */
async function insistently<T>(write: () => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await write();
    } catch (error) {
      if (!(error instanceof AppError && error.retryable) || attempt > recordRetries) throw error;
      await delay(recordRetryDelayMs);
    }
  }
}
