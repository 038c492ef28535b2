import { recordAudit } from '#platform/audit';
import type { Database } from '#platform/database';
import type { Clock } from '#shared/clock';
import { listConsents } from '../subscribers/consent-store.ts';
import { viewOf, viewOfConsent } from '../subscribers/subscriber-schema.ts';
import { findSubscriber } from '../subscribers/subscriber-store.ts';
import { findSuppression } from '../suppressions/suppression-store.ts';

/** What other services keep about a person, by the name under which it stands in the file. */
export type CollectPersonalData = (subscriberId: string) => Promise<Readonly<Record<string, unknown>>>;

export type PersonalData = {
  /** Everything that is kept about a person, as JSON can hold it; undefined when nobody has the id or the person was erased. */
  collect(subscriberId: string): Promise<Readonly<Record<string, unknown>> | undefined>;
  /** Keeps that a copy was made. */
  recordExport(subscriberId: string, actor: string): Promise<void>;
};

type Dependencies = {
  readonly database: Database;
  readonly clock: Clock;
  readonly collectElsewhere: CollectPersonalData;
};

export function createPersonalData({ database, clock, collectElsewhere }: Dependencies): PersonalData {
  return {
    async collect(subscriberId) {
      const subscriber = await findSubscriber(database, subscriberId);
      if (subscriber === undefined || subscriber.status === 'erased') return undefined;
      const suppression = await findSuppression(database, subscriber.email);
      return {
        exportedAt: clock.now().toISOString(),
        profile: viewOf(subscriber),
        consents: (await listConsents(database, subscriberId)).map(viewOfConsent),
        suppression: suppression === undefined ? null : { reason: suppression.reason, since: suppression.createdAt.toISOString() },
        ...(await collectElsewhere(subscriberId)),
      };
    },
    async recordExport(subscriberId, actor) {
      const entry = { id: clock.newId(), at: clock.now(), actor, action: 'subscriber.export', subject: `subscriber:${subscriberId}` };
      await recordAudit(database, entry);
    },
  };
}
