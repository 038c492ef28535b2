import { isIP } from 'node:net';
import { type Queryable, sql } from '#platform/database';
import type { Consent, ConsentAction, Origin, Statement } from './subscriber-types.ts';

/** Where no reader was shown a text: what happened, in words. */
export const statements = {
  requestedByPublisher: 'Entered by the publisher, who had a confirmation asked for by mail.',
  withdrawn: 'Asked for no more newsletters.',
  withdrawnForReader: 'The publisher ended it, as the reader had asked for.',
  restored: 'Took back the unsubscription on its page.',
  imported: 'Imported from a list whose owner says that everybody on it asked for the newsletter.',
} as const;

type NewConsent = {
  readonly id: string;
  readonly subscriberId: string;
  readonly action: ConsentAction;
  readonly statement: Statement;
  readonly at: Date;
};

const longestUserAgent = 300;

/** Of a header: what cannot be stored as text is left out. */
const readableAgent = (userAgent: string | undefined): string | null =>
  userAgent
    ?.toWellFormed()
    .replace(/\p{Cc}+/gu, ' ')
    .slice(0, longestUserAgent)
    .toWellFormed() ?? null;

export async function addConsent(tx: Queryable, consent: NewConsent, { origin, ip, userAgent }: Origin): Promise<void> {
  // An address with a zone (`fe80::1%eth0`) is no inet.
  const ipAddress = ip !== undefined && isIP(ip) !== 0 && !ip.includes('%') ? ip : null;
  const { id, subscriberId, action, statement, at } = consent;
  await tx.execute(
    'consents.add',
    sql`insert into consents (id, subscriber_id, action, statement, language, form, origin, ip_address, user_agent, given_at)
        values (${id}, ${subscriberId}, ${action}, ${statement.text}, ${statement.language ?? null}, ${statement.form ?? null}, ${origin},
                ${ipAddress}::inet, ${readableAgent(userAgent)}, ${at})`,
  );
}

/** One consent of the same kind for each of many. */
export async function addConsents(
  tx: Queryable,
  consents: readonly Pick<NewConsent, 'id' | 'subscriberId'>[],
  shared: Pick<NewConsent, 'action' | 'at'> & { readonly statement: string; readonly origin: string },
): Promise<void> {
  await tx.execute(
    'consents.add-many',
    sql`insert into consents (id, subscriber_id, action, statement, origin, given_at)
        select given.id, given.subscriber_id, ${shared.action}, ${shared.statement}, ${shared.origin}, ${shared.at}::timestamptz
        from unnest(${consents.map(({ id }) => id)}::uuid[], ${consents.map(({ subscriberId }) => subscriberId)}::uuid[])
          as given (id, subscriber_id)`,
  );
}

const columns = sql`id, action, statement, language, form, origin, host(ip_address) as ip, user_agent as "userAgent", given_at as "givenAt"`;

export function listConsents(database: Queryable, subscriberId: string): Promise<Consent[]> {
  return database.query<Consent>(
    'consents.list',
    sql`select ${columns} from consents where subscriber_id = ${subscriberId}::uuid order by given_at, id limit 1000`,
  );
}

/** The last one with this action, or undefined. */
export function findLastConsent(tx: Queryable, subscriberId: string, action: ConsentAction): Promise<Consent | undefined> {
  return tx.maybeOne<Consent>(
    'consents.find-last',
    sql`select ${columns} from consents where subscriber_id = ${subscriberId}::uuid and action = ${action}
        order by given_at desc, id desc limit 1`,
  );
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
