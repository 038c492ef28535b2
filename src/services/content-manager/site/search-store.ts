import { type Cache, memoize } from '#platform/cache';
import { type Queryable, sql } from '#platform/database';
import { listsTag, siteTag } from '../site-tags.ts';
import { markEnd, markStart } from './highlight.ts';
import type { Position } from './position.ts';
import { cardColumns } from './site-store.ts';
import type { ArticleCard } from './site-types.ts';

export type SearchHit = ArticleCard & {
  readonly rank: number;
  /** With the marks of `highlight.ts` around what was found. */
  readonly markedTitle: string;
  readonly markedText: string;
};

export type SearchPage = { readonly hits: readonly SearchHit[]; readonly total: number };

export type SearchStore = {
  /** Best first, one hit more than `limit` so that the caller knows whether there are more. */
  search(query: string, options: { readonly limit: number; readonly after?: Position | undefined }): Promise<SearchPage>;
  count(query: string): Promise<number>;
};

const headlineOptions = `StartSel=${markStart}, StopSel=${markEnd}`;
// Readers' queries are many and seldom the same: what is kept is what is asked for again and again.
const resultTtlS = 600;

/** What was found before is found again without asking, until something is published, changed or withdrawn. */
export function createSearchStore(database: Queryable, cache: Cache): SearchStore {
  const tags = [siteTag, listsTag];
  const store = createUncachedStore(
    database,
    memoize(() => readConfigurations(database), { cache, name: 'search-configurations', tags }),
  );
  return {
    search: memoize(store.search, { cache, name: 'search', tags, ttlS: resultTtlS }),
    count: memoize(store.count, { cache, name: 'search-count', tags, ttlS: resultTtlS }),
  };
}

/** The languages that there are something in. Reading them goes through the whole table. */
async function readConfigurations(database: Queryable): Promise<readonly string[]> {
  const rows = await database.query(
    'site.list-search-configurations',
    sql<{ name: string }>`select distinct configuration::text as name from published_search`,
  );
  return rows.map(({ name }) => name);
}

function createUncachedStore(database: Queryable, findConfigurations: () => Promise<readonly string[]>): SearchStore {
  // The words are taken apart in each language by itself, and each finds only texts of its language; all through the index.
  const matches = (configurations: readonly string[], query: string) => sql`
    select s.content_id as id, s.configuration, asked.query, ts_rank_cd(s.document, asked.query, 1)::float8 as rank
    from (select configuration, websearch_to_tsquery(configuration, ${query}) as query
          from unnest(${configurations}::regconfig[]) as configuration) as asked
    join published_search s on s.document @@ asked.query and s.configuration = asked.configuration`;

  // The marks must not stand in the text itself, or it could open a mark of its own.
  const clean = (text: ReturnType<typeof sql>) => sql`translate(${text}, ${markStart + markEnd}, '')`;

  return {
    async search(query, { limit, after }) {
      const condition = after === undefined ? sql`true` : sql`(rank, id) < (${after.value}::float8, ${after.id}::uuid)`;
      const rows = await database.query(
        'site.search',
        sql<SearchHit & { total: number }>`
          with matched as materialized (${matches(await findConfigurations(), query)}),
               best as (select * from matched where ${condition} order by rank desc, id desc limit ${limit + 1})
          select ${cardColumns}, best.rank, (select count(*) from matched) as total,
                 ts_headline(best.configuration, ${clean(sql`a.title`)}, best.query, ${`${headlineOptions}, HighlightAll=true`}) as "markedTitle",
                 ts_headline(best.configuration, ${clean(sql`a.summary || ' ' || a.content`)}, best.query,
                   ${`${headlineOptions}, MaxFragments=2, MaxWords=22, MinWords=10, FragmentDelimiter=" … "`}) as "markedText"
          from best join generated_content a on a.id = best.id and a.status = 'published'
               left join content_categories c on c.slug = a.category
          order by best.rank desc, best.id desc`,
      );
      return { hits: rows, total: rows[0]?.total ?? 0 };
    },
    async count(query) {
      const { total } = await database.one(
        'site.count-search',
        sql<{ total: number }>`select count(*) as total from (${matches(await findConfigurations(), query)}) as matched`,
      );
      return total;
    },
  };
}
