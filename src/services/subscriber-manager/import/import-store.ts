import { type Queryable, sql } from '#platform/database';
import type { SubscriberStatus } from '../subscribers/subscriber-types.ts';
import type { ImportedProfile } from './merge-profile.ts';

export type KnownSubscriber = ImportedProfile & { readonly id: string; readonly status: SubscriberStatus; readonly position: number };

export type ImportedSubscriber = ImportedProfile & { readonly id: string };

// Ragged lists do not go through unnest; neither tags nor topics have a semicolon.
const join = (values: readonly string[]) => values.join(';');
const noFields = '{}';
const jsonOf = (fields: ImportedProfile['customFields']) => {
  for (const _ in fields) return JSON.stringify(fields);
  return noFields;
};

/** Locks those of the addresses that are known, always in the same order, so that two imports wait for each other. `position`: from 1. */
export function lockKnown(tx: Queryable, emails: readonly string[]): Promise<KnownSubscriber[]> {
  return tx.query<KnownSubscriber>(
    'subscribers.lock-known',
    sql`select given.position, known.id, known.status, known.name, known.country, known.language, known.timezone, known.tags, known.topics,
               known.frequency, known.format, known.send_hour as "sendHour", known.custom_fields as "customFields"
        from unnest(${emails}::text[]) with ordinality given (email, position)
        join subscribers known on lower(known.email) = lower(given.email)
        order by known.id for update of known`,
  );
}

type NewRow = ImportedSubscriber & { readonly email: string; readonly subscriptionDate: Date };

const profileOf = (rows: readonly ImportedSubscriber[]) => sql`
  unnest(${rows.map(({ id }) => id)}::uuid[], ${rows.map(({ name }) => name)}::text[], ${rows.map(({ country }) => country)}::text[],
         ${rows.map(({ language }) => language)}::text[], ${rows.map(({ timezone }) => timezone)}::text[],
         ${rows.map(({ tags }) => join(tags))}::text[], ${rows.map(({ topics }) => join(topics))}::text[],
         ${rows.map(({ frequency }) => frequency)}::text[], ${rows.map(({ format }) => format)}::text[],
         ${rows.map(({ sendHour }) => sendHour)}::smallint[], ${rows.map(({ customFields }) => jsonOf(customFields))}::text[])
  with ordinality as given (id, name, country, language, timezone, tags, topics, frequency, format, send_hour, custom_fields, position)`;

/** @returns the ids that were inserted; an address that somebody else took at this moment is left out. */
export async function insertImported(tx: Queryable, rows: readonly NewRow[], source: string, at: Date): Promise<string[]> {
  const inserted = await tx.query<{ id: string }>(
    'subscribers.insert-many',
    sql`insert into subscribers (id, email, name, status, subscription_date, country, language, timezone, tags, topics, frequency, format,
          send_hour, custom_fields, source, created_at, updated_at)
        select given.id, address.email, given.name, 'active', address.subscription_date, given.country, given.language, given.timezone,
               string_to_array(given.tags, ';'), string_to_array(given.topics, ';'), given.frequency, given.format, given.send_hour,
               given.custom_fields::jsonb, ${source}, ${at}::timestamptz, ${at}::timestamptz
        from ${profileOf(rows)}
        join unnest(${rows.map(({ email }) => email)}::text[], ${rows.map(({ subscriptionDate }) => subscriptionDate)}::timestamptz[])
          with ordinality as address (email, subscription_date, position) using (position)
        order by lower(address.email)
        on conflict (lower(email)) do nothing returning id`,
  );
  return inserted.map(({ id }) => id);
}

/** Only rows that are locked and active or pending. */
export function updateImported(tx: Queryable, rows: readonly ImportedSubscriber[], at: Date): Promise<number> {
  return tx.execute(
    'subscribers.update-many',
    sql`update subscribers
        set name = given.name, country = given.country, language = given.language, timezone = given.timezone,
            tags = string_to_array(given.tags, ';'), topics = string_to_array(given.topics, ';'), frequency = given.frequency,
            format = given.format, send_hour = given.send_hour, custom_fields = given.custom_fields::jsonb, status = 'active',
            updated_at = ${at}
        from ${profileOf(rows)} where subscribers.id = given.id`,
  );
}
