import type { Queryable, Transaction } from '#platform/database';
import type { ServiceDependencies } from '#platform/service';
import { conflict } from '#shared/errors';
import { mergeCustomFields } from '../custom-fields/custom-field-values.ts';
import { addConsent, countRequests, findEndedConsent, findLastConsent, statements } from '../subscribers/consent-store.ts';
import { subscriberConfirmed, subscriberUnsubscribed } from '../subscribers/subscriber-events.ts';
import type { Details } from '../subscribers/subscriber-fields.ts';
import { type GivenFields, readGivenFields } from '../subscribers/subscriber-service.ts';
import {
  activateSubscriber,
  insertSubscriber,
  lockSubscriber,
  lockSubscriberByEmail,
  setStatus,
  updateSubscriber,
} from '../subscribers/subscriber-store.ts';
import type { Consent, Origin, Profile, Statement, Subscriber } from '../subscribers/subscriber-types.ts';
import type { ErasedKeyOf } from '../suppressions/erased-key.ts';
import { findDomainSuppression, findSuppressedPositions, findSuppression, removeSuppression } from '../suppressions/suppression-store.ts';
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
  readonly profile: Details;
  readonly given?: GivenFields;
  readonly source: string;
  /** What was asked for, in the words that were shown. */
  readonly statement: Statement;
  /** Makes them active without a confirmation by mail; whoever left, bounced or was erased must still confirm. */
  readonly isAtOnce?: boolean;
};

export type RequestOutcome =
  | { readonly kind: 'requested' | 'subscribed'; readonly subscriber: Subscriber; readonly isNew: boolean }
  | { readonly kind: 'domain_suppressed' };

export type ConfirmOutcome = 'confirmed' | 'confirmed_already' | 'outdated' | 'unknown';
export const unsubscribeReasons = ['too_many', 'not_relevant', 'never_asked', 'other'] as const;
export type UnsubscribeReason = (typeof unsubscribeReasons)[number];
export type UnsubscribeOutcome = 'unsubscribed' | 'unsubscribed_already' | 'unknown';
export type UndoOutcome = 'restored' | 'active_already' | 'too_late' | 'unknown';

export type SubscriptionService = {
  /** The mail goes out by a job; repeated requests within a few minutes send none. */
  request(request: SubscriptionRequest, origin: Origin): Promise<RequestOutcome>;
  /** Another mail, on the ground of the last request: what the form does, for whoever has a link that expired. */
  renew(subscriberId: string, origin: Origin): Promise<void>;
  /** `shown`: what the page said, where the request was not one that a reader made. */
  confirm(subscriberId: string, shown: Statement, origin: Origin): Promise<ConfirmOutcome>;
  unsubscribe(
    tx: Transaction,
    subscriberId: string,
    origin: Origin & { readonly issueId?: string | null | undefined; readonly reason?: UnsubscribeReason | undefined },
  ): Promise<UnsubscribeOutcome>;
  undoUnsubscribe(subscriberId: string, origin: Origin): Promise<UndoOutcome>;
  canUndo(database: Queryable, subscriberId: string): Promise<boolean>;
  /** Makes a locked subscriber active on the ground of a consent that is recorded with it; lifts what barred the address. */
  activate(tx: Transaction, subscriber: Subscriber, statement: Statement, origin: Origin): Promise<void>;
};

const statementOf = ({ statement, language, form }: Consent): Statement => ({ text: statement, language, form });

export type SubscriptionDependencies = Pick<ServiceDependencies, 'database' | 'jobs' | 'events' | 'clock'> & {
  readonly erasedKeyOf: ErasedKeyOf;
  readonly defaultLanguage: string;
  readonly countChange: (change: string) => void;
};

export function createSubscriptionService(dependencies: SubscriptionDependencies): SubscriptionService {
  const { database, jobs, events, clock, erasedKeyOf, defaultLanguage, countChange } = dependencies;

  async function request(wish: SubscriptionRequest, origin: Origin): Promise<RequestOutcome> {
    return database.transaction(async (tx) => {
      const { email, profile, given, source, statement, isAtOnce = false } = wish;
      if ((await findDomainSuppression(tx, email)) !== undefined) return { kind: 'domain_suppressed' };
      const at = clock.now();
      const blank: Profile = { name: null, country: null, language: defaultLanguage, timezone: null, tags: [] };
      const values = given === undefined ? {} : await readGivenFields(tx, given);
      const customFields = mergeCustomFields({}, values);
      const row = { ...blank, ...profile, customFields, id: clock.newId(), email, status: 'pending', source, at } as const;
      const inserted = await insertSubscriber(tx, row);
      const known = inserted ?? (await lockSubscriberByEmail(tx, email));
      // Erased between the two statements: the next try finds a free address.
      if (known === undefined) throw conflict('subscriber_changed', 'The subscriber was changed at the same time; try again.');
      // Details that nobody has confirmed are whoever's asked last; confirmed ones are their owner's, and a stranger's
      // request leaves them alone.
      const isOpen = inserted === undefined && known.status === 'pending';
      const tags = [...new Set([...known.tags, ...(profile.tags ?? [])])];
      const change = { ...profile, tags, customFields: mergeCustomFields(known.customFields, values) };
      const subscriber = isOpen ? await updateSubscriber(tx, known, change, at) : known;
      if (isAtOnce && subscriber.status === 'pending' && !(await isBarred(tx, email))) {
        await activate(tx, subscriber, statement, origin);
        return { kind: 'subscribed', subscriber, isNew: inserted !== undefined };
      }
      await askToConfirm(tx, subscriber.id, statement, origin);
      return { kind: 'requested', subscriber, isNew: inserted !== undefined };
    });
  }

  async function isBarred(tx: Transaction, email: string): Promise<boolean> {
    return (await findSuppressedPositions(tx, [email], [erasedKeyOf(email)])).size > 0;
  }

  async function askToConfirm(tx: Transaction, subscriberId: string, statement: Statement, origin: Origin): Promise<void> {
    const at = clock.now();
    if (await hasAskedEnough(tx, subscriberId, at)) return;
    const consentId = clock.newId();
    await addConsent(tx, { id: consentId, subscriberId, action: 'requested', statement, at }, origin);
    await jobs.send(tx, sendConfirmationJob, { subscriberId, consentId });
    tx.afterCommit(() => countChange('requested'));
  }

  async function renew(subscriberId: string, origin: Origin): Promise<void> {
    await database.transaction(async (tx) => {
      const subscriber = await lockSubscriber(tx, subscriberId);
      if (subscriber === undefined || subscriber.status === 'erased') return;
      if ((await findDomainSuppression(tx, subscriber.email)) !== undefined) return;
      const last = await findLastConsent(tx, subscriberId, 'requested');
      if (last !== undefined) await askToConfirm(tx, subscriberId, statementOf(last), origin);
    });
  }

  async function hasAskedEnough(tx: Transaction, subscriberId: string, at: Date): Promise<boolean> {
    const last = (await findLastConsent(tx, subscriberId, 'requested'))?.givenAt;
    if (last === undefined) return false;
    const withdrawnAt = (await findLastConsent(tx, subscriberId, 'withdrawn'))?.givenAt;
    // Whoever has just left and comes back needs a new link: the one before the withdrawal is void.
    const isAnswered = withdrawnAt === undefined || withdrawnAt < last;
    if (isAnswered && at.getTime() - last.getTime() < requestPauseMs) return true;
    return (await countRequests(tx, subscriberId, new Date(at.getTime() - dayMs))) >= maxRequestsPerDay;
  }

  async function activate(tx: Transaction, subscriber: Subscriber, statement: Statement, origin: Origin): Promise<void> {
    const { id, email } = subscriber;
    const at = clock.now();
    await removeSuppression(tx, email);
    await removeSuppression(tx, erasedKeyOf(email));
    await activateSubscriber(tx, id, at);
    await addConsent(tx, { id: clock.newId(), subscriberId: id, action: 'confirmed', statement, at }, origin);
    await events.publish(tx, { type: subscriberConfirmed, aggregateId: id, payload: { subscriberId: id } });
    tx.afterCommit(() => countChange('confirmed'));
  }

  async function confirm(subscriberId: string, shown: Statement, origin: Origin): Promise<ConfirmOutcome> {
    return database.transaction(async (tx) => {
      const subscriber = await lockSubscriber(tx, subscriberId);
      if (subscriber === undefined || subscriber.status === 'erased') return 'unknown';
      const suppression = await findSuppression(tx, subscriber.email);
      if (subscriber.status === 'active' && suppression === undefined) return 'confirmed_already';
      const requested = await findLastConsent(tx, subscriberId, 'requested');
      const withdrawn = await findLastConsent(tx, subscriberId, 'withdrawn');
      if (requested === undefined) return 'outdated';
      const isOutdated = [withdrawn?.givenAt, suppression?.createdAt].some((barredAt) => barredAt && barredAt >= requested.givenAt);
      if (isOutdated) return 'outdated';
      await activate(tx, subscriber, requested.language === null ? shown : statementOf(requested), origin);
      return 'confirmed';
    });
  }

  return {
    request,
    renew,
    confirm,
    activate,

    async unsubscribe(tx, subscriberId, { issueId = null, reason, ...origin }) {
      const subscriber = await lockSubscriber(tx, subscriberId);
      if (subscriber === undefined || subscriber.status === 'erased') return 'unknown';
      if (subscriber.status === 'unsubscribed') return 'unsubscribed_already';
      const at = clock.now();
      await setStatus(tx, subscriberId, 'unsubscribed', at);
      const statement = { text: reason === undefined ? statements.withdrawn : `${statements.withdrawn} Reason: ${reason}.` };
      await addConsent(tx, { id: clock.newId(), subscriberId, action: 'withdrawn', statement, at }, origin);
      const payload = { subscriberId, issueId, ...(reason !== undefined && { reason }) };
      await events.publish(tx, { type: subscriberUnsubscribed, aggregateId: subscriberId, payload });
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
        const statement = { text: statements.restored };
        await addConsent(tx, { id: clock.newId(), subscriberId, action: 'confirmed', statement, at }, origin);
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
