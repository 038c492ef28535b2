import { type Queryable, sql } from '#platform/database';
import type { Article } from './article.ts';

/** Writes what the search of the site reads: title before summary before text. In the article's language. */
export async function indexArticle(tx: Queryable, { id }: Pick<Article, 'id'>): Promise<void> {
  await tx.execute(
    'search.index',
    sql`insert into published_search (content_id, configuration, document, published_at)
        select id, configuration,
               setweight(to_tsvector(configuration, title), 'A') || setweight(to_tsvector(configuration, summary), 'B')
                 || setweight(to_tsvector(configuration, content), 'D'),
               published_at
        from generated_content,
             text_search_configuration(language) as configuration
        where id = ${id}
        on conflict (content_id) do update
          set configuration = excluded.configuration, document = excluded.document, published_at = excluded.published_at`,
  );
}

export async function removeFromSearch(tx: Queryable, id: string): Promise<void> {
  await tx.execute('search.remove', sql`delete from published_search where content_id = ${id}`);
}
