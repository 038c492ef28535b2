import { type Queryable, type RawBuilder, sql } from '#platform/database';
import type { Citation, Section } from '#shared/article-text';
import type { Position } from './position.ts';
import type { ArticleCard, Category, PublishedText, Taxon } from './site-types.ts';

// Every statement here says status = 'published': whatever is not published does not exist for the site.

export const cardColumns = sql`
  a.id, a.slug, a.title, a.summary, a.language, a.content_type as "contentType", a.category, c.name as "categoryName",
  a.published_at as "publishedAt", a.updated_at as "updatedAt", char_length(a.content) as characters,
  (extract(epoch from a.published_at) * 1000000)::bigint as position`;

const articles = sql`generated_content a left join content_categories c on c.slug = a.category`;

// Not by to_timestamp: a double would move the place by a microsecond here and there.
const timeAt = (microseconds: number): RawBuilder<unknown> =>
  sql`('epoch'::timestamptz + ${microseconds}::bigint * interval '1 microsecond')`;

/** Newest first, one row more than `limit` so that the caller knows whether there are older ones. */
export function listArticles(
  database: Queryable,
  filter: {
    readonly limit: number;
    readonly before?: Position | undefined;
    readonly category?: string;
    readonly tag?: string;
  },
): Promise<ArticleCard[]> {
  const conditions = [sql`a.status = 'published'`];
  if (filter.category !== undefined) conditions.push(sql`a.category = ${filter.category}`);
  if (filter.tag !== undefined) conditions.push(sql`a.tags @> ${[filter.tag]}::text[]`);
  if (filter.before !== undefined) {
    conditions.push(sql`(a.published_at, a.id) < (${timeAt(filter.before.value)}, ${filter.before.id}::uuid)`);
  }
  return database.query(
    'site.list-articles',
    sql<ArticleCard>`select ${cardColumns} from ${articles} where ${sql.join(conditions, sql` and `)}
        order by a.published_at desc, a.id desc limit ${filter.limit + 1}`,
  );
}

type TextRow = Omit<PublishedText, 'tags' | 'citations' | 'sections'> & { readonly tags: readonly string[]; readonly sections: Section[] };

/** Published articles with their text; by slug, or the newest. */
async function readTexts(database: Queryable, condition: RawBuilder<unknown>, limit: number): Promise<PublishedText[]> {
  const rows = await database.query(
    'site.read-texts',
    sql<TextRow>`select ${cardColumns}, a.meta_description as "metaDescription", a.writer, a.tags, a.body as sections
        from ${articles} where a.status = 'published' and ${condition}
        order by a.published_at desc, a.id desc limit ${limit}`,
  );
  if (rows.length === 0) return [];
  const [citations, names] = await Promise.all([
    database.query(
      'site.read-citations',
      sql<Citation & { contentId: string }>`
        select content_id as "contentId", ordinal, raw_content_id as "rawContentId", start_offset as "startOffset",
               end_offset as "endOffset", quote, source_url as "sourceUrl", source_title as "sourceTitle", source_author as "sourceAuthor"
        from content_citations where content_id = any(${rows.map(({ id }) => id)}::uuid[]) order by content_id, ordinal`,
    ),
    readTagNames(
      database,
      rows.flatMap(({ tags }) => tags),
    ),
  ]);
  const citationsOf = Map.groupBy(citations, ({ contentId }) => contentId);
  return rows.map((row) => ({
    ...row,
    tags: row.tags.map((slug) => ({ slug, name: names.get(slug) ?? slug })),
    citations: citationsOf.get(row.id) ?? [],
  }));
}

async function readTagNames(database: Queryable, slugs: readonly string[]): Promise<ReadonlyMap<string, string>> {
  if (slugs.length === 0) return new Map();
  const rows = await database.query(
    'site.read-tags',
    sql<Taxon>`select slug, name from content_tags where slug = any(${[...new Set(slugs)]}::text[])`,
  );
  return new Map(rows.map(({ slug, name }) => [slug, name]));
}

export async function findArticle(database: Queryable, slug: string): Promise<PublishedText | undefined> {
  const [article] = await readTexts(database, sql`a.slug = ${slug}`, 1);
  return article;
}

/** The published article as a list shows it. */
export async function findCard(database: Queryable, slug: string): Promise<ArticleCard | undefined> {
  return database.maybeOne(
    'site.find-card',
    sql<ArticleCard>`select ${cardColumns} from ${articles} where a.status = 'published' and a.slug = ${slug}`,
  );
}

export function listNewestTexts(database: Queryable, limit: number): Promise<PublishedText[]> {
  return readTexts(database, sql`true`, limit);
}

/**
 * Ranked by shared tags, category and language among the newest of the category and the newest of all: a bounded number of rows,
 * however many are published.
 */
export function listRelated(database: Queryable, article: PublishedText, limit: number): Promise<ArticleCard[]> {
  const candidates = 40;
  const newest = (condition: RawBuilder<unknown>) => sql`
    (select id from generated_content where status = 'published' and id <> ${article.id}::uuid and ${condition}
     order by published_at desc, id desc limit ${candidates})`;
  return database.query(
    'site.list-related',
    sql<ArticleCard>`select ${cardColumns} from ${articles}
        where a.id in (${newest(sql`category = ${article.category}`)} union ${newest(sql`true`)}) and a.status = 'published'
        order by (a.language = ${article.language}) desc,
                 (select count(*) from unnest(a.tags) as tag where tag = any(${article.tags.map(({ slug }) => slug)}::text[]))
                   + (case when a.category = ${article.category} then 2 else 0 end) desc,
                 a.published_at desc, a.id desc
        limit ${limit}`,
  );
}

export async function findCategory(database: Queryable, slug: string): Promise<Category | undefined> {
  return database.maybeOne(
    'site.find-category',
    sql<Category>`select slug, name, description from content_categories where slug = ${slug}`,
  );
}

export async function findTag(database: Queryable, slug: string): Promise<Taxon | undefined> {
  return database.maybeOne('site.find-tag', sql<Taxon>`select slug, name from content_tags where slug = ${slug}`);
}

export type Topic = Category & { readonly latestSlug: string; readonly latestTitle: string; readonly latestLanguage: string };

/** The categories in which something is published, each with its newest article: one probe of the index a category. */
export function listTopics(database: Queryable): Promise<Topic[]> {
  return database.query(
    'site.list-topics',
    sql<Topic>`select c.slug, c.name, c.description, latest.slug as "latestSlug", latest.title as "latestTitle",
                      latest.language as "latestLanguage"
        from content_categories c,
             lateral (select slug, title, language from generated_content
                      where status = 'published' and category = c.slug order by published_at desc, id desc limit 1) as latest
        order by c.name`,
  );
}

type SitemapEntry = { readonly slug: string; readonly updatedAt: Date };

/** Oldest first, so that what is published later changes only the last part. `from` is the place of the first entry. */
export function listSitemapEntries(database: Queryable, from: Position | undefined, limit: number): Promise<SitemapEntry[]> {
  const condition = from === undefined ? sql`true` : sql`(published_at, id) >= (${timeAt(from.value)}, ${from.id}::uuid)`;
  return database.query(
    'site.list-sitemap-entries',
    sql<SitemapEntry>`select slug, updated_at as "updatedAt" from generated_content
        where status = 'published' and ${condition} order by published_at, id limit ${limit}`,
  );
}

/** The place of each part's first entry; a part has `size` entries. */
export async function listSitemapParts(database: Queryable, size: number): Promise<Position[]> {
  return database.query(
    'site.list-sitemap-parts',
    sql<Position>`select id, (extract(epoch from published_at) * 1000000)::bigint as value
        from (select id, published_at, row_number() over (order by published_at, id) as number
              from generated_content where status = 'published') as numbered
        where (number - 1) % ${size}::int = 0 order by number`,
  );
}
