import { type Queryable, sql } from '#platform/database';
import type { Position } from '#platform/http-server';
import type { CrawlPage, CrawlStatus, PageOutcome, PageStatus } from './scraper-types.ts';

const columns = sql`
  id, target_id as "targetId", url, host, status, reason, http_status as "httpStatus", raw_content_id as "rawContentId", attempts,
  created_at as "createdAt", finished_at as "finishedAt"`;

export type NewPage = { readonly id: string; readonly url: string; readonly host: string };

/** Into the frontier, in the order given. Returns those that are new: an address is fetched for one target only. */
export function insertPages(tx: Queryable, targetId: string, pages: readonly NewPage[], at: Date): Promise<NewPage[]> {
  return tx.query<NewPage>(
    'pages.insert',
    sql`insert into scraping_jobs (id, target_id, url, host, created_at)
        select page.id, ${targetId}::uuid, page.url, page.host, ${at}
        from unnest(${pages.map(({ id }) => id)}::uuid[], ${pages.map(({ url }) => url)}::text[], ${pages.map(({ host }) => host)}::text[])
          with ordinality as page (id, url, host, ordinal)
        order by page.ordinal
        on conflict (url) do nothing
        returning id, url, host`,
  );
}

/** The target's own document: made, or taken over from the target that found it first, and to be fetched (again). */
export function requestPage(tx: Queryable, targetId: string, page: NewPage, at: Date): Promise<{ id: string; wasPending: boolean }> {
  return tx.one(
    'pages.request',
    sql<{ id: string; wasPending: boolean }>`
      with known as (select id, status from scraping_jobs where url = ${page.url} for update)
      insert into scraping_jobs (id, target_id, url, host, created_at) values (${page.id}, ${targetId}::uuid, ${page.url}, ${page.host}, ${at})
      on conflict (url) do update
        set target_id = excluded.target_id, status = 'pending', reason = null, http_status = null, attempts = 0, finished_at = null
      returning id, coalesce((select status = 'pending' from known), false) as "wasPending"`,
  );
}

/** Failed pages of a target, from now on to be fetched again. */
export function reopenFailedPages(tx: Queryable, targetId: string): Promise<NewPage[]> {
  return tx.query<NewPage>(
    'pages.reopen-failed',
    sql`update scraping_jobs set status = 'pending', reason = null, http_status = null, attempts = 0, finished_at = null
        where target_id = ${targetId}::uuid and status = 'failed' returning id, url, host`,
  );
}

/** A page that was read without fetching: it enters with its outcome. Undefined when the address is known. */
export async function insertFinishedPage(tx: Queryable, targetId: string, page: NewPage, outcome: PageOutcomeRow, at: Date): Promise<void> {
  await tx.execute(
    'pages.insert-finished',
    sql`insert into scraping_jobs (id, target_id, url, host, status, reason, raw_content_id, attempts, created_at, finished_at)
        values (${page.id}, ${targetId}::uuid, ${page.url}, ${page.host}, ${outcome.status}, ${outcome.reason},
                ${outcome.rawContentId}::uuid, 1, ${at}, ${at})
        on conflict (url) do update set status = excluded.status, reason = excluded.reason,
          raw_content_id = coalesce(excluded.raw_content_id, scraping_jobs.raw_content_id), finished_at = excluded.finished_at`,
  );
}

export function findPage(database: Queryable, id: string): Promise<CrawlPage | undefined> {
  return database.maybeOne<CrawlPage>('pages.find', sql`select ${columns} from scraping_jobs where id = ${id}::uuid`);
}

/** The page, locked, if it is still to be fetched: the second of two workers at it finds nothing to do. */
export function lockPendingPage(tx: Queryable, id: string): Promise<CrawlPage | undefined> {
  return tx.maybeOne<CrawlPage>(
    'pages.lock-pending',
    sql`select ${columns} from scraping_jobs where id = ${id}::uuid and status = 'pending' for update`,
  );
}

export type PageOutcomeRow = {
  readonly status: Exclude<PageStatus, 'pending'>;
  readonly reason: string | null;
  readonly httpStatus?: number | undefined;
  readonly rawContentId: string | null;
};

export async function finishPage(tx: Queryable, id: string, outcome: PageOutcomeRow, at: Date): Promise<void> {
  await tx.execute(
    'pages.finish',
    sql`update scraping_jobs
        set status = ${outcome.status}, reason = ${outcome.reason}, http_status = ${outcome.httpStatus ?? null}, attempts = attempts + 1,
            raw_content_id = coalesce(${outcome.rawContentId}::uuid, raw_content_id), finished_at = ${at}
        where id = ${id}::uuid`,
  );
}

/** The attempt failed and another one follows. */
export async function noteAttempt(tx: Queryable, id: string, reason: string, httpStatus: number | undefined): Promise<void> {
  await tx.execute(
    'pages.note-attempt',
    sql`update scraping_jobs set attempts = attempts + 1, reason = ${reason}, http_status = ${httpStatus ?? null} where id = ${id}::uuid`,
  );
}

/** Pages of the same host that came into the frontier before this one and still wait. */
export async function countAhead(database: Queryable, page: Pick<CrawlPage, 'id' | 'host' | 'createdAt'>): Promise<number> {
  const { count } = await database.one<{ count: number }>(
    'pages.count-ahead',
    sql`select count(*) as count from scraping_jobs
        where status = 'pending' and host = ${page.host} and (created_at, id) < (${page.createdAt}::timestamptz, ${page.id}::uuid)`,
  );
  return count;
}

export async function readCrawlStatus(database: Queryable, targetIds: readonly string[] | undefined): Promise<CrawlStatus> {
  const ids = targetIds === undefined ? null : [...targetIds];
  return database.one<CrawlStatus>(
    'pages.status',
    sql`select count(*) filter (where status = 'pending') as pending, count(*) filter (where status = 'done') as done,
               count(*) filter (where status = 'failed') as failed, count(*) filter (where status = 'skipped') as skipped,
               (select count(*) from scraper_targets
                where kind <> 'file' and status = 'active' and last_crawled_at is null
                  and (${ids}::uuid[] is null or id = any(${ids}::uuid[]))) as "targetsToCrawl"
        from scraping_jobs where ${ids}::uuid[] is null or target_id = any(${ids}::uuid[])`,
  );
}

export function listOutcomes(database: Queryable, targetIds: readonly string[]): Promise<PageOutcome[]> {
  return database.query<PageOutcome>(
    'pages.outcomes',
    sql`select url, status, reason from scraping_jobs where target_id = any(${targetIds}::uuid[]) order by created_at, id`,
  );
}

export type PageFilter = {
  readonly status?: PageStatus | undefined;
  readonly targetId?: string | undefined;
  readonly before?: Position | undefined;
  readonly limit: number;
};

/**
 * Newest first; one row more than `limit`, by which a further page is known. `created_at` is the clock's, in whole milliseconds, so a
 * cursor names it exactly and the index serves the order.
 */
export function listPages(database: Queryable, { status, targetId, before, limit }: PageFilter): Promise<CrawlPage[]> {
  const conditions = [sql<boolean>`true`];
  if (status !== undefined) conditions.push(sql`status = ${status}`);
  if (targetId !== undefined) conditions.push(sql`target_id = ${targetId}::uuid`);
  if (before !== undefined) {
    conditions.push(sql`(created_at, id) < (${before.at}::timestamptz, ${before.id}::uuid)`);
  }
  return database.query<CrawlPage>(
    'pages.list',
    sql`select ${columns} from scraping_jobs where ${sql.join(conditions, sql` and `)}
        order by created_at desc, id desc limit ${limit + 1}`,
  );
}
