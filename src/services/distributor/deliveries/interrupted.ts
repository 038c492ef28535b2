import type { Database } from '#platform/database';
import type { MailTransport } from '#platform/mail';
import type { Clock } from '#shared/clock';
import { claimAt } from './claim.ts';
import {
  claimInterrupted,
  type DeliveryStatus,
  type InterruptedDelivery,
  moveDeliveries,
  releaseExpiredClaims,
  type Transition,
} from './delivery-store.ts';
import { messageIdOf } from './message-factory.ts';
import { maxTries } from './retry-policy.ts';

const maxAtOnce = 100;

/**
 * Settles what workers left behind whose lease has ended. Claimed only: queued again. Under way: the mail server is asked by
 * Message-ID. Accepted: sent. Surely absent: queued again. Nobody can tell: uncertain, and never sent again.
 */
export async function settleInterrupted(
  options: {
    readonly database: Database;
    readonly mail: MailTransport;
    readonly clock: Clock;
    readonly mailDomain: string;
    readonly countOutcome: (outcome: DeliveryStatus) => void;
  },
  issueId: string,
): Promise<void> {
  const { database, mail, clock } = options;
  const claim = claimAt(clock, issueId, clock.newId());
  await releaseExpiredClaims(database, issueId, claim.now);
  const interrupted = await claimInterrupted(database, claim, maxAtOnce);
  if (interrupted.length === 0) return;
  const transitions: Transition[] = [];
  for (const delivery of interrupted) {
    const found = await mail.findByMessageId?.(messageIdOf(issueId, delivery.subscriberId, options.mailDomain), delivery.handedOverAt);
    transitions.push(settle(delivery, found ?? 'unknown'));
  }
  const moved = await moveDeliveries(database, claimAt(clock, issueId, claim.claimedBy), transitions);
  for (const { status } of moved) options.countOutcome(status);
}

function settle({ subscriberId, attempts }: InterruptedDelivery, found: 'accepted' | 'absent' | 'unknown'): Transition {
  const delivery = { subscriberId, tries: 1, nextAttemptAt: null } as const;
  if (found === 'accepted') return { ...delivery, status: 'sent', reason: null };
  if (found === 'unknown') return { ...delivery, status: 'uncertain', reason: 'interrupted while under way; it may have arrived' };
  // A message that again and again ends the process that sends it must not do so for ever.
  if (attempts + 1 >= maxTries) return { ...delivery, status: 'failed', reason: `given up after ${attempts + 1} tries: interrupted` };
  return { ...delivery, status: 'queued', reason: 'interrupted before it arrived' };
}
