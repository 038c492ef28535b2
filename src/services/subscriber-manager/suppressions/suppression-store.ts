import { type Queryable, type RawBuilder, sql } from '#platform/database';
import { erasedKeyPrefix } from './erased-key.ts';

export type Suppression = { readonly address: string; readonly reason: string; readonly createdAt: Date };

const columns = sql`address, reason, created_at as "createdAt"`;
const domainOf = (email: RawBuilder<unknown>) => sql`'@' || lower(split_part(${email}, '@', 2))`;

/** Whether an address `email` (an SQL expression) is suppressed, by itself or with its whole domain. */
export const isSuppressedSql = (email: RawBuilder<unknown>) =>
  sql<boolean>`exists (select 1 from suppressions where address in (lower(${email}), ${domainOf(email)}))`;

/** Its negation for a whole table: two conditions, each of which the planner can answer with one hash join. */
export const isNotSuppressedSql = (email: RawBuilder<unknown>) =>
  sql<boolean>`not exists (select 1 from suppressions where address = lower(${email}))
    and not exists (select 1 from suppressions where address = ${domainOf(email)})`;

/** Positions (from 1) of the addresses that are suppressed, by themselves, with their domain, or as erased people's. */
export async function findSuppressedPositions(
  database: Queryable,
  emails: readonly string[],
  erasedKeys: readonly string[],
): Promise<ReadonlySet<number>> {
  const rows = await database.query<{ position: number }>(
    'suppressions.check-many',
    sql`select given.position from unnest(${emails}::text[], ${erasedKeys}::text[]) with ordinality given (email, erased_key, position)
        where exists (select 1 from suppressions
                      where address in (lower(given.email), ${domainOf(sql`given.email`)}, given.erased_key))`,
  );
  return new Set(rows.map(({ position }) => position));
}

export async function isSuppressed(database: Queryable, email: string): Promise<boolean> {
  const row = await database.one<{ suppressed: boolean }>(
    'suppressions.check',
    sql`select ${isSuppressedSql(sql`${email}::text`)} as suppressed`,
  );
  return row.suppressed;
}

export function findDomainSuppression(database: Queryable, email: string): Promise<Suppression | undefined> {
  return database.maybeOne<Suppression>(
    'suppressions.find-domain',
    sql`select ${columns} from suppressions where address = ${domainOf(sql`${email}::text`)}`,
  );
}

export function findSuppression(database: Queryable, address: string): Promise<Suppression | undefined> {
  return database.maybeOne<Suppression>('suppressions.find', sql`select ${columns} from suppressions where address = lower(${address})`);
}

/** `address`: an address, or `@domain` for everybody there. Undefined when it stood there already. */
export function addSuppression(tx: Queryable, address: string, reason: string, at: Date): Promise<Suppression | undefined> {
  return tx.maybeOne<Suppression>(
    'suppressions.add',
    sql`insert into suppressions (address, reason, created_at) values (lower(${address}), ${reason}, ${at})
        on conflict do nothing returning ${columns}`,
  );
}

export async function removeSuppression(tx: Queryable, address: string): Promise<number> {
  return tx.execute('suppressions.remove', sql`delete from suppressions where address = lower(${address})`);
}

/** By address, after the one given; one row more than `limit`. Erased people's keys are no addresses and left out. */
export function listSuppressions(database: Queryable, after: string | undefined, limit: number): Promise<Suppression[]> {
  return database.query<Suppression>(
    'suppressions.list',
    sql`select ${columns} from suppressions
        where address not like ${`${erasedKeyPrefix}%`} and address > ${after ?? ''} order by address limit ${limit + 1}`,
  );
}
