import type { Database } from '#platform/database';
import type { Clock } from '#shared/clock';
import type { Audience, Issue, Recipient } from '../distributor-types.ts';
import { claimAt } from './claim.ts';
import {
  type Claim,
  type ClaimedDelivery,
  claimDeliveries,
  moveDeliveries,
  type QueuePosition,
  queueStart,
  type Transition,
} from './claim-store.ts';
import type { DeliveryStatus } from './delivery-store.ts';
import type { Delivery } from './outcomes.ts';

/** The first claim is small and each is twice the last: they come as fast as mails leave, so a slow server's few are soon given back. */
export const firstClaimSize = 100;
const maxClaimSize = 1000;
/** Whoever leaves while claimed may still get the mail: so nothing is begun so long after its claim, however slow the server. */
const maxClaimAgeMs = 5000;

/** A claimed delivery that nothing stands against. */
export type Waiting = {
  readonly delivery: Delivery;
  readonly variant: number;
  readonly recipient: Recipient;
  /** Domain of the recipient's address. */
  readonly host: string;
  /** The claim holds until then. */
  readonly leaseUntil: Date;
  /** Nothing is begun from then on. */
  readonly staleAt: Date;
};

export type Supply = {
  /** The next that may be begun. */
  take(now: Date): Waiting | undefined;
  /** Claims more where little is left and nothing is being claimed; `onReady` when it is there. */
  refill(onReady: () => void): void;
  /** Waits for the claim that is under way. @returns whether there is more to take, or more might be claimed */
  settled(): Promise<boolean>;
  /** Deliveries claimed so far. */
  readonly claimed: () => number;
};

/**
 * Claims an issue's deliveries ahead of their sending. Recipients are read as they are after the claim has committed: who has
 * left or was suppressed by then is skipped.
 */
export function createSupply(options: {
  readonly database: Database;
  readonly subscribers: Pick<Audience, 'findRecipients'>;
  readonly clock: Clock;
  readonly issue: Issue;
  readonly claimedBy: string;
  readonly countOutcome: (outcome: DeliveryStatus) => void;
}): Supply {
  const { database, subscribers, clock, issue, claimedBy, countOutcome } = options;
  const segmentIds = [...new Set(issue.blocks.flatMap((block) => block.segmentIds))];
  let ready: Waiting[] = [];
  let position = 0;
  let size = firstClaimSize;
  let claimed = 0;
  let last: QueuePosition = queueStart;
  let isDry = false;
  let running: Promise<void> | undefined;
  let failure: unknown;

  const remaining = () => ready.length - position;
  const isStale = (now: Date) => (ready[position]?.staleAt ?? now) < now;

  async function claimMore(): Promise<void> {
    const claim = claimAt(clock, issue.id, claimedBy);
    const result = await claimDeliveries(database, claim, size, last);
    const isShort = result.claimed.length < size;
    // Short of what was asked for, from the start of the queue: nothing is left that is due.
    if (isShort && last === queueStart) isDry = true;
    last = isShort ? queueStart : result.last;
    claimed += result.claimed.length;
    if (result.claimed.length === 0) return;
    const waiting = await readRecipients(result.claimed, claim);
    ready = [...ready.slice(position), ...waiting];
    position = 0;
    size = Math.min(maxClaimSize, size * 2);
  }

  async function readRecipients(rows: readonly ClaimedDelivery[], { leaseUntil, now }: Claim): Promise<readonly Waiting[]> {
    const found = await subscribers.findRecipients(
      database,
      rows.map(({ subscriberId }) => subscriberId),
      segmentIds,
    );
    const recipients = new Map(found.map((recipient) => [recipient.id, recipient]));
    const times = { leaseUntil, staleAt: new Date(now.getTime() + maxClaimAgeMs) };
    const skipped: Transition[] = [];
    const waiting: Waiting[] = [];
    for (const { variant, ...delivery } of rows) {
      const recipient = recipients.get(delivery.subscriberId);
      if (recipient !== undefined && recipient.obstacle === null) {
        const { email } = recipient;
        waiting.push({ delivery, variant, recipient, host: email.slice(email.lastIndexOf('@') + 1).toLowerCase(), ...times });
      } else skipped.push(skip(delivery.subscriberId, recipient?.obstacle ?? 'gone'));
    }
    if (skipped.length > 0) {
      for (const { status } of await moveDeliveries(database, claimAt(clock, issue.id, claimedBy), skipped)) countOutcome(status);
    }
    return waiting;
  }

  return {
    claimed: () => claimed,
    take(now) {
      if (isStale(now)) return undefined;
      const waiting = ready[position];
      if (waiting !== undefined) position += 1;
      return waiting;
    },
    refill(onReady) {
      if (running !== undefined || isDry || failure !== undefined || remaining() > size / 2) return;
      running = claimMore()
        .catch((error: unknown) => {
          failure = error;
        })
        .finally(() => {
          running = undefined;
          onReady();
        });
    },
    async settled() {
      await running;
      if (failure !== undefined) throw failure;
      return !isStale(clock.now()) && (remaining() > 0 || !isDry);
    },
  };
}

const skip = (subscriberId: string, reason: string): Transition => ({
  ...{ subscriberId, status: 'skipped', tries: 0, reason, failureClass: null, nextAttemptAt: null },
});
