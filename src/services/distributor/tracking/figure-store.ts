import { type Queryable, type RawBuilder, sql, type Transaction } from '#platform/database';
import type { EmailFigure } from '../distributor-types.ts';

/** Rows of `issue_figure_changes` (alias c) as facts: one an element of their arrays. */
const factsOf = sql`unnest(c.metrics, c.hours, c.links, c.variants, c.hosts, c.classes, c.counts)
  as f (metric, hour, link, variant, host, class, count)`;

/**
 * Where a fact counts. Readers of one link count for that link alone: over all links each was counted once already.
 * `events` of a mail host is what hosts are ordered by.
 */
const slicesOf = sql`(values
  ('total', case when f.hour is not null or f.link is null then '' end, f.metric),
  ('hour', to_char(f.hour at time zone 'UTC', 'YYYY-MM-DD"T"HH24'), f.metric),
  ('link', case when f.link >= 0 then f.link::text end, f.metric),
  ('host', case when f.hour is not null or f.link is null then f.host end, f.metric),
  ('host', case when f.hour is not null then f.host end, 'events'),
  ('variant', case when f.hour is not null or f.link is null then f.variant::text end, f.metric),
  ('class', case when f.hour is not null and f.metric like '%bounce' then coalesce(f.class, 'unclassified') end, f.metric)
) as s (slice, key, metric)`;

export type Folded = { readonly changes: number; readonly articles: readonly EmailFigure[] };

/**
 * Adds up to `limit` of the oldest changes to the figures and deletes them. One at a time over all processes: who finds another
 * at it does nothing. Who opens a mail sees every article that it carries; a click counts for the article that its link leads to.
 */
export async function foldFigures(tx: Transaction, limit: number): Promise<Folded> {
  const lock = await tx.one(
    'issue-figures.lock',
    sql<{ isFree: boolean }>`select pg_try_advisory_xact_lock(hashtextextended('issue_figures', 0)) as "isFree"`,
  );
  if (!lock.isFree) return { changes: 0, articles: [] };
  return tx.one(
    'issue-figures.fold',
    sql<Folded>`
      with taken as materialized (
        delete from issue_figure_changes where id in (select id from issue_figure_changes order by id limit ${limit}) returning *
      ), added as (
        insert into issue_figures as i (issue_id, slice, key, metric, count)
        select c.issue_id, s.slice, s.key, s.metric, sum(f.count)
        from taken c cross join lateral ${factsOf} cross join lateral ${slicesOf}
        where s.key is not null group by 1, 2, 3, 4
        on conflict (issue_id, slice, key, metric) do update set count = i.count + excluded.count
      ), of_articles as (
        select a.content_id, (f.hour at time zone 'UTC')::date::text as day, split_part(f.metric, '.', 1) as type,
               sum(f.count) as count, coalesce(sum(f.count) filter (where f.metric like '%.human'), 0) as human
        from taken c cross join lateral ${factsOf} join newsletter_issues n on n.id = c.issue_id
        cross join lateral (
          select unnest(n.article_ids) as content_id where f.metric like 'open.%'
          union all
          select (n.links -> f.link::int ->> 'contentId')::uuid where f.metric like 'click.%' and f.link >= 0
        ) as a
        where f.hour is not null and a.content_id is not null group by 1, 2, 3
      )
      select (select count(*) from taken) as changes,
             (select coalesce(json_agg(json_build_object('contentId', content_id, 'day', day, 'type', type, 'count', count, 'human', human)
                                       order by content_id, day, type), '[]') from of_articles) as articles`,
  );
}

export type Slice = 'total' | 'hour' | 'link' | 'host' | 'variant' | 'class';
export type Figure = { readonly slice: Slice; readonly key: string; readonly metric: string; readonly count: number };

/** Those figures of the issue that are in one of the slices: what was added up, and what was not yet, as of one moment. */
export function readFigures(database: Queryable, issueId: string, slices: readonly Slice[]): Promise<Figure[]> {
  return database.query('issue-figures.read', figuresStatement(issueId, slices, sql`true`));
}

/** By hour or by day (`key`), from the first to the last day, both included. */
export async function readTimeline(
  database: Queryable,
  issueId: string,
  { bucket, from, to }: { readonly bucket: 'hour' | 'day'; readonly from?: string; readonly to?: string },
): Promise<Figure[]> {
  const day = sql`left(key, 10)`;
  const condition = sql`(${from ?? null}::text is null or ${day} >= ${from ?? null}) and (${to ?? null}::text is null or ${day} <= ${to ?? null})`;
  return database.query(
    `issue-figures.read-by-${bucket}`,
    figuresStatement(issueId, ['hour'], condition, bucket === 'day' ? day : sql`key`),
  );
}

/** Of the mail hosts with the most events; which these are may be a second or two behind, their figures are not. */
export function readHostFigures(database: Queryable, issueId: string, limit: number): Promise<Figure[]> {
  const hosts = sql`key in (
    select key from issue_figures where issue_id = ${issueId}::uuid and slice = 'host' and metric = 'events' order by count desc limit ${limit})`;
  // Nothing was added up yet: what there is must do.
  const isFresh = sql`not exists (select 1 from issue_figures where issue_id = ${issueId}::uuid and slice = 'host')`;
  return database.query('issue-figures.read-hosts', figuresStatement(issueId, ['host'], sql`(${hosts} or ${isFresh})`));
}

function figuresStatement(
  issueId: string,
  slices: readonly Slice[],
  condition: RawBuilder<unknown>,
  key: RawBuilder<unknown> = sql`key`,
): RawBuilder<Figure> {
  return sql<Figure>`
    select slice, ${key} as key, metric, sum(count)::float8 as count from (
      select slice, key, metric, count from issue_figures
      where issue_id = ${issueId}::uuid and slice = any(${slices}::text[]) and ${condition}
      union all
      select slice, key, metric, count from (
        select s.slice, s.key, s.metric, f.count
        from issue_figure_changes c cross join lateral ${factsOf} cross join lateral ${slicesOf}
        where c.issue_id = ${issueId}::uuid and s.key is not null and s.slice = any(${slices}::text[])
      ) as pending where ${condition}
    ) as figures
    group by 1, 2, 3 having sum(count) <> 0`;
}
