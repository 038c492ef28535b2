import { type Queryable, type RawBuilder, sql } from '#platform/database';
import type { Position } from '#platform/http-server';
import { isSuppressedSql } from '../suppressions/suppression-store.ts';
import type { CustomFields, Preferences, Recipient, Subscriber, SubscriberStatus } from './subscriber-types.ts';

const columns = sql`
  id, email, name, status, subscription_date as "subscriptionDate", country, language, timezone, tags,
  topics, frequency, format, send_hour as "sendHour", custom_fields as "customFields", source, paused_until as "pausedUntil",
  created_at as "createdAt", updated_at as "updatedAt"`;

const noPreferences: Preferences = { topics: [], frequency: 'all', format: 'html', sendHour: null };

export type NewSubscriber = Partial<Preferences> & {
  readonly customFields?: CustomFields | undefined;
  readonly id: string;
  readonly email: string;
  readonly name: string | null;
  readonly status: SubscriberStatus;
  readonly country: string | null;
  readonly language: string;
  readonly timezone: string | null;
  readonly tags: readonly string[];
  readonly source: string;
  readonly at: Date;
};

/** Undefined when the address is known already. */
export function insertSubscriber(tx: Queryable, subscriber: NewSubscriber): Promise<Subscriber | undefined> {
  const { at, customFields = {}, topics, frequency, format, sendHour } = { ...noPreferences, ...subscriber };
  return tx.maybeOne<Subscriber>(
    'subscribers.insert',
    sql`insert into subscribers (id, email, name, status, subscription_date, country, language, timezone, tags, topics, frequency, format,
                                 send_hour, custom_fields, source, created_at, updated_at)
        values (${subscriber.id}, ${subscriber.email}, ${subscriber.name}, ${subscriber.status}, ${at}, ${subscriber.country},
                ${subscriber.language}, ${subscriber.timezone}, ${subscriber.tags}::text[], ${topics}::text[], ${frequency}, ${format},
                ${sendHour}, ${JSON.stringify(customFields)}::jsonb, ${subscriber.source}, ${at}, ${at})
        on conflict (lower(email)) do nothing
        returning ${columns}`,
  );
}

export function findSubscriber(database: Queryable, id: string): Promise<Subscriber | undefined> {
  return database.maybeOne<Subscriber>('subscribers.find', sql`select ${columns} from subscribers where id = ${id}::uuid`);
}

/** Locks the row until the transaction ends, so that changes of one person's consent come one after another. */
export function lockSubscriber(tx: Queryable, id: string): Promise<Subscriber | undefined> {
  return tx.maybeOne<Subscriber>('subscribers.lock', sql`select ${columns} from subscribers where id = ${id}::uuid for update`);
}

export function lockSubscriberByEmail(tx: Queryable, email: string): Promise<Subscriber | undefined> {
  return tx.maybeOne<Subscriber>(
    'subscribers.lock-by-email',
    sql`select ${columns} from subscribers where lower(email) = lower(${email}) for update`,
  );
}

export type SubscriberChange = Partial<
  Pick<Subscriber, 'name' | 'country' | 'language' | 'timezone' | 'tags' | 'customFields' | 'pausedUntil' | keyof Preferences>
>;

export function updateSubscriber(tx: Queryable, current: Subscriber, change: SubscriberChange, at: Date): Promise<Subscriber> {
  const next = { ...current, ...change };
  return tx.one<Subscriber>(
    'subscribers.update',
    sql`update subscribers set name = ${next.name}, country = ${next.country}, language = ${next.language}, timezone = ${next.timezone},
               tags = ${next.tags}::text[], topics = ${next.topics}::text[], frequency = ${next.frequency}, format = ${next.format},
               send_hour = ${next.sendHour}, custom_fields = ${JSON.stringify(next.customFields)}::jsonb,
               paused_until = ${next.pausedUntil}, updated_at = ${at}
        where id = ${current.id} returning ${columns}`,
  );
}

/** Locked in one order, so that two lists wait for each other. Unknown ids and addresses give no row. */
export function lockSubscribers(
  tx: Queryable,
  { ids, emails }: { readonly ids: readonly string[]; readonly emails: readonly string[] },
): Promise<Subscriber[]> {
  return tx.query<Subscriber>(
    'subscribers.lock-many',
    sql`select ${columns} from subscribers
        where id in (select unnest(${ids}::uuid[]) union
                     select known.id from unnest(${emails}::text[]) as given (email)
                     join subscribers known on lower(known.email) = lower(given.email))
        order by id for update`,
  );
}

export function findSubscriberByEmail(database: Queryable, email: string): Promise<Subscriber | undefined> {
  return database.maybeOne<Subscriber>(
    'subscribers.find-by-email',
    sql`select ${columns} from subscribers where lower(email) = lower(${email})`,
  );
}

export async function setStatus(tx: Queryable, id: string, status: SubscriberStatus, at: Date): Promise<void> {
  await tx.execute('subscribers.set-status', sql`update subscribers set status = ${status}, updated_at = ${at} where id = ${id}`);
}

export async function activateSubscriber(tx: Queryable, id: string, at: Date): Promise<void> {
  await tx.execute(
    'subscribers.activate',
    sql`update subscribers set status = 'active', subscription_date = ${at}, updated_at = ${at} where id = ${id}`,
  );
}

/** Removes what names the person. The row and the consents stay: they are the proof of what was allowed. */
export async function eraseSubscriber(tx: Queryable, id: string, at: Date): Promise<void> {
  await tx.execute(
    'subscribers.erase',
    sql`update subscribers set email = 'erased:' || id, name = null, status = 'erased', country = null, timezone = null, tags = '{}',
               topics = '{}', send_hour = null, custom_fields = '{}', paused_until = null, updated_at = ${at} where id = ${id}`,
  );
  await tx.execute('consents.forget-devices', sql`update consents set ip_address = null, user_agent = null where subscriber_id = ${id}`);
}

export type SubscriberFilter = {
  readonly status?: SubscriberStatus | undefined;
  readonly tag?: string | undefined;
  /** The beginning of the address or name. */
  readonly q?: string | undefined;
  readonly before?: Position | undefined;
  readonly limit: number;
};

/**
 * Newest first; one row more than `limit`, by which a further page is known. `created_at` is always the clock's, in whole
 * milliseconds, so that a cursor names it exactly. With `q` by the letters of the address, then by those of the name: the
 * only order in which a page is read from an index whatever the beginning.
 */
export function listSubscribers(database: Queryable, filter: SubscriberFilter): Promise<Subscriber[]> {
  const conditions = [sql<boolean>`true`];
  if (filter.status !== undefined) conditions.push(sql`status = ${filter.status}`);
  if (filter.tag !== undefined) conditions.push(sql`tags @> ${[filter.tag]}::text[]`);
  if (filter.q !== undefined && filter.q !== '') return searchSubscribers(database, filter.q.toLowerCase(), filter, conditions);
  if (filter.before !== undefined) {
    conditions.push(sql`(created_at, id) < (${filter.before.at}::timestamptz, ${filter.before.id}::uuid)`);
  }
  return database.query<Subscriber>(
    'subscribers.list',
    sql`select ${columns} from subscribers where ${sql.join(conditions, sql` and `)}
        order by created_at desc, id desc limit ${filter.limit + 1}`,
  );
}

function searchSubscribers(
  database: Queryable,
  beginning: string,
  { before, limit }: SubscriberFilter,
  conditions: readonly RawBuilder<boolean>[],
): Promise<Subscriber[]> {
  // "C" orders by code points, of which this is the last.
  const end = `${beginning}\u{10FFFF}`;
  const email = sql`lower(email) collate "C"`;
  const name = sql`lower(name) collate "C"`;
  const within = (key: RawBuilder<unknown>) => sql`${key} >= ${beginning} and ${key} < ${end}`;
  const others = sql.join(conditions, sql` and `);
  const place =
    before &&
    sql`with place as materialized (
          select id, ${email} as email, ${name} as name, ${within(email)} as is_by_email from subscribers where id = ${before.id}::uuid)`;
  const laterEmail =
    place && sql`and (select is_by_email from place) and (${email}, id) > ((select email from place), (select id from place))`;
  // Whose address led to the page before: the names begin anew.
  const laterName =
    place &&
    sql`and (${name}, id) > ((select case when is_by_email then '' else name end from place),
                             (select case when is_by_email then '00000000-0000-0000-0000-000000000000' else id end from place))`;
  return database.query<Subscriber>(
    'subscribers.search',
    sql`${place ?? sql``} select ${columns} from (
          (select *, 0 as part, ${email} as key from subscribers where ${within(email)} and ${others} ${laterEmail ?? sql``}
           order by ${email}, id limit ${limit + 1})
          union all
          (select *, 1, ${name} from subscribers
           where ${within(name)} and not (${within(email)}) and ${others} ${laterName ?? sql``}
           order by ${name}, id limit ${limit + 1})) as found
        order by part, key, id limit ${limit + 1}`,
  );
}

export async function countActive(database: Queryable): Promise<number> {
  const { count } = await database.one<{ count: number }>(
    'subscribers.count-active',
    sql`select count(*) as count from subscribers where status = 'active'`,
  );
  return count;
}

/** Whoever asked and never confirmed: pending since before then, and asked last before then. Deletes `limit` of them at most. */
export function deleteUnconfirmed(database: Queryable, before: Date, limit: number): Promise<number> {
  return database.execute(
    'subscribers.delete-unconfirmed',
    sql`delete from subscribers where id in (
          select id from subscribers s where status = 'pending' and created_at < ${before}
             and not exists (select 1 from consents where subscriber_id = s.id and (action <> 'requested' or given_at >= ${before}))
          order by created_at limit ${limit} for update skip locked)`,
  );
}

/** As they stand now: status and suppressions are read in the caller's transaction. */
export function readRecipients(tx: Queryable, ids: readonly string[]): Promise<Recipient[]> {
  return tx.query<Recipient>(
    'subscribers.read-recipients',
    sql`select id, email, name, language, country, timezone, tags, topics, custom_fields as "customFields", format, '{}'::text[] as segments,
               case when status <> 'active' then status when ${isSuppressedSql(sql`email`)} then 'suppressed'
                    when paused_until > now() then 'paused' end as obstacle
        from subscribers where id = any(${ids}::uuid[])`,
  );
}
