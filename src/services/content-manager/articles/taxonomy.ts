import { type Queryable, sql, type Transaction } from '#platform/database';
import type { Pack } from '#platform/pack';
import { type FieldFault, invalid } from '#shared/errors';

export type CategoryFigures = {
  readonly slug: string;
  readonly name: string;
  readonly description: string;
  readonly articles: number;
  readonly published: number;
};
export type TagFigures = Omit<CategoryFigures, 'description'>;

export type Taxonomy = {
  /**
   * Writes the pack's categories and tags into their tables, inside the transaction that is about to refer to them. Any process may be
   * the first; once it committed here, it is not asked again.
   */
  ensure(tx: Transaction): Promise<void>;
  /** @throws AppError `invalid_request` (422) for a category or tag that neither the pack nor the article knows */
  check(given: Named, alreadyOnArticle?: Named): void;
  listCategories(database: Queryable): Promise<CategoryFigures[]>;
  listTags(database: Queryable): Promise<TagFigures[]>;
};

type Named = { readonly category: string | null; readonly tags: readonly string[] };

export function createTaxonomy(pack: Pick<Pack, 'categories' | 'tags'>): Taxonomy {
  const categorySlugs = new Set(pack.categories.map(({ slug }) => slug));
  const tagSlugs = new Set(pack.tags.map(({ slug }) => slug));
  const categories = JSON.stringify(pack.categories);
  const tags = JSON.stringify(pack.tags.map(({ slug, name }) => ({ slug, name })));
  let isStored = false;

  return {
    async ensure(tx) {
      if (isStored) return;
      // Only rows that differ are written: an upsert would lock every row against the others who write drafts.
      await tx.execute(
        'taxonomy.store-categories',
        sql`insert into content_categories (slug, name, description)
            select slug, name, description from jsonb_to_recordset(${categories}::jsonb) as p(slug text, name text, description text)
            where not exists (select 1 from content_categories c
                              where c.slug = p.slug and c.name = p.name and c.description = p.description)
            order by slug
            on conflict (slug) do update set name = excluded.name, description = excluded.description`,
      );
      await tx.execute(
        'taxonomy.store-tags',
        sql`insert into content_tags (slug, name)
            select slug, name from jsonb_to_recordset(${tags}::jsonb) as p(slug text, name text)
            where not exists (select 1 from content_tags t where t.slug = p.slug and t.name = p.name)
            order by slug
            on conflict (slug) do update set name = excluded.name`,
      );
      tx.afterCommit(() => {
        isStored = true;
      });
    },
    check(given, alreadyOnArticle = { category: null, tags: [] }) {
      const faults: FieldFault[] = [];
      const { category } = given;
      if (category !== null && category !== alreadyOnArticle.category && !categorySlugs.has(category)) {
        faults.push({ path: '/category', message: `must be one of ${[...categorySlugs].join(', ')}` });
      }
      given.tags.forEach((tag, index) => {
        if (tagSlugs.has(tag) || alreadyOnArticle.tags.includes(tag)) return;
        faults.push({ path: `/tags/${index}`, message: 'is not a tag of this workspace (GET /api/v1/content/tags lists them)' });
      });
      if (faults.length > 0) throw invalid('The article names a category or tag that is not there.', faults);
    },
    async listCategories(database) {
      const rows = await database.query<{ slug: string; articles: number; published: number }>(
        'content.count-by-category',
        sql`select category as slug, count(*) as articles, count(*) filter (where status = 'published') as published
            from generated_content where category is not null group by category`,
      );
      const figures = new Map(rows.map((row) => [row.slug, row]));
      return pack.categories.map(({ slug, name, description }) => ({ slug, name, description, ...figuresOf(figures.get(slug)) }));
    },
    async listTags(database) {
      const rows = await database.query<{ slug: string; articles: number; published: number }>(
        'content.count-by-tag',
        sql`select tag as slug, count(*) as articles, count(*) filter (where status = 'published') as published
            from generated_content, unnest(tags) as tag group by tag`,
      );
      const figures = new Map(rows.map((row) => [row.slug, row]));
      return pack.tags.map(({ slug, name }) => ({ slug, name, ...figuresOf(figures.get(slug)) }));
    },
  };
}

const figuresOf = (row: { articles: number; published: number } | undefined) => ({
  articles: row?.articles ?? 0,
  published: row?.published ?? 0,
});
