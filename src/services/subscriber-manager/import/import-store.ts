import { type Queryable, sql } from '#platform/database';
import type { Profile, SubscriberStatus } from '../subscribers/subscriber-types.ts';

export type KnownSubscriber = Profile & { readonly id: string; readonly status: SubscriberStatus; readonly position: number };

export type ImportedSubscriber = Profile & { readonly id: string };

// Ragged lists of tags do not go through unnest; no tag has a semicolon.
const joinTags = (rows: readonly Profile[]) => rows.map(({ tags }) => tags.join(';'));

/** Locks those of the addresses that are known, always in the same order, so that two imports wait for each other. `position`: from 1. */
export function lockKnown(tx: Queryable, emails: readonly string[]): Promise<KnownSubscriber[]> {
  return tx.query<KnownSubscriber>(
    'subscribers.lock-known',
    sql`select given.position, known.id, known.status, known.name, known.country, known.language, known.timezone, known.tags
        from unnest(${emails}::text[]) with ordinality given (email, position)
        join subscribers known on lower(known.email) = lower(given.email)
        order by known.id for update of known`,
  );
}

type NewRow = ImportedSubscriber & { readonly email: string; readonly subscriptionDate: Date };

/** @returns the ids that were inserted; an address that somebody else took at this moment is left out. */
export async function insertImported(tx: Queryable, rows: readonly NewRow[], source: string, at: Date): Promise<string[]> {
  const inserted = await tx.query<{ id: string }>(
    'subscribers.insert-many',
    sql`insert into subscribers (id, email, name, status, subscription_date, country, language, timezone, tags, source, created_at, updated_at)
        select given.id, given.email, given.name, 'active', given.subscription_date, given.country, given.language, given.timezone,
               string_to_array(given.tags, ';'), ${source}, ${at}::timestamptz, ${at}::timestamptz
        from unnest(${rows.map((row) => row.id)}::uuid[], ${rows.map((row) => row.email)}::text[], ${rows.map((row) => row.name)}::text[],
                    ${rows.map((row) => row.subscriptionDate)}::timestamptz[], ${rows.map((row) => row.country)}::text[],
                    ${rows.map((row) => row.language)}::text[], ${rows.map((row) => row.timezone)}::text[], ${joinTags(rows)}::text[])
          as given (id, email, name, subscription_date, country, language, timezone, tags)
        order by lower(given.email)
        on conflict (lower(email)) do nothing returning id`,
  );
  return inserted.map(({ id }) => id);
}

/** Only rows that are locked and active or pending. */
export function updateImported(tx: Queryable, rows: readonly ImportedSubscriber[], at: Date): Promise<number> {
  return tx.execute(
    'subscribers.update-many',
    sql`update subscribers set name = given.name, country = given.country, language = given.language, timezone = given.timezone,
               tags = string_to_array(given.tags, ';'), status = 'active', updated_at = ${at}
        from unnest(${rows.map((row) => row.id)}::uuid[], ${rows.map((row) => row.name)}::text[], ${rows.map((row) => row.country)}::text[],
                    ${rows.map((row) => row.language)}::text[], ${rows.map((row) => row.timezone)}::text[], ${joinTags(rows)}::text[])
          as given (id, name, country, language, timezone, tags)
        where subscribers.id = given.id`,
  );
}
