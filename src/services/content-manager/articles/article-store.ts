import { type Queryable, sql } from '#platform/database';
import { type Citation, plainTextOf } from '#shared/article-text';
import { isUuid } from '#shared/uuid';
import type { Article } from './article.ts';

const columns = sql`
  c.id, c.slug, c.title, c.summary, c.meta_description as "metaDescription", c.content_type as "contentType", c.language, c.category,
  c.tags, c.body as sections, c.writer, c.generation_id as "generationId", c.status, c.status_reason as "statusReason", c.version,
  c.quality_score as "qualityScore", c.quality_checks as "qualityChecks", c.created_at as "createdAt", c.updated_at as "updatedAt",
  c.scheduled_at as "scheduledAt", c.published_at as "publishedAt",
  coalesce((select jsonb_agg(jsonb_build_object(
      'ordinal', s.ordinal, 'rawContentId', s.raw_content_id, 'startOffset', s.start_offset, 'endOffset', s.end_offset,
      'quote', s.quote, 'sourceUrl', s.source_url, 'sourceTitle', s.source_title, 'sourceAuthor', s.source_author) order by s.ordinal)
    from content_citations s where s.content_id = c.id), '[]') as citations`;

/** Undefined too for what is no id at all. */
export async function findArticleById(database: Queryable, id: string): Promise<Article | undefined> {
  if (!isUuid(id)) return undefined;
  return database.maybeOne<Article>('content.find', sql`select ${columns} from generated_content c where c.id = ${id}::uuid`);
}

/**
 * Locks the article until the transaction ends, so that its changes come one after another. The row is locked first and read
 * by a second statement: the citations must be as they stand after the wait, not before.
 */
export async function lockArticle(tx: Queryable, id: string): Promise<Article | undefined> {
  if (!isUuid(id)) return undefined;
  const locked = await tx.maybeOne('content.lock', sql<object>`select 1 from generated_content where id = ${id}::uuid for update`);
  return locked === undefined ? undefined : findArticleById(tx, id);
}

export async function findIdByGeneration(tx: Queryable, generationId: string): Promise<string | undefined> {
  const row = await tx.maybeOne<{ id: string }>(
    'content.find-by-generation',
    sql`select id from generated_content where generation_id = ${generationId}::uuid`,
  );
  return row?.id;
}

/** False when the slug, or the generation, has an article already; waits for transactions that are about to take them. */
export async function insertArticle(tx: Queryable, article: Article): Promise<boolean> {
  const inserted = await tx.execute(
    'content.insert',
    sql`insert into generated_content (id, slug, title, summary, content, body, content_type, language, category, tags,
          meta_description, writer, status, status_reason, quality_score, quality_checks, version, generation_id, created_at, updated_at)
        values (${article.id}, ${article.slug}, ${article.title}, ${article.summary}, ${plainTextOf(article.sections)},
          ${JSON.stringify(article.sections)}::jsonb, ${article.contentType}, ${article.language}, ${article.category},
          ${article.tags}::text[], ${article.metaDescription}, ${article.writer}, ${article.status}, ${article.statusReason},
          ${article.qualityScore}, ${JSON.stringify(article.qualityChecks)}::jsonb, ${article.version},
          ${article.generationId}::uuid, ${article.createdAt}, ${article.updatedAt})
        on conflict do nothing`,
  );
  if (inserted === 1) await insertCitations(tx, article.id, article.citations);
  return inserted === 1;
}

/** Writes the row whole. The caller holds its lock. */
export async function updateArticle(tx: Queryable, article: Article, options: { readonly hasNewText: boolean }): Promise<void> {
  await tx.execute(
    'content.update',
    sql`update generated_content set
          title = ${article.title}, summary = ${article.summary}, meta_description = ${article.metaDescription},
          content_type = ${article.contentType}, language = ${article.language}, category = ${article.category},
          tags = ${article.tags}::text[], status = ${article.status}, status_reason = ${article.statusReason},
          quality_score = ${article.qualityScore}, quality_checks = ${JSON.stringify(article.qualityChecks)}::jsonb,
          version = ${article.version}, updated_at = ${article.updatedAt}, scheduled_at = ${article.scheduledAt},
          published_at = ${article.publishedAt}
        where id = ${article.id}`,
  );
  if (!options.hasNewText) return;
  await tx.execute(
    'content.update-text',
    sql`update generated_content set content = ${plainTextOf(article.sections)}, body = ${JSON.stringify(article.sections)}::jsonb
        where id = ${article.id}`,
  );
  await tx.execute('citations.delete', sql`delete from content_citations where content_id = ${article.id}`);
  await insertCitations(tx, article.id, article.citations);
}

async function insertCitations(tx: Queryable, contentId: string, citations: readonly Citation[]): Promise<void> {
  if (citations.length === 0) return;
  await tx.execute(
    'citations.insert',
    sql`insert into content_citations (content_id, ordinal, raw_content_id, start_offset, end_offset, quote, source_url, source_title,
          source_author)
        select ${contentId}, ordinal, "rawContentId", "startOffset", "endOffset", quote, "sourceUrl", "sourceTitle", "sourceAuthor"
        from jsonb_to_recordset(${JSON.stringify(citations)}::jsonb) as c(ordinal int, "rawContentId" uuid, "startOffset" int,
          "endOffset" int, quote text, "sourceUrl" text, "sourceTitle" text, "sourceAuthor" text)`,
  );
}
