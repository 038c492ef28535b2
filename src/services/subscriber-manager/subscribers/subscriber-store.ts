import { type Queryable, sql } from '#platform/database';
import type { Position } from '#platform/http-server';
import { containsPattern } from '#shared/text';
import { isSuppressedSql } from '../suppressions/suppression-store.ts';
import type { Recipient, Subscriber, SubscriberStatus } from './subscriber-types.ts';

const columns = sql`
  id, email, name, status, subscription_date as "subscriptionDate", country, language, timezone, tags,
  custom_fields as "customFields", source, created_at as "createdAt", updated_at as "updatedAt"`;

export type NewSubscriber = {
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
  const { at } = subscriber;
  return tx.maybeOne<Subscriber>(
    'subscribers.insert',
    sql`insert into subscribers (id, email, name, status, subscription_date, country, language, timezone, tags, source, created_at, updated_at)
        values (${subscriber.id}, ${subscriber.email}, ${subscriber.name}, ${subscriber.status}, ${at}, ${subscriber.country},
                ${subscriber.language}, ${subscriber.timezone}, ${subscriber.tags}::text[], ${subscriber.source}, ${at}, ${at})
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

export type SubscriberChange = Partial<Pick<Subscriber, 'name' | 'country' | 'language' | 'timezone' | 'tags' | 'customFields'>>;

export function updateSubscriber(tx: Queryable, current: Subscriber, change: SubscriberChange, at: Date): Promise<Subscriber> {
  const next = { ...current, ...change };
  return tx.one<Subscriber>(
    'subscribers.update',
    sql`update subscribers set name = ${next.name}, country = ${next.country}, language = ${next.language}, timezone = ${next.timezone},
               tags = ${next.tags}::text[], custom_fields = ${JSON.stringify(next.customFields)}::jsonb, updated_at = ${at}
        where id = ${current.id} returning ${columns}`,
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
               custom_fields = '{}', updated_at = ${at} where id = ${id}`,
  );
  await tx.execute('consents.forget-addresses', sql`update consents set ip_address = null where subscriber_id = ${id}`);
}

export type SubscriberFilter = {
  readonly status?: SubscriberStatus | undefined;
  readonly tag?: string | undefined;
  /** A part of the address or name. */
  readonly q?: string | undefined;
  readonly before?: Position | undefined;
  readonly limit: number;
};

/**
 * Newest first; one row more than `limit`, by which a further page is known. `created_at` is always the clock's, in whole
 * milliseconds, so that a cursor names it exactly.
 */
export function listSubscribers(database: Queryable, filter: SubscriberFilter): Promise<Subscriber[]> {
  const conditions = [sql<boolean>`true`];
  if (filter.status !== undefined) conditions.push(sql`status = ${filter.status}`);
  if (filter.tag !== undefined) conditions.push(sql`tags @> ${[filter.tag]}::text[]`);
  if (filter.q !== undefined && filter.q !== '') {
    const pattern = containsPattern(filter.q.toLowerCase());
    conditions.push(sql`(lower(email) like ${pattern} or lower(name) like ${pattern})`);
  }
  if (filter.before !== undefined) {
    conditions.push(sql`(created_at, id) < (${filter.before.at}::timestamptz, ${filter.before.id}::uuid)`);
  }
  return database.query<Subscriber>(
    'subscribers.list',
    sql`select ${columns} from subscribers where ${sql.join(conditions, sql` and `)}
        order by created_at desc, id desc limit ${filter.limit + 1}`,
  );
}

export async function countActive(database: Queryable): Promise<number> {
  const { count } = await database.one<{ count: number }>(
    'subscribers.count-active',
    sql`select count(*) as count from subscribers where status = 'active'`,
  );
  return count;
}

/** As they stand now: status and suppressions are read in the caller's transaction. */
export function readRecipients(tx: Queryable, ids: readonly string[]): Promise<Recipient[]> {
  return tx.query<Recipient>(
    'subscribers.read-recipients',
    sql`select id, email, name, language,
               case when status <> 'active' then status when ${isSuppressedSql(sql`email`)} then 'suppressed' end as obstacle
        from subscribers where id = any(${ids}::uuid[])`,
  );
}
