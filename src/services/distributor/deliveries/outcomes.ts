import { isHardBounce, type SendOutcome } from '#platform/mail';
import type { Clock } from '#shared/clock';
import type { Transition } from './delivery-store.ts';
import { maxTries, retryDelayMs } from './retry-policy.ts';

/** `unavailable`: surely not taken. The mail server answers others, or it answers nobody. */
export type HandOverOutcome =
  | SendOutcome
  | { readonly kind: 'unavailable'; readonly isServerUp: boolean; readonly reason: string }
  | { readonly kind: 'not_rendered'; readonly reason: string };

export type Handed = {
  readonly subscriberId: string;
  /** Undefined: the row stays `sending`, and the mail server is asked when the lease has ended. */
  readonly transition: Transition | undefined;
  /** The address does not exist; the server's words. */
  readonly hardBounce: string | undefined;
};

const maxReasonLength = 500;

// Server replies are foreign text: PostgreSQL takes no NUL.
const shorten = (reason: string) => reason.replaceAll('\u0000', '').slice(0, maxReasonLength);

export function handed(
  clock: Clock,
  delivery: { readonly subscriberId: string; readonly attempts: number },
  outcome: HandOverOutcome,
  canLookUp: boolean,
): Handed {
  const { subscriberId } = delivery;
  const to = (status: Transition['status'], tries: 0 | 1, reason: string | null, nextAttemptAt: Date | null = null): Handed => ({
    subscriberId,
    transition: { subscriberId, status, tries, reason: reason === null ? null : shorten(reason), nextAttemptAt },
    hardBounce: undefined,
  });
  const tryLater = (reason: string): Handed => {
    const tries = delivery.attempts + 1;
    if (tries >= maxTries) return to('failed', 1, `given up after ${tries} tries: ${reason}`);
    return to('queued', 1, reason, new Date(clock.now().getTime() + retryDelayMs(tries, clock.random())));
  };
  switch (outcome.kind) {
    case 'accepted':
      return to('sent', 1, null);
    case 'unknown':
      // Asked at once, a server that is still storing the message would deny it; so it is asked after the lease.
      return canLookUp ? { subscriberId, transition: undefined, hardBounce: undefined } : to('uncertain', 1, outcome.response);
    case 'unavailable':
      // A server that is down costs nobody a try. Where it is up, it is this message that it cannot bear.
      return outcome.isServerUp ? tryLater(outcome.reason) : to('queued', 0, outcome.reason);
    case 'not_rendered':
      return to('failed', 0, outcome.reason);
    case 'rejected': {
      if (outcome.temporary) return tryLater(outcome.response);
      const failed = to('failed', 1, outcome.response);
      return isHardBounce(outcome) ? { ...failed, hardBounce: shorten(outcome.response) } : failed;
    }
  }
}
