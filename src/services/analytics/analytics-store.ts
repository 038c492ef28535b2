import { type Queryable, sql } from '#platform/database';
import type { AnalyticsEvent } from './analytics-schema.ts';

export async function insertEvent(
  database: Queryable,
  event: AnalyticsEvent & { readonly id: string; readonly occurredAt: Date },
): Promise<void> {
  await database.execute(
    'analytics.record',
    sql`insert into analytics_events (id, type, content_id, issue_id, subscriber_id, url, referrer, user_agent, occurred_at)
        values (${event.id}, ${event.type}, ${event.contentId ?? null}::uuid, ${event.issueId ?? null}::uuid,
                ${event.subscriberId ?? null}::uuid, ${event.url ?? null}, ${event.referrer ?? null}, ${event.userAgent ?? null},
                ${event.occurredAt})`,
  );
}

/** From its publication on, an article has a row of metrics: views of anything else are not counted. */
export async function openMetrics(tx: Queryable, contentId: string, day: Date): Promise<void> {
  await tx.execute(
    'analytics.open-metrics',
    sql`insert into content_metrics (content_id, metric_type, metric_name, metric_value, date_bucket)
        values (${contentId}::uuid, 'engagement', 'page_views', 0, (${day}::timestamptz at time zone 'UTC')::date)
        on conflict do nothing`,
  );
}

export async function hasMetrics(database: Queryable, contentId: string): Promise<boolean> {
  const row = await database.maybeOne(
    'analytics.has-metrics',
    sql<object>`select 1 from content_metrics where content_id = ${contentId}::uuid limit 1`,
  );
  return row !== undefined;
}

/**
 * Counts anew every day that can still change: from the day before the last one that was counted. A day is written whole, so
 * counting twice gives the same, and a pause of any length is caught up. Returns the number of rows written.
 */
export async function rollUp(tx: Queryable, today: Date): Promise<number> {
  return tx.execute(
    'analytics.roll-up',
    sql`with counted as (
          select date_bucket from content_metrics where metric_type = 'engagement' and metric_name = 'page_views' and metric_value > 0
          order by date_bucket desc limit 1
        ), period as (
          select least(coalesce((select date_bucket from counted), '-infinity'::date),
                       (${today}::timestamptz at time zone 'UTC')::date) - 1 as first_day
        )
        insert into content_metrics (content_id, metric_type, metric_name, metric_value, date_bucket, recorded_at)
        select content_id, 'engagement', 'page_views', count(*), (occurred_at at time zone 'UTC')::date, ${today}
        from analytics_events
        where content_id is not null and type = 'page_view'
          and occurred_at >= (select first_day::timestamp at time zone 'UTC' from period)
        group by content_id, (occurred_at at time zone 'UTC')::date
        on conflict (content_id, metric_type, metric_name, date_bucket)
          do update set metric_value = excluded.metric_value, recorded_at = excluded.recorded_at
          where content_metrics.metric_value is distinct from excluded.metric_value`,
  );
}

export type EmailFigure = {
  readonly contentId: string;
  /** `YYYY-MM-DD`, UTC. */
  readonly day: string;
  readonly type: 'open' | 'click';
  /** To be added: all of them, and those that came from readers, which may be taken back. */
  readonly count: number;
  readonly human: number;
};

/** Adds to what the mails brought the articles. Exact as long as what is added here is given once: by the transaction that says so. */
export async function addEmailFigures(tx: Queryable, figures: readonly EmailFigure[], at: Date): Promise<void> {
  if (figures.length === 0) return;
  await tx.execute(
    'analytics.add-email-figures',
    sql`insert into content_metrics as m (content_id, metric_type, metric_name, metric_value, date_bucket, recorded_at)
        select f.content_id, 'engagement', v.name, sum(v.value), f.day, ${at}
        from unnest(${figures.map(({ contentId }) => contentId)}::uuid[], ${figures.map(({ day }) => day)}::date[],
                    ${figures.map(({ type }) => type)}::text[], ${figures.map(({ count }) => count)}::int[],
                    ${figures.map(({ human }) => human)}::int[]) as f (content_id, day, type, count, human)
        cross join lateral (values ('email_' || f.type || 's', f.human), ('email_' || f.type || 's_raw', f.count)) as v (name, value)
        group by f.content_id, v.name, f.day order by 1, 3, 5
        on conflict (content_id, metric_type, metric_name, date_bucket)
          do update set metric_value = m.metric_value + excluded.metric_value, recorded_at = excluded.recorded_at`,
  );
}

export type Period = { readonly from: string; readonly to: string };
type Figures = { pageViews: number; emailOpens: number; emailClicks: number; emailOpensRaw: number; emailClicksRaw: number };

const figures = sql`
  coalesce(sum(metric_value) filter (where metric_name = 'page_views'), 0) as "pageViews",
  coalesce(sum(metric_value) filter (where metric_name = 'email_opens'), 0) as "emailOpens",
  coalesce(sum(metric_value) filter (where metric_name = 'email_clicks'), 0) as "emailClicks",
  coalesce(sum(metric_value) filter (where metric_name = 'email_opens_raw'), 0) as "emailOpensRaw",
  coalesce(sum(metric_value) filter (where metric_name = 'email_clicks_raw'), 0) as "emailClicksRaw"`;

export function readTotals(database: Queryable, { from, to }: Period, limit: number): Promise<({ contentId: string } & Figures)[]> {
  return database.query(
    'analytics.totals',
    sql<{ contentId: string } & Figures>`
      select content_id as "contentId", ${figures} from content_metrics
      where metric_type = 'engagement' and date_bucket between ${from}::date and ${to}::date
      group by content_id
      order by sum(metric_value) filter (where metric_name in ('page_views', 'email_clicks')) desc nulls last, content_id limit ${limit}`,
  );
}

export function readDays(database: Queryable, contentId: string, { from, to }: Period): Promise<({ day: string } & Figures)[]> {
  return database.query(
    'analytics.days',
    sql<{ day: string } & Figures>`
      select date_bucket::text as day, ${figures} from content_metrics
      where content_id = ${contentId}::uuid and metric_type = 'engagement' and date_bucket between ${from}::date and ${to}::date
      group by date_bucket order by date_bucket`,
  );
}
