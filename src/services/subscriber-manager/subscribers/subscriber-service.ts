import { recordAudit } from '#platform/audit';
import type { Queryable, Transaction } from '#platform/database';
import type { ServiceDependencies } from '#platform/service';
import { AppError, conflict, notFound } from '#shared/errors';
import { holdDefinitions } from '../custom-fields/custom-field-store.ts';
import { mergeCustomFields, readCustomFields } from '../custom-fields/custom-field-values.ts';
import type { ErasedKeyOf } from '../suppressions/erased-key.ts';
import { addSuppression, findSuppressedPositions, removeSuppression, suppressComplainer } from '../suppressions/suppression-store.ts';
import { findChanges } from './subscriber-changes.ts';
import { subscriberBounced, subscriberChanged, subscriberComplained, subscriberErased } from './subscriber-events.ts';
import type { Details } from './subscriber-fields.ts';
import {
  eraseSubscriber,
  insertSubscriber,
  lockSubscriber,
  lockSubscriberByEmail,
  type SubscriberChange,
  setStatus,
  updateSubscriber,
} from './subscriber-store.ts';
import type { Origin, Profile, Statement, Subscriber } from './subscriber-types.ts';

/** Custom fields as they came, to be read by their definitions. */
export type GivenFields = { readonly values: Readonly<Record<string, unknown>>; readonly from: 'json' | 'text' };

export type ChangeRequest = Details & { readonly pausedUntil?: Date | null; readonly given?: GivenFields };

export type SubscriberService = {
  /**
   * Adds somebody whose consent was given elsewhere, as the statement says. Whoever withdrew it, bounced or was suppressed or
   * erased comes back only by confirming it themselves. @throws AppError 409 `subscriber_exists`, `subscriber_barred`
   */
  addConfirmed(
    request: {
      readonly email: string;
      readonly profile: Details;
      readonly given?: GivenFields;
      readonly source: string;
      readonly statement: Statement;
    },
    origin: Origin,
  ): Promise<Subscriber>;
  /** The same for somebody who is pending. Twice is once. @throws as `addConfirmed` does; AppError `not_found` */
  confirmFor(id: string, statement: Statement, origin: Origin): Promise<Subscriber>;
  /** @throws AppError 422 for custom fields that do not fit; 409 `subscriber_erased`; `not_found` */
  change(id: string, change: ChangeRequest): Promise<Subscriber>;
  /** Publishes what differs from `before`, if anything does. */
  writeChange(tx: Transaction, before: Subscriber, change: SubscriberChange): Promise<Subscriber>;
  /** Twice is once. `actor`: for the record of who did it. @throws AppError `not_found` */
  erase(id: string, actor: string): Promise<void>;
  markBounced(tx: Transaction, id: string, reason: string): Promise<void>;
  /** No mail goes to this address again, whatever anybody imports. */
  markComplained(tx: Transaction, id: string, reason: string): Promise<void>;
};

type Dependencies = Pick<ServiceDependencies, 'database' | 'events' | 'clock'> & {
  readonly erasedKeyOf: ErasedKeyOf;
  readonly defaultLanguage: string;
  readonly countChange: (change: string) => void;
  /** Makes a locked subscriber active on the ground of this consent. */
  readonly activate: (tx: Transaction, subscriber: Subscriber, statement: Statement, origin: Origin) => Promise<void>;
};

const maxReasonLength = 300;

/** Reads custom fields by definitions that stay as they are until the transaction ends. @throws AppError 422 */
export async function readGivenFields(tx: Queryable, { values, from }: GivenFields) {
  const reading = readCustomFields(await holdDefinitions(tx), values, from);
  if (reading.faults.length === 0) return reading.values;
  const message = reading.faults.map((fault) => `${fault.path} ${fault.message}`).join('; ');
  throw new AppError('invalid_request', `The custom fields are not valid: ${message}.`, { status: 422, fields: reading.faults });
}

export function createSubscriberService(dependencies: Dependencies): SubscriberService {
  const { database, events, clock, erasedKeyOf, defaultLanguage, countChange, activate } = dependencies;

  async function isBarred(tx: Queryable, email: string): Promise<boolean> {
    return (await findSuppressedPositions(tx, [email], [erasedKeyOf(email)])).size > 0;
  }

  const barred = () =>
    conflict('subscriber_barred', 'This address left or was suppressed; only its owner can bring it back, by confirming.');

  async function writeChange(tx: Transaction, before: Subscriber, change: SubscriberChange): Promise<Subscriber> {
    const changes = findChanges(before, { ...before, ...change });
    if (changes === undefined) return before;
    const after = await updateSubscriber(tx, before, change, clock.now());
    await events.publish(tx, { type: subscriberChanged, aggregateId: before.id, payload: { subscriberId: before.id, ...changes } });
    tx.afterCommit(() => countChange('changed'));
    return after;
  }

  async function activateNow(tx: Transaction, subscriber: Subscriber, statement: Statement, origin: Origin): Promise<Subscriber> {
    const at = clock.now();
    await activate(tx, subscriber, statement, origin);
    return { ...subscriber, status: 'active', subscriptionDate: at, updatedAt: at };
  }

  return {
    writeChange,

    async addConfirmed({ email, profile, given, source, statement }, origin) {
      return database.transaction(async (tx) => {
        const at = clock.now();
        if (await isBarred(tx, email)) throw barred();
        const blank: Profile = { name: null, country: null, language: defaultLanguage, timezone: null, tags: [] };
        const values = given === undefined ? {} : await readGivenFields(tx, given);
        const customFields = mergeCustomFields({}, values);
        const row = { ...blank, ...profile, customFields, id: clock.newId(), email, status: 'pending', source, at } as const;
        const inserted = await insertSubscriber(tx, row);
        const known = inserted ?? (await lockSubscriberByEmail(tx, email));
        if (known === undefined || known.status === 'active') throw conflict('subscriber_exists', 'This address is subscribed already.');
        if (known.status !== 'pending') throw barred();
        const change = { ...profile, customFields: mergeCustomFields(known.customFields, values) };
        return activateNow(tx, inserted ?? (await updateSubscriber(tx, known, change, at)), statement, origin);
      });
    },

    async confirmFor(id, statement, origin) {
      return database.transaction(async (tx) => {
        const current = await lockSubscriber(tx, id);
        if (current === undefined) throw notFound('subscriber', id);
        if (current.status === 'active') return current;
        if (current.status !== 'pending' || (await isBarred(tx, current.email))) throw barred();
        return activateNow(tx, current, statement, origin);
      });
    },

    async change(id, { given, ...change }) {
      return database.transaction(async (tx) => {
        const current = await lockSubscriber(tx, id);
        if (current === undefined) throw notFound('subscriber', id);
        if (current.status === 'erased')
          throw conflict('subscriber_erased', 'The subscriber was erased; nothing about the person is kept.');
        const customFields =
          given === undefined ? current.customFields : mergeCustomFields(current.customFields, await readGivenFields(tx, given));
        return writeChange(tx, current, { ...change, customFields });
      });
    },

    async erase(id, actor) {
      await database.transaction(async (tx) => {
        const current = await lockSubscriber(tx, id);
        if (current === undefined) throw notFound('subscriber', id);
        if (current.status === 'erased') return;
        const at = clock.now();
        await eraseSubscriber(tx, id, at);
        // The address itself may have stood here and names the person; its key takes over.
        await removeSuppression(tx, current.email);
        const key = { address: erasedKeyOf(current.email), reason: 'erased', source: 'erasure', note: null, expiresAt: null } as const;
        await addSuppression(tx, key, at);
        await recordAudit(tx, { id: clock.newId(), at, actor, action: 'subscriber.erase', subject: `subscriber:${id}` });
        await events.publish(tx, { type: subscriberErased, aggregateId: id, payload: { subscriberId: id } });
        tx.afterCommit(() => countChange('erased'));
      });
    },

    async markBounced(tx, id, reason) {
      const current = await lockSubscriber(tx, id);
      if (current === undefined || current.status === 'erased') return;
      const at = clock.now();
      const shortReason = reason.slice(0, maxReasonLength);
      const suppression = {
        address: current.email,
        reason: `bounced: ${shortReason}`,
        source: 'bounce',
        note: null,
        expiresAt: null,
      } as const;
      await addSuppression(tx, suppression, at);
      // Who unsubscribed or complained stays so: that weighs more than a full or dead mailbox.
      if (current.status !== 'active' && current.status !== 'pending') return;
      await setStatus(tx, id, 'bounced', at);
      await events.publish(tx, { type: subscriberBounced, aggregateId: id, payload: { subscriberId: id, reason: shortReason } });
      tx.afterCommit(() => countChange('bounced'));
    },

    async markComplained(tx, id, reason) {
      const current = await lockSubscriber(tx, id);
      if (current === undefined || current.status === 'erased' || current.status === 'complained') return;
      const at = clock.now();
      const shortReason = reason.slice(0, maxReasonLength);
      await suppressComplainer(tx, current.email, `complained: ${shortReason}`, at);
      await setStatus(tx, id, 'complained', at);
      await events.publish(tx, { type: subscriberComplained, aggregateId: id, payload: { subscriberId: id, reason: shortReason } });
      tx.afterCommit(() => countChange('complained'));
    },
  };
}
