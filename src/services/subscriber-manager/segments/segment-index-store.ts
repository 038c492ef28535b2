import { type Queryable, type RawBuilder, sql, type Transaction } from '#platform/database';
import { isNotSuppressedSql } from '../suppressions/suppression-store.ts';
import { hostSql, reversedHostSql } from './compile-rules.ts';
import { dateBits, dateNumberSql, datePattern, dayBits, type Facet, type Leaf, maxFacetTextLength } from './rule-facets.ts';

/** Values of one field that have a bit string; a field that has more is marked, and its other values are looked up in the table. */
const maxFacetsOfField = 1000;
const foldLock = 6_500_001;

/** Whether mail may go to a row of `subscribers` now: active, not paused, not suppressed. */
export const isReachableSql = sql<boolean>`status = 'active' and (paused_until is null or paused_until <= now())
  and ${isNotSuppressedSql(sql`email`)}`;

/**
 * Who is not as the bit strings say, as `(subscriber_id)`: whoever changed, whoever a changed suppression may concern, and those
 * whose pause or suppression has run out. Each part is made to go by its index: the log is nearly always short.
 */
export const changedSql = sql`
  select subscriber_id from subscriber_changes where subscriber_id is not null
  union select subscriber_id from subscriber_ordinals where revisit_at <= now()
  union select concerned.id from subscriber_changes change
    cross join lateral (select id from subscribers where lower(email) = change.address offset 0) as concerned where change.address is not null
  union select concerned.id from subscriber_changes change
    cross join lateral (select id from subscribers where ${reversedHostSql} = reverse(substr(change.address, 2)) offset 0) as concerned
    where change.address like '@%'
  union select concerned.id from subscriber_changes change
    cross join lateral (
      select id from subscribers where ${reversedHostSql} >= reverse(substr(change.address, 2))
        and ${reversedHostSql} < reverse(substr(change.address, 2)) || chr(1114111) offset 0) as concerned
    where change.address like '*.%'`;

/** Undefined when another process is at it. What follows in the transaction sees one state of the data. */
export async function lockIndex(tx: Transaction): Promise<boolean> {
  await tx.execute('segment-index.isolate', sql`set transaction isolation level repeatable read`);
  const { locked } = await tx.one<{ locked: boolean }>('segment-index.lock', sql`select pg_try_advisory_xact_lock(${foldLock}) as locked`);
  return locked;
}

/** Makes of changed suppressions, and of what has run out, changes of the subscribers that they concern. */
export async function spreadChanges(tx: Queryable): Promise<void> {
  await tx.execute(
    'segment-index.spread',
    sql`with concerned as materialized (${changedSql}), gone as (delete from subscriber_changes where address is not null)
        insert into subscriber_changes (subscriber_id)
        select subscriber_id from concerned where subscriber_id not in
          (select subscriber_id from subscriber_changes where subscriber_id is not null)`,
  );
}

/** Whether there is anything for `spreadChanges` to do. */
export async function mustSpread(database: Queryable): Promise<boolean> {
  const { waits } = await database.one<{ waits: boolean }>(
    'segment-index.must-spread',
    sql`select exists (select 1 from subscriber_changes where address is not null)
            or exists (select 1 from subscriber_ordinals where revisit_at <= now()) as waits`,
  );
  return waits;
}

/** Takes the oldest changes off the log; each subscriber once. */
export async function takeChanges(tx: Queryable, limit: number): Promise<{ readonly taken: number; readonly ids: string[] }> {
  const { taken, ids } = await tx.one<{ taken: number; ids: string[] }>(
    'segment-index.take',
    sql`with gone as (delete from subscriber_changes where seq in
          (select seq from subscriber_changes where subscriber_id is not null order by seq limit ${limit}) returning subscriber_id)
        select count(*) as taken, coalesce(array_agg(distinct subscriber_id), '{}') as ids from gone`,
  );
  return { taken, ids };
}

/** A segment that is kept counted, with its rules as a condition on `subscribers`. */
export type TrackCondition = { readonly facet: number; readonly condition: RawBuilder<boolean> };

// By the address and nothing else: the end is asked of the few that were found, never found by it.
const suppressionEndsAt = sql`(select min(ends_at) from (
    (select expires_at as ends_at from suppressions where address in (lower(email), '@' || ${hostSql}) offset 0)
    union all
    (select expires_at from suppressions where address like '*.%' and ${hostSql} like '%' || substr(address, 2) offset 0)) as found
  where ends_at > now())`;

const facetKeys = sql`
  select 'reachable', ''
  union all select 'absent', 'country' where live.country is null
  union all select 'country', live.country where live.country is not null
  union all select 'language', live.language
  union all select 'absent', 'timezone' where live.timezone is null
  union all select 'timezone', live.timezone where live.timezone is not null
  union all select 'absent', 'name' where live.name is null
  union all select 'source', live.source
  union all select 'frequency', live.frequency where live.frequency <> 'all'
  union all select 'format', live.format where live.format <> 'html'
  union all select 'emailDomain', live.host
  union all select distinct 'tags', tag from unnest(live.tags) as tag
  union all select distinct 'topics', topic from unnest(live.topics) as topic
  union all select 'day', bit::text from generate_series(0, ${sql.lit(dayBits - 1)}) as bit where live.day_number >> bit & 1 = 1
  union all select 'custom', key from jsonb_each(live.custom_fields) where jsonb_typeof(value) <> 'null'
  union all select 'dated', key from jsonb_each_text(live.custom_fields) where value ~ ${sql.lit(datePattern)}
  union all
  select 'date:' || dated.key, bit::text
  from (select key, ${dateNumberSql(sql`value`)} as number from jsonb_each_text(live.custom_fields)
        where value ~ ${sql.lit(datePattern)} offset 0) as dated
  cross join generate_series(0, ${sql.lit(dateBits - 1)}) as bit where dated.number >> bit & 1 = 1
  union all
  select 'custom:' || key,
         case jsonb_typeof(value) when 'string' then 's:' || (value #>> '{}') when 'boolean' then 'b:' || (value #>> '{}')
           else 'n:' || trim_scale((value #>> '{}')::numeric)::text end
  from jsonb_each(live.custom_fields)
  where jsonb_typeof(value) in ('boolean', 'number') or jsonb_typeof(value) = 'string' and length(value #>> '{}') <= ${sql.lit(maxFacetTextLength)}`;

function memberKeys(tracks: readonly TrackCondition[]): RawBuilder<unknown> {
  const none = sql`select id, null::int as facet from live where false`;
  return sql.join(
    [none, ...tracks.map(({ facet, condition }) => sql`select id, ${facet}::int from live where ${condition}`)],
    sql` union all `,
  );
}

/**
 * Writes these subscribers into the bit strings and cohorts as they stand now, replacing what stood there of them. Running
 * again changes nothing. Everything is of one snapshot, so that what is taken off is what was put in.
 * @returns facets that have no number yet; theirs are missing until it was run again
 */
export function indexSubscribers(tx: Queryable, ids: readonly string[], tracks: readonly TrackCondition[]): Promise<Facet[]> {
  const facetsOfTracks = tracks.map(({ facet }) => facet);
  return tx.query<Facet>(
    'segment-index.write',
    sql`
      with wanted as materialized (select unnest(${ids}::uuid[]) as id),
      state as materialized (
        select subscribers.*, ${hostSql} as host, (subscription_date at time zone 'utc')::date as day,
               least(greatest((subscription_date at time zone 'utc')::date - date '1970-01-01', 0), ${sql.lit(2 ** dayBits - 1)}) as day_number,
               ${isReachableSql} as reachable,
               least(case when paused_until > now() then paused_until end, ${suppressionEndsAt}) as revisit_at
        from subscribers where id in (select id from wanted)),
      live as materialized (select * from state where reachable),
      -- Made first and numbered as a whole: otherwise the facets are gone through for each subscriber.
      named as materialized (
        select live.id, key.field, key.value from live cross join lateral (${facetKeys}) as key (field, value)),
      keys as materialized (select named.*, facet.id as facet from named left join subscriber_facets facet using (field, value)),
      numbered as (select id, array_agg(facet) as facets from keys where facet is not null group by id),
      target as materialized (
        select wanted.id, known.ordinal as known_ordinal,
               coalesce(known.ordinal, (select coalesce(max(ordinal) + 1, 0) from subscriber_ordinals)
                 + (row_number() over (partition by known.ordinal is null order by wanted.id))::int - 1) as ordinal,
               coalesce(numbered.facets, '{}') as facets, coalesce(known.facets, '{}') as old_facets,
               coalesce(state.country, '') as country, coalesce(state.language, '') as language,
               coalesce(state.day, date '1970-01-01') as day, state.revisit_at,
               known.country as old_country, known.language as old_language, known.subscribed_on as old_day
        from wanted left join state using (id) left join numbered using (id)
        left join lateral (select * from subscriber_ordinals where subscriber_id = wanted.id offset 0) as known on true
        where known.ordinal is not null or state.reachable or state.revisit_at is not null),
      stored as (
        insert into subscriber_ordinals as stored (ordinal, subscriber_id, country, language, subscribed_on, facets, revisit_at)
        select ordinal, id, country, language, day, facets, revisit_at from target
        on conflict (subscriber_id) do update
          set country = excluded.country, language = excluded.language, subscribed_on = excluded.subscribed_on,
              facets = excluded.facets, revisit_at = excluded.revisit_at),
      members as materialized (
        select target.id, target.ordinal, member.facet, 1 as sign
        from (${memberKeys(tracks)}) as member join target using (id)
        union all
        select target.id, target.ordinal, map.facet, -1
        from target join subscriber_bitmaps map on map.facet = any(${facetsOfTracks}::int[]) and map.chunk = target.ordinal >> 13
        where get_bit(map.bits, target.ordinal & 8191) = 1),
      turned as (
        select ordinal, unnest(facets) as facet from target where old_facets = '{}'
        union all
        select ordinal, facet from (
          select ordinal, unnest(facets) as facet from target where old_facets <> '{}'
          union all select ordinal, unnest(old_facets) from target) as facet_of
        group by ordinal, facet having count(*) = 1
        union all
        select ordinal, facet from members group by ordinal, facet having count(*) = 1),
      written as (
        insert into subscriber_bitmaps as map (facet, chunk, bits)
        select facet, ordinal >> 13, chunk_of_bits(array_agg(ordinal & 8191)) from turned group by facet, ordinal >> 13
        on conflict (facet, chunk) do update set bits = map.bits # excluded.bits),
      counted as (
        insert into segment_cohorts as cohort (facet, span, starts_on, country, language, count)
        select member.facet, span.name, span.starts_on, span.country, span.language, sum(member.sign)
        from members member join target using (id)
        cross join lateral (
          select case when member.sign = 1 then target.country else target.old_country end as country,
                 case when member.sign = 1 then target.language else target.old_language end as language,
                 case when member.sign = 1 then target.day else target.old_day end as day) as place
        cross join lateral (values ('day', place.day, place.country, place.language),
          ('month', date_trunc('month', place.day)::date, place.country, place.language)) as span (name, starts_on, country, language)
        group by 1, 2, 3, 4, 5 having sum(member.sign) <> 0
        on conflict (facet, span, starts_on, country, language) do update set count = cohort.count + excluded.count)
      select distinct field, value from keys
      where facet is null and not exists (select 1 from subscriber_facets full_one where full_one.field = 'overflow' and full_one.value = keys.field)`,
  );
}

/** Gives numbers to facets, as many as their field has room for; a field that has none left is marked. */
export async function addFacets(tx: Queryable, facets: readonly Facet[]): Promise<void> {
  await tx.execute(
    'segment-index.add-facets',
    sql`with given as (
          select field, value, row_number() over (partition by field order by value)
                   + (select count(*) from subscriber_facets known where known.field = given.field) as number
          from unnest(${facets.map(({ field }) => field)}::text[], ${facets.map(({ value }) => value)}::text[]) as given (field, value))
        insert into subscriber_facets (field, value)
        select field, value from given where number <= ${maxFacetsOfField}
        union select 'overflow', field from given where number > ${maxFacetsOfField}
        on conflict do nothing`,
  );
  // A table that is taken for empty would be gone through for each facet of each subscriber.
  await tx.execute('segment-index.analyze-facets', sql`analyze subscriber_facets`);
}

/**
 * The common parts of a statement over bit strings: `changed (subscriber_id)`, `result (chunk, bits)` with the bits of those who met
 * the rule when they were written, and `is_known` of the leaves' facets.
 */
export function bitStatement({
  leaves,
  bits,
}: {
  readonly leaves: readonly Leaf[];
  readonly bits: RawBuilder<unknown>;
}): RawBuilder<unknown> {
  const facets = leaves.flatMap((leaf, number) =>
    leaf.map((facet) => ({ value: null, from: null, to: null, ...facet, number, isRange: !('value' in facet) })),
  );
  const listOf = <K extends keyof (typeof facets)[number]>(key: K) => facets.map((facet) => facet[key]);
  const columns = leaves.map(
    (_, number) => sql`bit_or(map.bits) filter (where number = ${sql.lit(number)}) as ${sql.ref(`leaf_${number}`)}`,
  );
  return sql`
    wanted as (
      select * from unnest(${listOf('number')}::int[], ${listOf('field')}::text[], ${listOf('value')}::text[], ${listOf('isRange')}::boolean[],
                           ${listOf('from')}::numeric[], ${listOf('to')}::numeric[])
        as wanted (number, field, value, is_range, lowest, highest)),
    facet as materialized (
      select wanted.number, known.id from wanted join subscriber_facets known using (field, value)
      union
      select wanted.number, known.id from wanted join subscriber_facets known using (field)
      cross join lateral (select case when known.value like 'n:%' then substr(known.value, 3)::numeric end as number) as its
      where wanted.is_range and its.number >= coalesce(wanted.lowest, '-Infinity') and its.number <= coalesce(wanted.highest, 'Infinity')),
    known as (select not exists (
      select 1 from wanted join subscriber_facets full_one on full_one.field = 'overflow' and full_one.value = wanted.field
      where not exists (select 1 from subscriber_facets one where one.field = wanted.field and one.value = wanted.value)) as is_known),
    leaves as (
      select map.chunk, ${sql.join(columns)} from facet join subscriber_bitmaps map on map.facet = facet.id group by map.chunk),
    result as materialized (select chunk, ${bits} as bits from leaves)`;
}

/**
 * Forgets the values of custom fields that nobody has any more: one of them may name the person who was erased. A field that once
 * had too many is known by its mark as before.
 */
export async function forgetFacets(tx: Queryable): Promise<void> {
  await tx.execute(
    'segment-index.clear',
    sql`delete from subscriber_bitmaps where bit_count(bits) = 0
          and facet = any(array(select id from subscriber_facets where field like 'custom:%'))`,
  );
  await tx.execute(
    'segment-index.forget-facets',
    sql`delete from subscriber_facets where field like 'custom:%'
          and not exists (select 1 from subscriber_bitmaps where subscriber_bitmaps.facet = subscriber_facets.id)`,
  );
}

/** Deletes leave dead rows that every answer would read past until they are swept up. */
export async function sweepChanges(database: Queryable): Promise<void> {
  await database.execute('segment-index.sweep', sql`vacuum subscriber_changes`);
}

/** At most `limit`. */
export async function countChanges(database: Queryable, limit: number): Promise<number> {
  const { count } = await database.one<{ count: number }>(
    'segment-index.count-changes',
    sql`select count(*) as count from (select 1 from subscriber_changes limit ${limit}) as change`,
  );
  return count;
}
