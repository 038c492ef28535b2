import { type Queryable, sql } from '#platform/database';
import type { Consent, ConsentAction, Origin } from './subscriber-types.ts';

export const statements = {
  requested: 'Asked on the form to receive the newsletter by e-mail.',
  confirmed: 'Confirmed by the link in the confirmation mail that the newsletter may be sent.',
  withdrawn: 'Asked for no more newsletters.',
} as const;

export async function addConsent(
  tx: Queryable,
  consent: {
    readonly id: string;
    readonly subscriberId: string;
    readonly action: ConsentAction;
    readonly statement: string;
    readonly at: Date;
  },
  { origin, ip }: Origin,
): Promise<void> {
  await tx.execute(
    'consents.add',
    sql`insert into consents (id, subscriber_id, action, statement, origin, ip_address, given_at)
        values (${consent.id}, ${consent.subscriberId}, ${consent.action}, ${consent.statement}, ${origin}, ${ip ?? null}::inet, ${consent.at})`,
  );
}

export function listConsents(database: Queryable, subscriberId: string): Promise<Consent[]> {
  return database.query<Consent>(
    'consents.list',
    sql`select id, action, statement, origin, given_at as "givenAt" from consents
        where subscriber_id = ${subscriberId}::uuid order by given_at, id`,
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
