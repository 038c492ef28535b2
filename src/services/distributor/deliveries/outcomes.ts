import type { SendOutcome } from '#platform/mail';
import type { Clock } from '#shared/clock';
import type { Issue } from '../distributor-types.ts';
import type { ClaimedDelivery, Transition } from './claim-store.ts';
import { type BounceClass, classifyReply } from './reply-class.ts';
import { nextTryAt } from './retry-policy.ts';

/** `unavailable`: surely not taken. The mail server answers others, or it answers nobody. `held_up`: there is no leave to send it yet. */
export type HandOverOutcome =
  | SendOutcome
  | { readonly kind: 'unavailable'; readonly isServerUp: boolean; readonly reason: string }
  | { readonly kind: 'held_up'; readonly until: Date }
  | { readonly kind: 'not_rendered'; readonly reason: string };

/** A refusal for good, in the server's words. */
export type Refusal = { readonly bounceClass: BounceClass; readonly response: string };

export type Handed = {
  /** Undefined: the row stays `sending`, and the mail server is asked when the lease has ended. */
  readonly transition: Transition | undefined;
  readonly refusal: Refusal | undefined;
};

export type Delivery = Omit<ClaimedDelivery, 'variant'>;
type OnUncertain = Issue['onUncertain'];

/** Of UTF-8: a row of the ledger is at most 300 bytes. */
const maxReasonBytes = 100;

/** Server replies are foreign text: PostgreSQL takes no NUL, and half a character is none. */
export function shortenReason(reason: string): string {
  const clean = reason.replaceAll('\u0000', '');
  const bytes = Buffer.from(clean);
  if (bytes.length <= maxReasonBytes) return clean;
  let end = maxReasonBytes;
  while (((bytes[end] ?? 0) & 0xc0) === 0x80) end -= 1;
  return bytes.toString('utf8', 0, end);
}

/** Queued again after a while, or failed when its time is over. */
export function tryLater(clock: Clock, delivery: Delivery, reason: string, failureClass: BounceClass): Transition {
  const tries = delivery.attempts + 1;
  const at = nextTryAt(tries, delivery.firstTriedAt, clock.now(), clock.random());
  const { subscriberId } = delivery;
  const common = { subscriberId, tries: 1, failureClass } as const;
  return at === undefined
    ? { ...common, status: 'failed', reason: shortenReason(`given up after ${tries} tries: ${reason}`), nextAttemptAt: null }
    : { ...common, status: 'queued', reason: shortenReason(reason), nextAttemptAt: at };
}

/** Nobody knows whether it arrived: a person or a provider's event says so, unless the campaign prefers a second copy to a loss. */
export function doubt(clock: Clock, delivery: Delivery, onUncertain: OnUncertain, reason: string): Transition {
  if (onUncertain === 'resend') return tryLater(clock, delivery, reason, 'unknown');
  const { subscriberId } = delivery;
  return { subscriberId, status: 'uncertain', tries: 1, reason: shortenReason(reason), failureClass: null, nextAttemptAt: null };
}

export function handed(
  clock: Clock,
  delivery: Delivery,
  outcome: HandOverOutcome,
  options: { readonly canLookUp: boolean; readonly onUncertain: OnUncertain },
): Handed {
  const { subscriberId } = delivery;
  const only = (transition: Transition | undefined): Handed => ({ transition, refusal: undefined });
  const plain = { subscriberId, tries: 0, reason: null, failureClass: null, nextAttemptAt: null } as const;
  switch (outcome.kind) {
    case 'accepted':
      return only({ ...plain, status: 'sent', tries: 1 });
    case 'unknown':
      // Asked at once, a server that is still storing the message would deny it; so it is asked after the lease.
      return only(options.canLookUp ? undefined : doubt(clock, delivery, options.onUncertain, outcome.response));
    case 'unavailable':
      // A server that is down costs nobody a try. Where it is up, it is this message that it cannot bear.
      if (outcome.isServerUp) return only(tryLater(clock, delivery, outcome.reason, 'transient'));
      return only({ ...plain, status: 'queued', reason: shortenReason(outcome.reason) });
    case 'held_up':
      return only({ ...plain, status: 'queued', nextAttemptAt: outcome.until });
    case 'not_rendered':
      return only({ ...plain, status: 'failed', reason: shortenReason(outcome.reason) });
    case 'rejected': {
      const { bounceClass, isTemporary } = classifyReply(outcome);
      if (isTemporary) return only(tryLater(clock, delivery, outcome.response, bounceClass));
      const reason = shortenReason(outcome.response);
      return {
        transition: { ...plain, status: 'failed', tries: 1, reason, failureClass: bounceClass },
        refusal: { bounceClass, response: reason },
      };
    }
  }
}
