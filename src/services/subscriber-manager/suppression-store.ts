import { type Queryable, sql } from '#platform/database';
import { erasedKeyPrefix } from './subscriber-links.ts';

/** Whether an address `email` (an SQL expression) is suppressed, by itself or with its whole domain. */
export const isSuppressedSql = (email: ReturnType<typeof sql>) =>
  sql<boolean>`exists (select 1 from suppressions
    where address in (lower(${email}), '@' || lower(split_part(${email}, '@', 2))))`;

export async function isSuppressed(database: Queryable, email: string): Promise<boolean> {
  const row = await database.one<{ suppressed: boolean }>(
    'suppressions.check',
    sql`select ${isSuppressedSql(sql`${email}::text`)} as suppressed`,
  );
  return row.suppressed;
}

/** `address`: an address, or `@domain` for everybody there. */
export async function addSuppression(tx: Queryable, address: string, reason: string, at: Date): Promise<void> {
  await tx.execute(
    'suppressions.add',
    sql`insert into suppressions (address, reason, created_at) values (lower(${address}), ${reason}, ${at}) on conflict do nothing`,
  );
}

export async function removeSuppression(tx: Queryable, address: string): Promise<number> {
  return tx.execute('suppressions.remove', sql`delete from suppressions where address = lower(${address})`);
}

export type Suppression = { readonly address: string; readonly reason: string; readonly createdAt: Date };

/** By address, after the one given; one row more than `limit`. Erased people's keys are no addresses and left out. */
export function listSuppressions(database: Queryable, after: string | undefined, limit: number): Promise<Suppression[]> {
  return database.query<Suppression>(
    'suppressions.list',
    sql`select address, reason, created_at as "createdAt" from suppressions
        where address not like ${`${erasedKeyPrefix}%`} and address > ${after ?? ''} order by address limit ${limit + 1}`,
  );
}

export function findSuppression(database: Queryable, address: string): Promise<Suppression | undefined> {
  return database.maybeOne<Suppression>(
    'suppressions.find',
    sql`select address, reason, created_at as "createdAt" from suppressions where address = lower(${address})`,
  );
}
