import { isIP } from 'node:net';
import { type Queryable, sql } from '#platform/database';
import type { Consent, ConsentAction, Origin } from './subscriber-types.ts';

export const statements = {
  requested: 'Asked on the form to receive the newsletter by e-mail.',
  requestedByPublisher: 'Entered by the publisher, who had a confirmation asked for by mail.',
  confirmed: 'Confirmed by the link in the confirmation mail that the newsletter may be sent.',
  withdrawn: 'Asked for no more newsletters.',
  restored: 'Took back the unsubscription on its page.',
  imported: 'Imported from a list whose owner says that everybody on it asked for the newsletter.',
} as const;

type NewConsent = {
  readonly id: string;
  readonly subscriberId: string;
  readonly action: ConsentAction;
  readonly statement: string;
  readonly at: Date;
};

export async function addConsent(tx: Queryable, consent: NewConsent, { origin, ip }: Origin): Promise<void> {
  // An address with a zone (`fe80::1%eth0`) is no inet.
  const ipAddress = ip !== undefined && isIP(ip) !== 0 && !ip.includes('%') ? ip : null;
  await tx.execute(
    'consents.add',
    sql`insert into consents (id, subscriber_id, action, statement, origin, ip_address, given_at)
        values (${consent.id}, ${consent.subscriberId}, ${consent.action}, ${consent.statement}, ${origin}, ${ipAddress}::inet, ${consent.at})`,
  );
}

/** One consent of the same kind for each of many. */
export async function addConsents(
  tx: Queryable,
  consents: readonly Pick<NewConsent, 'id' | 'subscriberId'>[],
  shared: Omit<NewConsent, 'id' | 'subscriberId'> & { readonly origin: string },
): Promise<void> {
  await tx.execute(
    'consents.add-many',
    sql`insert into consents (id, subscriber_id, action, statement, origin, given_at)
        select given.id, given.subscriber_id, ${shared.action}, ${shared.statement}, ${shared.origin}, ${shared.at}::timestamptz
        from unnest(${consents.map(({ id }) => id)}::uuid[], ${consents.map(({ subscriberId }) => subscriberId)}::uuid[])
          as given (id, subscriber_id)`,
  );
}

export function listConsents(database: Queryable, subscriberId: string): Promise<Consent[]> {
  return database.query<Consent>(
    'consents.list',
    sql`select id, action, statement, origin, given_at as "givenAt" from consents
        where subscriber_id = ${subscriberId}::uuid order by given_at, id limit 1000`,
  );
}

/** When the action was last recorded, or undefined. */
export async function findLastConsent(tx: Queryable, subscriberId: string, action: ConsentAction): Promise<Date | undefined> {
  const row = await tx.one<{ at: Date | null }>(
    'consents.find-last',
    sql`select max(given_at) as at from consents where subscriber_id = ${subscriberId}::uuid and action = ${action}`,
  );
  return row.at ?? undefined;
}

/** Requests for a confirmation since then. */
export async function countRequests(tx: Queryable, subscriberId: string, since: Date): Promise<number> {
  const { count } = await tx.one<{ count: number }>(
    'consents.count-requests',
    sql`select count(*) as count from consents
        where subscriber_id = ${subscriberId}::uuid and action = 'requested' and given_at > ${since}`,
  );
  return count;
}

/** When the last withdrawal was made, if it ended a consent that was in force; undefined when there is nothing to restore. */
export async function findEndedConsent(tx: Queryable, subscriberId: string): Promise<Date | undefined> {
  const [last, before] = await tx.query<{ action: ConsentAction; at: Date }>(
    'consents.find-ended',
    sql`select action, given_at as at from consents
        where subscriber_id = ${subscriberId}::uuid and action <> 'requested' order by given_at desc, id desc limit 2`,
  );
  return last?.action === 'withdrawn' && before !== undefined && before.action !== 'withdrawn' ? last.at : undefined;
}
