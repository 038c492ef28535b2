import type { Queryable, Transaction } from '#platform/database';
import type { ServiceDependencies } from '#platform/service';
import { conflict, notFound } from '#shared/errors';
import type { ErasedKeyOf } from '../suppressions/erased-key.ts';
import { addSuppression, findSuppressedPositions, removeSuppression } from '../suppressions/suppression-store.ts';
import { subscriberBounced, subscriberErased } from './subscriber-events.ts';
import {
  eraseSubscriber,
  insertSubscriber,
  lockSubscriber,
  lockSubscriberByEmail,
  type SubscriberChange,
  setStatus,
  updateSubscriber,
} from './subscriber-store.ts';
import type { Origin, Profile, Subscriber } from './subscriber-types.ts';

export type SubscriberService = {
  /**
   * Adds somebody whose consent was given elsewhere, as `statement` says. Whoever withdrew it, bounced or was suppressed or
   * erased comes back only by confirming it themselves. @throws AppError 409 `subscriber_exists`, `subscriber_barred`
   */
  addConfirmed(
    request: { readonly email: string; readonly profile: Partial<Profile>; readonly source: string; readonly statement: string },
    origin: Origin,
  ): Promise<Subscriber>;
  change(id: string, change: SubscriberChange): Promise<Subscriber>;
  /** Twice is once. @throws AppError `not_found` */
  erase(id: string): Promise<void>;
  markBounced(tx: Transaction, id: string, reason: string): Promise<void>;
};

type Dependencies = Pick<ServiceDependencies, 'database' | 'events' | 'clock'> & {
  readonly erasedKeyOf: ErasedKeyOf;
  readonly defaultLanguage: string;
  readonly countChange: (change: string) => void;
  /** Makes a locked subscriber active on the ground of this consent. */
  readonly activate: (tx: Transaction, subscriber: Subscriber, statement: string, origin: Origin) => Promise<void>;
};

const maxReasonLength = 300;

export function createSubscriberService(dependencies: Dependencies): SubscriberService {
  const { database, events, clock, erasedKeyOf, defaultLanguage, countChange, activate } = dependencies;

  async function isBarred(tx: Queryable, email: string): Promise<boolean> {
    return (await findSuppressedPositions(tx, [email], [erasedKeyOf(email)])).size > 0;
  }

  return {
    async addConfirmed({ email, profile, source, statement }, origin) {
      return database.transaction(async (tx) => {
        const at = clock.now();
        const barred = conflict(
          'subscriber_barred',
          'This address left or was suppressed; only its owner can bring it back, by confirming.',
        );
        if (await isBarred(tx, email)) throw barred;
        const blank: Profile = { name: null, country: null, language: defaultLanguage, timezone: null, tags: [] };
        const inserted = await insertSubscriber(tx, { ...blank, ...profile, id: clock.newId(), email, status: 'pending', source, at });
        const known = inserted ?? (await lockSubscriberByEmail(tx, email));
        if (known === undefined || known.status === 'active') throw conflict('subscriber_exists', 'This address is subscribed already.');
        if (known.status !== 'pending') throw barred;
        const subscriber = inserted ?? (await updateSubscriber(tx, known, profile, at));
        await activate(tx, subscriber, statement, origin);
        return { ...subscriber, status: 'active', subscriptionDate: at, updatedAt: at };
      });
    },

    async change(id, change) {
      return database.transaction(async (tx) => {
        const current = await lockSubscriber(tx, id);
        if (current === undefined) throw notFound('subscriber', id);
        if (current.status === 'erased')
          throw conflict('subscriber_erased', 'The subscriber was erased; nothing about the person is kept.');
        return updateSubscriber(tx, current, change, clock.now());
      });
    },

    async erase(id) {
      await database.transaction(async (tx) => {
        const current = await lockSubscriber(tx, id);
        if (current === undefined) throw notFound('subscriber', id);
        if (current.status === 'erased') return;
        const at = clock.now();
        await eraseSubscriber(tx, id, at);
        // The address itself may have stood here and names the person; its key takes over.
        await removeSuppression(tx, current.email);
        await addSuppression(tx, erasedKeyOf(current.email), 'erased', at);
        await events.publish(tx, { type: subscriberErased, aggregateId: id, payload: { subscriberId: id } });
        tx.afterCommit(() => countChange('erased'));
      });
    },

    async markBounced(tx, id, reason) {
      const current = await lockSubscriber(tx, id);
      if (current === undefined || current.status === 'erased') return;
      const at = clock.now();
      const shortReason = reason.slice(0, maxReasonLength);
      await addSuppression(tx, current.email, `bounced: ${shortReason}`, at);
      // Who unsubscribed or complained stays so: that weighs more than a full or dead mailbox.
      if (current.status !== 'active' && current.status !== 'pending') return;
      await setStatus(tx, id, 'bounced', at);
      await events.publish(tx, { type: subscriberBounced, aggregateId: id, payload: { subscriberId: id, reason: shortReason } });
      tx.afterCommit(() => countChange('bounced'));
    },
  };
}
