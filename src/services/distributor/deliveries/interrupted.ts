import type { Database } from '#platform/database';
import type { MailTransport } from '#platform/mail';
import type { Clock } from '#shared/clock';
import type { Issue } from '../distributor-types.ts';
import { claimAt } from './claim.ts';
import { claimInterrupted, type InterruptedDelivery, moveDeliveries, releaseExpiredClaims, type Transition } from './claim-store.ts';
import type { DeliveryStatus } from './delivery-store.ts';
import { messageIdOf } from './message-factory.ts';
import { doubt, tryLater } from './outcomes.ts';

const maxAtOnce = 100;

type SettleOptions = {
  readonly database: Database;
  readonly mail: Pick<MailTransport, 'findByMessageId'>;
  readonly clock: Clock;
  readonly mailDomain: string;
  readonly countOutcome: (outcome: DeliveryStatus) => void;
};

/**
 * Settles what workers left behind whose lease has ended. Claimed only: queued again. Under way: the mail server is asked by
 * Message-ID. Accepted: sent. Surely absent: queued again. Nobody can tell: uncertain, and sent again only where the campaign
 * prefers a second copy to a loss.
 */
export async function settleInterrupted(options: SettleOptions, { id: issueId, onUncertain }: Issue): Promise<void> {
  const { database, mail, clock } = options;
  const claim = claimAt(clock, issueId, clock.newId());
  await releaseExpiredClaims(database, issueId, claim.now);
  const interrupted = await claimInterrupted(database, claim, maxAtOnce);
  if (interrupted.length === 0) return;
  const transitions: Transition[] = [];
  for (const delivery of interrupted) {
    const found = await mail.findByMessageId?.(messageIdOf(issueId, delivery.subscriberId, options.mailDomain), delivery.handedOverAt);
    transitions.push(settle(clock, delivery, onUncertain, found ?? 'unknown'));
  }
  const moved = await moveDeliveries(database, claimAt(clock, issueId, claim.claimedBy), transitions);
  for (const { status } of moved) options.countOutcome(status);
}

function settle(
  clock: Clock,
  delivery: InterruptedDelivery,
  onUncertain: Issue['onUncertain'],
  found: 'accepted' | 'absent' | 'unknown',
): Transition {
  const { subscriberId } = delivery;
  if (found === 'accepted') return { subscriberId, status: 'sent', tries: 1, reason: null, failureClass: null, nextAttemptAt: null };
  if (found === 'unknown') return doubt(clock, delivery, onUncertain, 'interrupted while under way; it may have arrived');
  // Each time after a longer rest, and not for ever: a message may itself be what ends the process that sends it.
  const later = tryLater(clock, delivery, 'interrupted before it arrived', 'unknown');
  return delivery.attempts === 0 && later.status === 'queued' ? { ...later, nextAttemptAt: clock.now() } : later;
}
