import { sql } from '#platform/database';
import { type Citation, plainTextOf, type Section } from '#shared/article-text';
import type { TestContext } from '../../../../../tests/support/test-context.ts';
import { siteTag } from '../../site-tags.ts';

export type TestArticle = {
  readonly slug: string;
  readonly title?: string;
  readonly summary?: string;
  readonly status?: string;
  readonly language?: string;
  readonly category?: string | null;
  readonly tags?: readonly string[];
  readonly writer?: string;
  readonly sections?: readonly Section[];
  readonly citations?: readonly Pick<Citation, 'sourceUrl' | 'sourceTitle' | 'quote'>[];
  /** As PostgreSQL reads it, so with microseconds. */
  readonly publishedAt?: string;
};

/** Writes an article as the content manager keeps it, and returns its id. */
export async function insertArticle(
  { database, caches, clock }: Pick<TestContext, 'database' | 'caches' | 'clock'>,
  article: TestArticle,
): Promise<string> {
  const id = clock.newId();
  const { slug, title = `Title of ${slug}`, summary = `Summary of ${slug}.`, status = 'published', language = 'en' } = article;
  const sections = article.sections ?? [{ heading: 'Heading', paragraphs: [[{ text: `Text of ${slug}.`, citations: [] }]] }];
  const publishedAt = article.publishedAt ?? '2026-11-01T10:00:00Z';
  await database.execute(
    'test.insert-article',
    sql`insert into generated_content (id, slug, title, summary, content, body, content_type, language, category, tags, writer, status,
          created_at, updated_at, published_at)
        values (${id}, ${slug}, ${title}, ${summary}, ${plainTextOf(sections)}, ${JSON.stringify(sections)}::jsonb, 'guide', ${language},
          ${article.category ?? null}, ${article.tags ?? []}::text[], ${article.writer ?? 'extractive'}, ${status},
          ${publishedAt}::timestamptz, ${publishedAt}::timestamptz, ${publishedAt}::timestamptz)`,
  );
  for (const [index, { sourceUrl, sourceTitle, quote }] of (article.citations ?? []).entries()) {
    await database.execute(
      'test.insert-citation',
      sql`insert into content_citations (content_id, ordinal, raw_content_id, start_offset, end_offset, quote, source_url, source_title)
          values (${id}, ${index + 1}, ${clock.newId()}, 0, ${quote.length}, ${quote}, ${sourceUrl}, ${sourceTitle})`,
    );
  }
  await database.execute(
    'test.index-article',
    sql`insert into published_search (content_id, configuration, document, published_at)
        select id, configuration, setweight(to_tsvector(configuration, title), 'A') || to_tsvector(configuration, summary || ' ' || content),
               published_at
        from generated_content, text_search_configuration(language) as configuration where id = ${id}`,
  );
  await caches.invalidate('content', { tags: [siteTag] });
  return id;
}
