import { type Database, type RawBuilder, sql } from '#platform/database';

/** One of the weights' names for each number from 0 to 1. */
function oneOf(number: RawBuilder<unknown>, weights: Readonly<Record<string, number>>): RawBuilder<unknown> {
  let upTo = 0;
  const total = Object.values(weights).reduce((sum, weight) => sum + weight, 0);
  const cases = Object.entries(weights).map(([name, weight]) => {
    upTo += weight / total;
    return sql`when ${number} < ${sql.lit(upTo)} then ${name === '' ? sql`null` : sql.lit(name)}`;
  });
  return sql`case ${sql.join(cases, sql` `)} end`;
}

const countries = { BG: 25, HU: 18, DE: 12, US: 10, GB: 6, RO: 5, GR: 4, FR: 4, NL: 3, PL: 3, IT: 2, ES: 2, SE: 1, JP: 1, TW: 1, '': 3 };
const hosts = { 'gmail.com': 40, 'abv.bg': 12, 'outlook.com': 10, 'freemail.hu': 8, 'yahoo.com': 8, 'icloud.com': 5 };
const cities = ['Sofia', 'Plovdiv', 'Varna', 'Budapest', 'Pécs', 'Szeged', 'Berlin', 'Hamburg', 'London', 'Bucharest', 'Athens', 'Paris'];

/**
 * Writes subscribers numbered from `first` to `last` as a list of years looks: a few large countries and mail hosts with long
 * tails, growing by the month, some tags far more usual than others, a fifth no longer active.
 */
export async function generateSubscribers(database: Database, first: number, last: number, total: number): Promise<void> {
  await database.execute(
    'bench.subscribers',
    sql`insert into subscribers (id, email, name, status, subscription_date, country, language, timezone, tags, topics, frequency, format,
                                 custom_fields, source, created_at, updated_at)
        select uuidv7(), translate(md5(n::text), '0123456789', 'aeioulnrst') || n || '@' ||
                 case when c.r < 0.17 then 'mail' || floor(power(c.r / 0.17, 3) * 20000) || '.example'
                   else ${oneOf(sql`((c.r - 0.17) / 0.83)`, hosts)} end,
               case when a.r < 0.8 then initcap(translate(substr(md5('n' || n), 1, 8), '0123456789', 'aeioulnrst')) || ' ' || n % 5000 end,
               case when b.r < 0.8 then 'active' when b.r < 0.92 then 'unsubscribed' when b.r < 0.95 then 'pending' when b.r < 0.99 then 'bounced'
                 else 'complained' end,
               at, country, case when d.r < 0.7 then case country when 'BG' then 'bg' when 'HU' then 'hu' when 'DE' then 'de' else 'en' end else 'en' end,
               case when a.r < 0.5 then ${oneOf(sql`d.r`, { 'Europe/Sofia': 4, 'Europe/Budapest': 3, 'Europe/Berlin': 2, 'America/New_York': 1 })} end,
               case when d.r < 0.2 then '{}'
                 else array(select distinct (array['plant-care', 'equipment', 'shrimp', 'iwagumi', 'mosses', 'low-light', 'nano', 'algae', 'co2', 'wood'])[
                        1 + floor(power(abs(sin(n * (k + 0.37))), 2) * 10)::int % 10] || case when abs(sin(n * k * 1.7)) > 0.9 then '-' || n % 30 else '' end
                      from generate_series(1, 1 + n % 3) as k) end,
               case when a.r < 0.3 then array[(array['plants', 'fish', 'equipment', 'layouts'])[1 + n % 4]] else '{}' end,
               case when c.r < 0.85 then 'all' when c.r < 0.95 then 'weekly' else 'monthly' end,
               case when b.r < 0.97 then 'html' else 'text' end,
               jsonb_strip_nulls(jsonb_build_object(
                 'litres', case when d.r < 0.6 then (array[20, 30, 45, 54, 60, 90, 120, 180, 240, 300])[1 + n % 10] end,
                 'city', case when a.r < 0.4 then (array[${sql.join(cities.map((city) => sql.lit(city)))}])[1 + n % 12] end,
                 'club', case when b.r < 0.2 then n % 2 = 0 end,
                 'started', case when c.r < 0.3 then (at::date - n % 2000)::text end)),
               (array['form', 'form', 'import', 'api'])[1 + n % 4], at, at
        from generate_series(${first}::int, ${last}::int) as n
        ${sql.join(
          ['a', 'b', 'c', 'd'].map(
            (name, seed) => sql`cross join lateral (
          select (hashint4extended(n, ${sql.lit(seed)}) & 1048575) / 1048576.0::float as r) as ${sql.ref(name)}`,
          ),
          sql` `,
        )}
        cross join lateral (select ${oneOf(sql`a.r`, countries)} as country, date_trunc('milliseconds', timestamptz '2026-11-24'
          - interval '1 day' * (1400 * power(1 - n::float / ${total + 1}, 2) + 20 * b.r)) as at offset 0) as made`,
  );
}

/**
 * Adds `copies` of all subscribers, each with an id and address of its own and everything else as it is, and of what the segment
 * index says of them: its bits do not depend on who they are of. The index must be up to date, and stays so.
 */
export async function copySubscribers(database: Database, copies: number): Promise<void> {
  const columns = sql`name, status, subscription_date, country, language, timezone, tags, topics, frequency, format, custom_fields, source,
    created_at, updated_at`;
  const idOf = (id: RawBuilder<unknown>, copy: number) => sql`overlay(${id}::text placing ${sql.lit(String(copy))} from 15 for 1)::uuid`;
  const { chunks } = await database.one<{ chunks: number }>(
    'bench.chunks',
    sql`select coalesce(max(ordinal) >> 13, 0) + 1 as chunks from subscriber_ordinals`,
  );
  // A version of an id that is none yet, and the whole list before its first copy.
  const original = sql`substr(id::text, 15, 1) = '7'`;
  const copyOnce = async (copy: number) => {
    await database.execute(
      'bench.copy-subscribers',
      sql`insert into subscribers (id, email, ${columns})
          select ${idOf(sql`id`, copy)}, substr('bcdfghjkm', ${copy}::int + 1, 1) || email, ${columns} from subscribers where ${original}`,
    );
    await database.execute(
      'bench.copy-suppressions',
      sql`insert into suppressions (address, reason, created_at)
          select substr('bcdfghjkm', ${copy}::int + 1, 1) || address, 'copy', created_at from suppressions where reason = 'bench'`,
    );
    await database.execute(
      'bench.copy-ordinals',
      sql`insert into subscriber_ordinals (ordinal, subscriber_id, country, language, subscribed_on, facets)
          select ordinal + ${copy * chunks * 8192}::int, ${idOf(sql`subscriber_id`, copy)}, country, language, subscribed_on, facets
          from subscriber_ordinals where ordinal < ${chunks * 8192}::int`,
    );
    await database.execute(
      'bench.copy-bitmaps',
      sql`insert into subscriber_bitmaps (facet, chunk, bits)
          select facet, chunk + ${copy * chunks}::int, bits from subscriber_bitmaps where chunk < ${chunks}::int
            and facet not in (select facet from segment_tracks)`,
    );
  };
  await database.execute('bench.disable', sql`alter table suppressions disable trigger user`);
  for (let copy = 1; copy <= copies; copy += 2) {
    await Promise.all([copy, copy + 1].filter((one) => one <= copies).map(copyOnce));
  }
  await database.execute('bench.enable', sql`alter table suppressions enable trigger user`);
}
