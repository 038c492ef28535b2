import { type Queryable, sql } from '#platform/database';
import type { Position } from '#platform/http-server';
import type { RawContent, RawContentQuery } from './scraper-types.ts';

const columns = sql`
  id, url, canonical_url as "canonicalUrl", site_name as "siteName", title, author, published_at as "publishedAt", language, text, excerpt,
  images, word_count as "wordCount", duplicate_urls as "duplicateUrls", fetched_at as "fetchedAt"`;

export type NewRawContent = Omit<RawContent, 'duplicateUrls'> & { readonly targetId: string; readonly contentHash: Buffer };

/** False when a row with the same text exists. */
export async function insertRawContent(tx: Queryable, content: NewRawContent): Promise<boolean> {
  const count = await tx.execute(
    'raw-content.insert',
    sql`insert into raw_content (id, target_id, url, canonical_url, site_name, title, author, published_at, language, text, excerpt, images,
                                 word_count, content_hash, fetched_at)
        values (${content.id}::uuid, ${content.targetId}::uuid, ${content.url}, ${content.canonicalUrl}, ${content.siteName}, ${content.title},
                ${content.author}, ${content.publishedAt}, ${content.language}, ${content.text}, ${content.excerpt},
                ${JSON.stringify(content.images)}::jsonb, ${content.wordCount}, ${content.contentHash}, ${content.fetchedAt})
        on conflict (content_hash) do nothing`,
  );
  return count > 0;
}

export type KnownContent = { readonly id: string; readonly url: string; readonly text: string };

export function findByHash(tx: Queryable, contentHash: Buffer): Promise<KnownContent | undefined> {
  return tx.maybeOne<KnownContent>(
    'raw-content.find-by-hash',
    sql`select id, url, text from raw_content where content_hash = ${contentHash}`,
  );
}

/**
 * Texts of other addresses that say they are the same page as this one: they name its canonical address as theirs, or they stand there.
 * Whoever asks holds the canonical address until the transaction ends, so that two copies cannot both be the first.
 */
export async function findByCanonicalUrl(tx: Queryable, canonicalUrl: string, url: string): Promise<KnownContent[]> {
  await tx.query('raw-content.lock-canonical', sql<object>`select pg_advisory_xact_lock(hashtextextended(${canonicalUrl}, 0))`);
  return tx.query<KnownContent>(
    'raw-content.find-by-canonical',
    sql`select id, url, text from raw_content
        where url <> ${url} and (canonical_url = ${canonicalUrl} or url = ${canonicalUrl}) order by fetched_at, id limit 5`,
  );
}

export async function addDuplicateUrl(tx: Queryable, id: string, url: string): Promise<void> {
  await tx.execute(
    'raw-content.add-duplicate',
    sql`update raw_content set duplicate_urls = array_append(duplicate_urls, ${url})
        where id = ${id}::uuid and url <> ${url} and not duplicate_urls @> ${[url]}::text[]`,
  );
}

export function findRawContent(database: Queryable, id: string): Promise<RawContent | undefined> {
  return database.maybeOne<RawContent>('raw-content.find', sql`select ${columns} from raw_content where id = ${id}::uuid`);
}

export async function countRawContent(database: Queryable): Promise<number> {
  const { count } = await database.one<{ count: number }>('raw-content.count', sql`select count(*) as count from raw_content`);
  return count;
}

/**
 * Texts that have any of the query's words, best first: words in the title count ten times those in the text, and long texts
 * gain nothing by their length.
 */
export function searchRawContent(database: Queryable, { query, language, limit }: RawContentQuery): Promise<RawContent[]> {
  return database.query<RawContent>(
    'raw-content.search',
    sql`with asked as (
          select configuration, string_agg('''' || replace(replace(word.lexeme, '\\', '\\\\'), '''', '''''') || '''', ' | ')::tsquery as words
          from (select distinct text_search_configuration(name) as configuration
                from unnest(${language === undefined ? null : [language]}::text[]) as name
                union select distinct text_search_configuration(raw_content.language) from raw_content where ${language ?? null}::text is null
               ) as chosen,
               unnest(to_tsvector(configuration, ${query})) as word
          group by configuration
        )
        select ${columns} from raw_content, asked
        where document @@ words and text_search_configuration(language) = configuration
          and (${language ?? null}::text is null or language = ${language ?? null})
        order by ts_rank('{0.1, 0.2, 0.4, 1.0}', document, words, 1) desc, fetched_at desc, id
        limit ${limit}`,
  );
}

export type RawContentFilter = {
  readonly language?: string | undefined;
  readonly before?: Position | undefined;
  readonly limit: number;
};

export type RawContentSummary = Omit<RawContent, 'text' | 'images'>;

/**
 * Newest first, without the texts; one row more than `limit`, by which a further page is known. `fetched_at` is the clock's, in whole
 * milliseconds, so a cursor names it exactly and the index serves the order.
 */
export function listRawContent(database: Queryable, { language, before, limit }: RawContentFilter): Promise<RawContentSummary[]> {
  const conditions = [sql<boolean>`true`];
  if (language !== undefined) conditions.push(sql`language = ${language}`);
  if (before !== undefined) {
    conditions.push(sql`(fetched_at, id) < (${before.at}::timestamptz, ${before.id}::uuid)`);
  }
  return database.query<RawContentSummary>(
    'raw-content.list',
    sql`select id, url, canonical_url as "canonicalUrl", site_name as "siteName", title, author, published_at as "publishedAt", language,
               excerpt, word_count as "wordCount", duplicate_urls as "duplicateUrls", fetched_at as "fetchedAt"
        from raw_content where ${sql.join(conditions, sql` and `)}
        order by fetched_at desc, id desc limit ${limit + 1}`,
  );
}
