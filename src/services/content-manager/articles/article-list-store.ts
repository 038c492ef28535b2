import { type Queryable, readByKeyset, sql } from '#platform/database';
import type { Position } from '#platform/http-server';
import type { ContentType } from '#shared/article-text';
import { containsPattern } from '#shared/text';
import { isUuid } from '#shared/uuid';
import type { ArticleStatus } from '../article-types.ts';
import type { ArticleSummary, PublishedArticle } from './article.ts';

const publishedColumns = (baseUrl: string) => sql`
  id, slug, title, summary, ${baseUrl}::text || '/articles/' || slug as url, language, category, tags, published_at as "publishedAt",
  json_build_object('url', ${baseUrl}::text || '/og/' || slug || '.png', 'alt', 'Illustration for “' || title || '”') as image`;

export type ArticleFilter = {
  readonly status?: ArticleStatus | undefined;
  readonly category?: string | undefined;
  readonly tag?: string | undefined;
  readonly language?: string | undefined;
  readonly type?: ContentType | undefined;
  readonly minQualityScore?: number | undefined;
  /** A part of the title or the summary. */
  readonly q?: string | undefined;
  readonly before?: Position | undefined;
  readonly limit: number;
};

const columns = sql`
  id, slug, title, summary, meta_description as "metaDescription", content_type as "contentType", language, category, tags, writer,
  generation_id as "generationId", status, status_reason as "statusReason", version, quality_score as "qualityScore",
  created_at as "createdAt", updated_at as "updatedAt", scheduled_at as "scheduledAt", published_at as "publishedAt"`;

/** Newest first; one row more than `limit`, by which a further page is known. */
export function listArticles(database: Queryable, filter: ArticleFilter): Promise<ArticleSummary[]> {
  const conditions = [sql<boolean>`true`];
  if (filter.status !== undefined) conditions.push(sql`status = ${filter.status}`);
  if (filter.category !== undefined) conditions.push(sql`category = ${filter.category}`);
  if (filter.tag !== undefined) conditions.push(sql`tags @> ${[filter.tag]}::text[]`);
  if (filter.language !== undefined) conditions.push(sql`language = ${filter.language}`);
  if (filter.type !== undefined) conditions.push(sql`content_type = ${filter.type}`);
  if (filter.minQualityScore !== undefined) conditions.push(sql`quality_score >= ${filter.minQualityScore}`);
  if (filter.q !== undefined && filter.q !== '') {
    const pattern = containsPattern(filter.q);
    conditions.push(sql`(title ilike ${pattern} or summary ilike ${pattern})`);
  }
  // Written by the clock in whole milliseconds, so a cursor's time is exact and the index serves the order.
  if (filter.before !== undefined) {
    conditions.push(sql`(created_at, id) < (${filter.before.at}::timestamptz, ${filter.before.id}::uuid)`);
  }
  return database.query<ArticleSummary>(
    'content.list',
    sql`select ${columns} from generated_content where ${sql.join(conditions, sql` and `)}
        order by created_at desc, id desc limit ${filter.limit + 1}`,
  );
}

export type PublishedFilter = { readonly since?: Date; readonly limit: number; readonly language?: string };

/** Last published first, from `since` on (included). */
export async function listPublished(database: Queryable, baseUrl: string, filter: PublishedFilter): Promise<PublishedArticle[]> {
  return database.query<PublishedArticle>(
    'content.list-published',
    sql`select ${publishedColumns(baseUrl)} from generated_content
        where status = 'published' and published_at >= ${filter.since ?? new Date(0)}
          and (${filter.language ?? null}::text is null or language = ${filter.language ?? null})
        order by published_at desc, id desc limit ${filter.limit}`,
  );
}

export async function findPublished(database: Queryable, baseUrl: string, id: string): Promise<PublishedArticle | undefined> {
  if (!isUuid(id)) return undefined;
  return database.maybeOne<PublishedArticle>(
    'content.find-published',
    sql`select ${publishedColumns(baseUrl)} from generated_content where id = ${id}::uuid and status = 'published'`,
  );
}

/** Titles of those that exist, of any status. */
export function findTitles(database: Queryable, ids: readonly string[]): Promise<{ id: string; title: string }[]> {
  return database.query(
    'content.find-titles',
    sql<{ id: string; title: string }>`select id, title from generated_content where id = any(${ids.filter(isUuid)}::uuid[])`,
  );
}

export async function countByStatus(database: Queryable): Promise<Readonly<Record<ArticleStatus, number>>> {
  const rows = await database.query<{ status: ArticleStatus; count: number }>(
    'content.count-by-status',
    sql`select status, count(*) as count from generated_content group by status`,
  );
  const none = { draft: 0, in_review: 0, approved: 0, scheduled: 0, published: 0, archived: 0, rejected: 0 };
  return { ...none, ...Object.fromEntries(rows.map(({ status, count }) => [status, count])) };
}

type Due = { readonly id: string; readonly scheduledAt: Date };

/** What was scheduled for `now` or before, in that order, page by page. */
export function readDue(database: Queryable, now: Date): AsyncGenerator<Due[]> {
  return readByKeyset<Due, Due>(database, 'content.list-due', {
    rowsPerPage: 100,
    toStatement(after, limit) {
      const further = after === undefined ? sql`` : sql`and (scheduled_at, id) > (${after.scheduledAt}::timestamptz, ${after.id}::uuid)`;
      return sql`select id, scheduled_at as "scheduledAt" from generated_content
        where status = 'scheduled' and scheduled_at <= ${now} ${further}
        order by scheduled_at, id limit ${limit}`;
    },
    keyOf: (row) => row,
  });
}
