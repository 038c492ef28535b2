import { type Queryable, type RawBuilder, sql } from '#platform/database';
import type { BitRule } from './rule-facets.ts';
import type { Rule } from './rule-types.ts';
import { bitStatement, isReachableSql } from './segment-index-store.ts';

export type Track = {
  readonly facet: number;
  readonly segmentId: string;
  /** A `Rule` as JSON has it. */
  readonly rules: unknown;
};

/** Locked: whoever removes the segment waits. */
export function lockTracks(tx: Queryable): Promise<Track[]> {
  return tx.query<Track>(
    'segment-tracks.lock',
    sql`select facet, segment_id as "segmentId", rules from segment_tracks order by facet for update`,
  );
}

/** Also the bit strings that no segment is left of. */
export async function removeTracks(tx: Queryable, facets: readonly number[]): Promise<void> {
  await tx.execute('segment-tracks.remove', sql`delete from segment_tracks where facet = any(${facets}::int[])`);
  await tx.execute(
    'segment-tracks.clear',
    sql`with gone as (
          delete from subscriber_facets where field = 'segment'
            and not exists (select 1 from segment_tracks where segment_tracks.facet = subscriber_facets.id) returning id)
        delete from subscriber_bitmaps where facet in (select id from gone)`,
  );
}

/** By the name of the build: its number is given out once. */
export async function addTrack(tx: Queryable, segmentId: string, rule: Rule, buildId: string): Promise<number> {
  const { facet } = await tx.one<{ facet: number }>(
    'segment-tracks.add',
    sql`with number as (insert into subscriber_facets (field, value) values ('segment', ${buildId}) returning id)
        insert into segment_tracks (facet, segment_id, rules)
        select id, ${segmentId}::uuid, ${JSON.stringify(rule)}::jsonb from number returning facet`,
  );
  return facet;
}

/** Fills the bit strings of a segment from those of its rules. False where they do not tell: nothing was written. */
export async function fillFromBits(tx: Queryable, facet: number, rule: BitRule): Promise<boolean> {
  const { isKnown } = await tx.one<{ isKnown: boolean }>(
    'segment-tracks.fill-from-bits',
    sql`with ${bitStatement(rule)},
          filled as (
            insert into subscriber_bitmaps (facet, chunk, bits)
            select ${facet}::int, chunk, bits from result, known where known.is_known)
        select is_known as "isKnown" from known`,
  );
  return isKnown;
}

/** The same by going through the table. Whoever has no place in the index yet stands in the log. */
export async function fillFromTable(tx: Queryable, facet: number, condition: RawBuilder<boolean>): Promise<void> {
  await tx.execute(
    'segment-tracks.fill-from-table',
    sql`insert into subscriber_bitmaps (facet, chunk, bits)
        select ${facet}::int, ordinal >> 13, chunk_of_bits(array_agg(ordinal & 8191))
        from subscribers join subscriber_ordinals on subscriber_id = id
        where ${isReachableSql} and ${condition} group by ordinal >> 13`,
  );
}

/** Counts the cohorts of a segment whose bit strings have been filled. */
export async function countCohorts(tx: Queryable, facet: number): Promise<void> {
  await tx.execute(
    'segment-tracks.count-cohorts',
    sql`with day as materialized (
          select place.country, place.language, place.subscribed_on, count(*) as count
          from subscriber_bitmaps map join subscriber_ordinals place on place.ordinal >> 13 = map.chunk
          where map.facet = ${facet}::int and get_bit(map.bits, place.ordinal & 8191) = 1 group by 1, 2, 3)
        insert into segment_cohorts (facet, span, starts_on, country, language, count)
        select ${facet}::int, 'day', subscribed_on, country, language, count from day
        union all
        select ${facet}::int, 'month', date_trunc('month', subscribed_on)::date, country, language, sum(count) from day group by 3, 4, 5`,
  );
}
