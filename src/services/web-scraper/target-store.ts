import { type Queryable, sql } from '#platform/database';
import type { Position } from '#platform/http-server';
import type { Target, TargetKind } from './scraper-types.ts';

const columns = sql`
  id, kind, url, status, created_at as "createdAt", last_crawled_at as "lastCrawledAt", last_error as "lastError"`;

/** Undefined when the address is known already. */
export function insertTarget(
  tx: Queryable,
  target: { readonly id: string; readonly kind: TargetKind; readonly url: string; readonly at: Date },
): Promise<Target | undefined> {
  return tx.maybeOne<Target>(
    'targets.insert',
    sql`insert into scraper_targets (id, kind, url, created_at) values (${target.id}, ${target.kind}, ${target.url}, ${target.at})
        on conflict (url) do nothing returning ${columns}`,
  );
}

export function findTarget(database: Queryable, id: string): Promise<Target | undefined> {
  return database.maybeOne<Target>('targets.find', sql`select ${columns} from scraper_targets where id = ${id}::uuid`);
}

export function findTargetByUrl(database: Queryable, url: string): Promise<Target | undefined> {
  return database.maybeOne<Target>('targets.find-by-url', sql`select ${columns} from scraper_targets where url = ${url}`);
}

/** Locks the row, so that a target that is deleted meanwhile gets no pages. */
export function lockTarget(tx: Queryable, id: string): Promise<Target | undefined> {
  return tx.maybeOne<Target>('targets.lock', sql`select ${columns} from scraper_targets where id = ${id}::uuid for update`);
}

export async function markTargetCrawled(tx: Queryable, id: string, at: Date): Promise<void> {
  await tx.execute(
    'targets.mark-crawled',
    sql`update scraper_targets set last_crawled_at = ${at}, last_error = null where id = ${id}::uuid`,
  );
}

/** Back among those whose document has not been looked at. */
export async function markTargetWaiting(tx: Queryable, id: string): Promise<void> {
  await tx.execute(
    'targets.mark-waiting',
    sql`update scraper_targets set last_crawled_at = null, last_error = null where id = ${id}::uuid`,
  );
}

export async function setTargetError(tx: Queryable, id: string, reason: string): Promise<void> {
  await tx.execute('targets.set-error', sql`update scraper_targets set last_error = ${reason} where id = ${id}::uuid`);
}

export async function setTargetKind(tx: Queryable, id: string, kind: TargetKind): Promise<void> {
  await tx.execute('targets.set-kind', sql`update scraper_targets set kind = ${kind} where id = ${id}::uuid`);
}

export async function deleteTarget(database: Queryable, id: string): Promise<boolean> {
  return (await database.execute('targets.delete', sql`delete from scraper_targets where id = ${id}::uuid`)) > 0;
}

export type TargetFilter = { readonly kind?: TargetKind | undefined; readonly before?: Position | undefined; readonly limit: number };

/**
 * Newest first; one row more than `limit`, by which a further page is known. `created_at` is the clock's, in whole milliseconds, so a
 * cursor names it exactly and the index serves the order.
 */
export function listTargets(database: Queryable, { kind, before, limit }: TargetFilter): Promise<Target[]> {
  const conditions = [sql<boolean>`true`];
  if (kind !== undefined) conditions.push(sql`kind = ${kind}`);
  if (before !== undefined) {
    conditions.push(sql`(created_at, id) < (${before.at}::timestamptz, ${before.id}::uuid)`);
  }
  return database.query<Target>(
    'targets.list',
    sql`select ${columns} from scraper_targets where ${sql.join(conditions, sql` and `)}
        order by created_at desc, id desc limit ${limit + 1}`,
  );
}
