import { type Queryable, sql } from '#platform/database';
import type { Article } from './article.ts';

const languageNames = new Intl.DisplayNames(['en'], { type: 'language', fallback: 'none' });

/** PostgreSQL names its text search configurations by the English names of the languages. */
export function configurationNameOf(language: string): string {
  return /^[a-z]{2,3}$/.test(language) ? (languageNames.of(language)?.toLowerCase() ?? 'simple') : 'simple';
}

/** Writes what the search of the site reads: title before summary before text. A language that PostgreSQL has not is taken as it is. */
export async function indexArticle(tx: Queryable, { id, language }: Pick<Article, 'id' | 'language'>): Promise<void> {
  await tx.execute(
    'search.index',
    sql`insert into published_search (content_id, configuration, document, published_at)
        select id, configuration,
               setweight(to_tsvector(configuration, title), 'A') || setweight(to_tsvector(configuration, summary), 'B')
                 || setweight(to_tsvector(configuration, content), 'D'),
               published_at
        from generated_content,
             lateral (select coalesce(
               (select oid::regconfig from pg_ts_config
                where cfgname = ${configurationNameOf(language)} and cfgnamespace = 'pg_catalog'::regnamespace),
               'simple'::regconfig) as configuration) as chosen
        where id = ${id}
        on conflict (content_id) do update
          set configuration = excluded.configuration, document = excluded.document, published_at = excluded.published_at`,
  );
}

export async function removeFromSearch(tx: Queryable, id: string): Promise<void> {
  await tx.execute('search.remove', sql`delete from published_search where content_id = ${id}`);
}
