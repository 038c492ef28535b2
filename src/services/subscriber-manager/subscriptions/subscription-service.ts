import type { Queryable, Transaction } from '#platform/database';
import type { ServiceDependencies } from '#platform/service';
import { conflict } from '#shared/errors';
import { addConsent, countRequests, findEndedConsent, findLastConsent, statements } from '../subscribers/consent-store.ts';
import { subscriberConfirmed, subscriberUnsubscribed } from '../subscribers/subscriber-events.ts';
import {
  activateSubscriber,
  insertSubscriber,
  lockSubscriber,
  lockSubscriberByEmail,
  setStatus,
  updateSubscriber,
} from '../subscribers/subscriber-store.ts';
import type { Origin, Profile, Subscriber } from '../subscribers/subscriber-types.ts';
import type { ErasedKeyOf } from '../suppressions/erased-key.ts';
import { findDomainSuppression, findSuppression, removeSuppression } from '../suppressions/suppression-store.ts';
import { sendConfirmationJob } from './subscription-jobs.ts';

/*
 * The way of a subscription. Only the person moves it to the right or back to the left; `erased` has no way out, and the
 * same address begins anew.
 *
 *   request ─▶ pending ──confirm──▶ active ──unsubscribe──▶ unsubscribed ──undo, within the hour──▶ active
 *                 │                   │ ▲                        │
 *                 └────unsubscribe────┼─┼──▶ unsubscribed        │
 *                               bounce▼ └──── request, confirm ──┘   (bounced and complained go the same way back)
 *
 * A request changes no status: whoever knows an address can make one. What proves the wish is following the link, and only
 * when it was asked for after the last withdrawal or suppression.
 */

const requestPauseMs = 5 * 60_000;
const dayMs = 24 * 3600_000;
// More would let a stranger fill somebody's mailbox by way of the form.
const maxRequestsPerDay = 5;
export const undoLimitMs = 3600_000;

export type SubscriptionRequest = {
  /** Normalised. */
  readonly email: string;
  readonly profile: Partial<Profile>;
  readonly source: string;
  /** What was asked for, in the words that were shown. */
  readonly statement: string;
};

export type RequestOutcome =
  | { readonly kind: 'requested'; readonly subscriber: Subscriber; readonly isNew: boolean }
  | { readonly kind: 'domain_suppressed' };

export type ConfirmOutcome = 'confirmed' | 'confirmed_already' | 'outdated' | 'unknown';
export type UnsubscribeOutcome = 'unsubscribed' | 'unsubscribed_already' | 'unknown';
export type UndoOutcome = 'restored' | 'active_already' | 'too_late' | 'unknown';

export type SubscriptionService = {
  /** The mail goes out by a job; repeated requests within a few minutes send none. */
  request(request: SubscriptionRequest, origin: Origin): Promise<RequestOutcome>;
  confirm(subscriberId: string, origin: Origin): Promise<ConfirmOutcome>;
  unsubscribe(
    tx: Transaction,
    subscriberId: string,
    origin: Origin & { readonly issueId?: string | null | undefined },
  ): Promise<UnsubscribeOutcome>;
  undoUnsubscribe(subscriberId: string, origin: Origin): Promise<UndoOutcome>;
  canUndo(database: Queryable, subscriberId: string): Promise<boolean>;
  /** Makes a locked subscriber active on the ground of a consent that is recorded with it; lifts what barred the address. */
  activate(tx: Transaction, subscriber: Subscriber, statement: string, origin: Origin): Promise<void>;
};

export type SubscriptionDependencies = Pick<ServiceDependencies, 'database' | 'jobs' | 'events' | 'clock'> & {
  readonly erasedKeyOf: ErasedKeyOf;
  readonly defaultLanguage: string;
  readonly countChange: (change: string) => void;
};

export function createSubscriptionService(dependencies: SubscriptionDependencies): SubscriptionService {
  const { database, jobs, events, clock, erasedKeyOf, defaultLanguage, countChange } = dependencies;

  async function request({ email, profile, source, statement }: SubscriptionRequest, origin: Origin): Promise<RequestOutcome> {
    return database.transaction(async (tx) => {
      if ((await findDomainSuppression(tx, email)) !== undefined) return { kind: 'domain_suppressed' };
      const at = clock.now();
      const blank: Profile = { name: null, country: null, language: defaultLanguage, timezone: null, tags: [] };
      const inserted = await insertSubscriber(tx, { ...blank, ...profile, id: clock.newId(), email, status: 'pending', source, at });
      const subscriber = inserted ?? (await lockSubscriberByEmail(tx, email));
      // Erased between the two statements: the next try finds a free address.
      if (subscriber === undefined) throw conflict('subscriber_changed', 'The subscriber was changed at the same time; try again.');
      const answer = { kind: 'requested', subscriber, isNew: inserted !== undefined } as const;
      if (await hasAskedEnough(tx, subscriber.id, at)) return answer;
      const consentId = clock.newId();
      await addConsent(tx, { id: consentId, subscriberId: subscriber.id, action: 'requested', statement, at }, origin);
      await jobs.send(tx, sendConfirmationJob, { subscriberId: subscriber.id, consentId });
      tx.afterCommit(() => countChange('requested'));
      // Details that nobody has confirmed are whoever's asked last; confirmed ones are their owner's, and a stranger's
      // request leaves them alone.
      const isOpen = inserted === undefined && subscriber.status === 'pending';
      return isOpen ? { ...answer, subscriber: await updateSubscriber(tx, subscriber, profile, at) } : answer;
    });
  }

  async function hasAskedEnough(tx: Transaction, subscriberId: string, at: Date): Promise<boolean> {
    const last = await findLastConsent(tx, subscriberId, 'requested');
    if (last === undefined) return false;
    const withdrawnAt = await findLastConsent(tx, subscriberId, 'withdrawn');
    // Whoever has just left and comes back needs a new link: the one before the withdrawal is void.
    const isAnswered = withdrawnAt === undefined || withdrawnAt < last;
    if (isAnswered && at.getTime() - last.getTime() < requestPauseMs) return true;
    return (await countRequests(tx, subscriberId, new Date(at.getTime() - dayMs))) >= maxRequestsPerDay;
  }

  async function activate(tx: Transaction, subscriber: Subscriber, statement: string, origin: Origin): Promise<void> {
    const { id, email } = subscriber;
    const at = clock.now();
    await removeSuppression(tx, email);
    await removeSuppression(tx, erasedKeyOf(email));
    await activateSubscriber(tx, id, at);
    await addConsent(tx, { id: clock.newId(), subscriberId: id, action: 'confirmed', statement, at }, origin);
    await events.publish(tx, { type: subscriberConfirmed, aggregateId: id, payload: { subscriberId: id } });
    tx.afterCommit(() => countChange('confirmed'));
  }

  async function confirm(subscriberId: string, origin: Origin): Promise<ConfirmOutcome> {
    return database.transaction(async (tx) => {
      const subscriber = await lockSubscriber(tx, subscriberId);
      if (subscriber === undefined || subscriber.status === 'erased') return 'unknown';
      const suppression = await findSuppression(tx, subscriber.email);
      if (subscriber.status === 'active' && suppression === undefined) return 'confirmed_already';
      const requestedAt = await findLastConsent(tx, subscriberId, 'requested');
      const withdrawnAt = await findLastConsent(tx, subscriberId, 'withdrawn');
      const isOutdated = [withdrawnAt, suppression?.createdAt].some((barredAt) => barredAt && requestedAt && barredAt >= requestedAt);
      if (requestedAt === undefined || isOutdated) return 'outdated';
      await activate(tx, subscriber, statements.confirmed, origin);
      return 'confirmed';
    });
  }

  return {
    request,
    confirm,
    activate,

    async unsubscribe(tx, subscriberId, { issueId = null, ...origin }) {
      const subscriber = await lockSubscriber(tx, subscriberId);
      if (subscriber === undefined || subscriber.status === 'erased') return 'unknown';
      if (subscriber.status === 'unsubscribed') return 'unsubscribed_already';
      const at = clock.now();
      await setStatus(tx, subscriberId, 'unsubscribed', at);
      await addConsent(tx, { id: clock.newId(), subscriberId, action: 'withdrawn', statement: statements.withdrawn, at }, origin);
      await events.publish(tx, { type: subscriberUnsubscribed, aggregateId: subscriberId, payload: { subscriberId, issueId } });
      tx.afterCommit(() => countChange('unsubscribed'));
      return 'unsubscribed';
    },

    async undoUnsubscribe(subscriberId, origin) {
      return database.transaction(async (tx) => {
        const subscriber = await lockSubscriber(tx, subscriberId);
        if (subscriber === undefined || subscriber.status === 'erased') return 'unknown';
        if (subscriber.status === 'active') return 'active_already';
        const isBarred = (await findSuppression(tx, subscriber.email)) !== undefined;
        if (isBarred || subscriber.status !== 'unsubscribed' || !(await canUndo(tx, subscriberId))) return 'too_late';
        const at = clock.now();
        await setStatus(tx, subscriberId, 'active', at);
        await addConsent(tx, { id: clock.newId(), subscriberId, action: 'confirmed', statement: statements.restored, at }, origin);
        await events.publish(tx, { type: subscriberConfirmed, aggregateId: subscriberId, payload: { subscriberId } });
        tx.afterCommit(() => countChange('restored'));
        return 'restored';
      });
    },
    canUndo,
  };

  /** The link stays in the mail for ever, and mails are handed on: it restores what has just ended, nothing older. */
  async function canUndo(queryable: Queryable, subscriberId: string): Promise<boolean> {
    const endedAt = await findEndedConsent(queryable, subscriberId);
    return endedAt !== undefined && clock.now().getTime() - endedAt.getTime() < undoLimitMs;
  }
}
