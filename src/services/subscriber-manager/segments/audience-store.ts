import { type Queryable, type RawBuilder, sql } from '#platform/database';
import type { BitRule } from './rule-facets.ts';
import type { Rule } from './rule-types.ts';
import { dayOf } from './rule-values.ts';
import { bitStatement, changedSql, isReachableSql } from './segment-index-store.ts';

/** A row of the audience, as the distributor plans its deliveries with. */
export type AudienceRow = {
  readonly id: string;
  /** Lower case. */
  readonly host: string;
  readonly timezone: string | null;
  readonly send_hour: number | null;
  readonly frequency: 'all' | 'weekly' | 'monthly';
};

export type SampledSubscriber = { readonly id: string; readonly email: string; readonly name: string | null };

export type Audience = {
  readonly audience: number;
  readonly sample: readonly SampledSubscriber[];
  /** The count is that of this moment. */
  readonly asOf: Date;
};

export type Cohort = {
  readonly country: string | null;
  readonly language: string;
  /** The first day of the month of subscription, `2026-01-01`. */
  readonly month: string;
  readonly count: number;
};

const sampleSize = 10;

/** A statement that selects everybody who may be written to and meets the condition. */
export function audienceStatement(condition: RawBuilder<boolean>): RawBuilder<AudienceRow> {
  return sql<AudienceRow>`select id, lower(split_part(email, '@', 2)) as host, timezone, send_hour, frequency from subscribers
    where ${isReachableSql} and ${condition}`;
}

/** Counted from the table itself. */
export function readAudience(database: Queryable, condition: RawBuilder<boolean>): Promise<Audience> {
  return database.one<Audience>(
    'segments.count-audience',
    sql`with member as not materialized (select id, email, name from subscribers where ${isReachableSql} and ${condition})
        select now() as "asOf", (select count(*) from member) as audience,
               (select coalesce(json_agg(json_build_object('id', id, 'email', email, 'name', name)), '[]')
                from (select id, email, name from member limit ${sampleSize}) as sampled) as sample`,
  );
}

// The members among those who changed, as they stand; looked up one by one, whatever the planner takes the log's length for.
const changedMembers = (columns: RawBuilder<unknown>, condition: RawBuilder<boolean>) => sql`
  select member.* from changed cross join lateral (
    select ${columns} from subscribers where subscribers.id = changed.subscriber_id and ${isReachableSql} and ${condition} offset 0) as member`;

/**
 * Counted from the bit strings, put right by those who changed since. Undefined where there is a value that has no bit string
 * although it may occur.
 */
export async function readIndexedAudience(
  database: Queryable,
  rule: BitRule,
  condition: RawBuilder<boolean>,
): Promise<Audience | undefined> {
  const { isKnown, ...audience } = await database.one<Audience & { isKnown: boolean }>(
    'segments.count-indexed-audience',
    sql`with changed as materialized (${changedSql}), ${bitStatement(rule)},
          stale as (
            select 1 from changed cross join lateral (
              select ordinal from subscriber_ordinals where subscriber_id = changed.subscriber_id offset 0) as place
            join result on result.chunk = place.ordinal >> 13 where get_bit(result.bits, place.ordinal & 8191) = 1),
          fresh as materialized (${changedMembers(sql`id, email, name`, condition)}),
          -- Each of these chunks has somebody: ten are enough for a sample of ten.
          sampled_chunks as (select chunk, bits from result where bit_count(bits) > 0 order by chunk desc limit ${sampleSize}),
          sampled as (
            select id from (
              select (select subscriber_id from subscriber_ordinals where ordinal = chunk << 13 | place) as id
              from sampled_chunks cross join generate_series(0, 8191) as place where get_bit(bits, place) = 1 offset 0) as member
            where id not in (select subscriber_id from changed) limit ${sampleSize})
        select now() as "asOf", (select is_known from known) as "isKnown",
          (select coalesce(sum(bit_count(bits)), 0)::bigint from result) - (select count(*) from stale) + (select count(*) from fresh) as audience,
          (select coalesce(json_agg(json_build_object('id', id, 'email', email, 'name', name)), '[]') from (
            select id, email, name from fresh
            union all
            select id, email, name from subscribers
            where id = any(array(select id from sampled))
            limit ${sampleSize}) as found) as sample`,
  );
  return isKnown ? audience : undefined;
}

export type Cohorts = { readonly cohorts: readonly Cohort[]; readonly asOf: Date };
type CohortRow = { country: string; language: string; month: string; count: number };

const cohortOf = ({ country, ...row }: CohortRow): Cohort => ({ ...row, country: country === '' ? null : country });

/** Whoever may be written to and subscribed on or after `since`, counted from the table itself. */
export async function readCohorts(database: Queryable, condition: RawBuilder<boolean>, since: Date): Promise<Cohorts> {
  const { asOf, rows } = await database.one<{ asOf: Date; rows: CohortRow[] }>(
    'segments.count-cohorts',
    sql`select now() as "asOf", coalesce(json_agg(cohort), '[]') as rows from (
          select coalesce(country, '') as country, language, to_char(date_trunc('month', subscription_date, 'UTC') at time zone 'UTC', 'YYYY-MM-DD') as month,
                 count(*) as count
          from subscribers where ${isReachableSql} and subscription_date >= ${since}::timestamptz and ${condition}
          group by 1, 2, 3 order by 4 desc, 1, 2, 3) as cohort`,
  );
  return { asOf, cohorts: rows.map(cohortOf) };
}

/** A saved segment, its rules filled in. */
export type FilledSegment = { readonly segmentId: string; readonly rule: Rule };

/**
 * The same from what is kept counted, put right by those who changed since. Undefined when the segment is not kept by these rules.
 * `since` is the beginning of a day in UTC.
 */
export async function readTrackedCohorts(
  database: Queryable,
  { segmentId, rule }: FilledSegment,
  condition: RawBuilder<boolean>,
  since: Date,
): Promise<Cohorts | undefined> {
  const firstDay = dayOf(since);
  // Of the first whole month: the one after, unless it begins with one.
  const firstMonth = dayOf(new Date(Date.UTC(since.getUTCFullYear(), since.getUTCMonth() + (since.getUTCDate() === 1 ? 0 : 1), 1)));
  const row = await database.one<{ asOf: Date; isTracked: boolean; rows: CohortRow[] }>(
    'segments.read-cohorts',
    sql`
      with track as materialized (
        select facet from segment_tracks where segment_id = ${segmentId}::uuid and rules = ${JSON.stringify(rule)}::jsonb),
      changed as materialized (${changedSql}),
      counted as (
        select country, language, starts_on as day, count from segment_cohorts
        where facet = (select facet from track) and span = 'month' and starts_on >= ${firstMonth}::date
        union all
        -- The days before the first whole month.
        select country, language, starts_on, count from segment_cohorts
        where facet = (select facet from track) and span = 'day' and starts_on >= ${firstDay}::date and starts_on < ${firstMonth}::date
        union all
        select place.country, place.language, place.subscribed_on, -1
        from changed cross join lateral (
          select * from subscriber_ordinals where subscriber_id = changed.subscriber_id offset 0) as place
        join subscriber_bitmaps map on map.chunk = place.ordinal >> 13
        where map.facet = (select facet from track) and place.subscribed_on >= ${firstDay}::date and get_bit(map.bits, place.ordinal & 8191) = 1
        union all
        select coalesce(country, ''), language, member.day, 1 from (${changedMembers(
          sql`country, language, (subscription_date at time zone 'UTC')::date as day`,
          condition,
        )}) as member where member.day >= ${firstDay}::date),
      cohort as (
        select country, language, to_char(day, 'YYYY-MM-"01"') as month, sum(count) as count
        from counted group by 1, 2, 3 having sum(count) <> 0 order by 4 desc, 1, 2, 3)
      select now() as "asOf", exists (select 1 from track) as "isTracked", (select coalesce(json_agg(cohort), '[]') from cohort) as rows`,
  );
  return row.isTracked ? { asOf: row.asOf, cohorts: row.rows.map(cohortOf) } : undefined;
}
