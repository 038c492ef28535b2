import { createDatabase, type Database, type RawBuilder, sql } from '#platform/database';
import { createJobs } from '#platform/jobs';
import { createLogger, createMetrics } from '#platform/telemetry';
import {
  createSegmentIndex,
  createSegmentService,
  listSubscribers,
  type SegmentRules,
  type SegmentService,
} from '#services/subscriber-manager';
import { systemClock } from '#shared/clock';
import { startTestPostgres, templateDatabase, withDatabase } from '../../tests/support/postgres-server.ts';
import type { Bar, BenchResult } from '../bench.ts';
import { round } from '../support/figures.ts';
import { percentile } from '../support/open-loop.ts';
import { copySubscribers, generateSubscribers } from '../support/subscribers.ts';

const smallSize = 1_000_000;
const copies = 4;
const calls = 200;
const bars = { lookupMs: 10, previewMs: 60, changeMs: 1, growth: 2 };
const since = new Date(Date.UTC(2025, 10, 25));

type Stand = { readonly database: Database; readonly service: SegmentService; readonly segmentId: string };
/** Milliseconds, p95. */
type Times = Readonly<Record<string, number>>;

const tags = ['plant-care', 'equipment', 'shrimp', 'iwagumi', 'mosses', 'low-light', 'nano', 'algae', 'co2', 'wood'] as const;
const tagAt = (number: number): string => tags[number % tags.length] ?? '';
const hasTag = (...value: string[]) => ({ field: 'tags', operator: 'contains_any', value });

type Preview = { readonly rules: SegmentRules /** The same on `subscribers`. */; readonly plain: RawBuilder<boolean> };

/** Each call asks for something else, as somebody does who tries rules. */
const previews: Readonly<Record<string, (call: number) => Preview>> = {
  'country and tags': (call) => {
    const countries = ['BG', 'HU', 'DE'].slice(call % 3);
    const wanted = [tagAt(call), tagAt(call + 3)];
    return {
      rules: { all: [{ field: 'country', operator: 'in', value: countries }, hasTag(...wanted)] },
      plain: sql`country = any(${countries}::text[]) and tags && ${wanted}::text[]`,
    };
  },
  'last days, not language': (call) => ({
    rules: {
      all: [
        { field: 'subscriptionDate', operator: 'in_last_days', value: 30 + call },
        { field: 'language', operator: 'not_equals', value: 'en' },
      ],
    },
    plain: sql`subscription_date >= date_trunc('day', now(), 'UTC') - ${30 + call}::int * interval '1 day' and language <> 'en'`,
  }),
  'any of nested': (call) => ({
    rules: {
      any: [
        { customField: 'litres', operator: 'at_least', value: 60 + (call % 100) },
        { all: [{ field: 'emailDomain', operator: 'equals', value: 'gmail.com' }, { not: hasTag(tagAt(call)) }] },
      ],
    },
    plain: sql`((custom_fields ->> 'litres')::numeric >= ${60 + (call % 100)}
      or lower(split_part(email, '@', 2)) = 'gmail.com' and not tags && ${[tagAt(call)]}::text[])`,
  }),
  'between dates, custom date': (call) => ({
    rules: {
      all: [
        { field: 'subscriptionDate', operator: 'between', value: ['2024-01-15', `2026-03-${10 + (call % 20)}`] },
        { customField: 'started', operator: 'after', value: `202${call % 5}-05-05` },
        { customField: 'city', operator: 'equals', value: 'Sofia' },
      ],
    },
    plain: sql`subscription_date >= '2024-01-15Z' and subscription_date < ${`2026-03-${10 + (call % 20)}Z`}::timestamptz + interval '1 day'
      and custom_fields ->> 'started' >= ${`202${call % 5}-05-05`}::text and custom_fields ->> 'city' = 'Sofia'`,
  }),
};

const isReachable = sql`status = 'active' and not exists (select 1 from suppressions where address = lower(email))`;

async function countPlainly(database: Database, { plain }: Preview): Promise<number> {
  const { count } = await database.one<{ count: number }>(
    'bench.plain',
    sql`select count(*) as count from subscribers where ${isReachable} and ${plain}`,
  );
  return count;
}

async function timesOf(count: number, run: (call: number) => Promise<unknown>): Promise<number[]> {
  const times: number[] = [];
  for (let call = 0; call < count; call += 1) {
    const startedAt = performance.now();
    await run(call);
    times.push(performance.now() - startedAt);
  }
  return times;
}

const p95 = async (run: (call: number) => Promise<unknown>, count = calls): Promise<number> => percentile(await timesOf(count, run), 95);

/** As the document writes it. */
const documentQuery = sql<object>`
  select count(*) as subscriber_count, country, language, date_trunc('month', subscription_date) as cohort_month
  from subscribers
  where status = 'active' and subscription_date >= current_date - interval '12 months' and tags && array['plant-care', 'equipment']
  group by country, language, cohort_month order by subscriber_count desc`;

async function measureLookups({ database, service, segmentId }: Stand): Promise<Times> {
  const list = (filter: object) => listSubscribers(database, { limit: 20, ...filter });
  const statuses = ['active', 'unsubscribed', 'bounced', 'complained'] as const;
  return {
    'list page': await p95(() => list({})),
    'list page by status': await p95((call) => list({ status: statuses[call % statuses.length] })),
    'list page by tag': await p95((call) => list({ tag: tagAt(call) })),
    search: await p95((call) => list({ q: 'aeioulnrstaeioulnrst'.slice(call % 10, (call % 10) + 1 + (call % 5)) })),
    cohorts: await p95(() => service.countCohorts(segmentId, since)),
  };
}

async function measurePreviews({ service }: Stand): Promise<Times> {
  const times: Record<string, number> = {};
  for (const [name, previewOf] of Object.entries(previews))
    times[`preview ${name}`] = await p95((call) => service.preview(previewOf(call).rules));
  return times;
}

/** Of the plain queries that they stand in for; a few calls, for each takes long. */
async function measurePeers({ database }: Stand): Promise<Times> {
  const asked = Object.values(previews).map((previewOf) => previewOf(1));
  const counts = await timesOf(asked.length, async (call) => {
    const preview = asked[call];
    if (preview !== undefined) await countPlainly(database, preview);
  });
  return {
    'document: cohorts': percentile(await timesOf(5, () => database.query('bench.document', documentQuery)), 50),
    'plain count of a rule': percentile(counts, 50),
  };
}

/** How many answers are not those of the plain queries. */
async function countWrong({ database, service, segmentId }: Stand): Promise<number> {
  let wrong = 0;
  for (const previewOf of Object.values(previews)) {
    if ((await service.preview(previewOf(1).rules)).audience !== (await countPlainly(database, previewOf(1)))) wrong += 1;
  }
  const plain = await database.query<{ cohort: string }>(
    'bench.plain-cohorts',
    sql`select concat_ws(' ', coalesce(country, '-'), language, to_char(date_trunc('month', subscription_date, 'UTC') at time zone 'UTC', 'YYYY-MM-DD'),
                         count(*)) as cohort
        from subscribers where ${isReachable} and subscription_date >= ${since} and tags && array['plant-care', 'equipment']
        group by country, language, date_trunc('month', subscription_date, 'UTC')`,
  );
  const { cohorts } = await service.countCohorts(segmentId, since);
  const given = cohorts.map(({ country, language, month, count }) => `${country ?? '-'} ${language} ${month} ${count}`);
  if (
    given.sort().join() !==
    plain
      .map(({ cohort }) => cohort)
      .sort()
      .join()
  )
    wrong += 1;
  return wrong;
}

/** Milliseconds that one change of a subscriber takes more: for the log at once, and for the index later. */
async function measureChange({ database }: Stand): Promise<{ readonly atOnceMs: number; readonly laterMs: number }> {
  const count = 1000;
  const rows = await database.query<{ id: string }>('bench.some', sql`select id from subscribers tablesample system (1) limit ${count}`);
  const change = (call: number) =>
    database.execute('bench.change', sql`update subscribers set tags = tags || array['changed'] where id = ${rows[call]?.id ?? ''}::uuid`);
  const setTriggers = (state: 'enable' | 'disable') =>
    database.execute('bench.triggers', sql`alter table subscribers ${sql.raw(state)} trigger log_updates`);
  await timesOf(count, change);
  const withLog = percentile(await timesOf(count, change), 50);
  await setTriggers('disable');
  const without = percentile(await timesOf(count, change), 50);
  await setTriggers('enable');
  const [indexing = 0] = await timesOf(1, () => createSegmentIndex({ database, clock: systemClock }).refresh());
  return { atOnceMs: withLog - without, laterMs: indexing / count };
}

/** How many times as long a COPY takes with the triggers. */
async function measureCopy({ database }: Stand): Promise<number> {
  const count = 100_000;
  const columns = sql.raw('id, email, status, subscription_date, country, language, tags, source, created_at, updated_at');
  await database.execute(
    'bench.rows',
    sql`create table bench_rows as select gen_random_uuid() as id, 'x' || n || '@copied.example' as email, 'active' as status,
          now() as subscription_date, 'BG' as country, 'bg' as language, array['shrimp'] as tags, 'import' as source,
          now() as created_at, now() as updated_at from generate_series(1, ${count}::int) as n`,
  );
  const [file = ''] = await database
    .query<{ data_directory: string }>('bench.folder', sql`show data_directory`)
    .then((rows) => rows.map((row) => `${row.data_directory}/bench-rows`));
  await database.execute('bench.copy-out', sql`copy bench_rows to ${sql.lit(file)}`);
  // Taken back each time: the list is left as it was.
  const copyIn = async (): Promise<number> => {
    let ms = 0;
    await database
      .transaction(async (tx) => {
        [ms = 0] = await timesOf(1, () => tx.execute('bench.copy-in', sql`copy subscribers (${columns}) from ${sql.lit(file)}`));
        throw new Error('taken back');
      })
      .catch((error: unknown) => {
        if (ms === 0) throw error;
      });
    return ms;
  };
  await copyIn();
  const withLog = await copyIn();
  await database.execute('bench.triggers', sql`alter table subscribers disable trigger log_inserts`);
  const without = await copyIn();
  await database.execute('bench.triggers', sql`alter table subscribers enable trigger log_inserts`);
  return withLog / without;
}

/** Without its indexes, which are made anew after `fill`: quicker for a whole list. */
async function withoutIndexes(database: Database, fill: () => Promise<void>): Promise<void> {
  const indexes = await database.query<{ name: string; definition: string }>(
    'bench.indexes',
    sql`select indexname as name, indexdef as definition from pg_indexes where tablename = 'subscribers' and indexname <> 'subscribers_pkey'`,
  );
  await database.execute('bench.disable', sql`alter table subscribers disable trigger user`);
  for (const { name } of indexes) await database.execute('bench.drop', sql`drop index ${sql.ref(name)}`);
  await fill();
  for (let next = 0; next < indexes.length; next += 2) {
    await Promise.all(indexes.slice(next, next + 2).map(({ definition }) => database.execute('bench.create', sql.raw(definition))));
  }
  await database.execute('bench.enable', sql`alter table subscribers enable trigger user`);
  await database.execute('bench.vacuum', sql`vacuum analyze subscribers`);
}

const settle = (database: Database) =>
  database.execute('bench.settle', sql`vacuum analyze subscriber_bitmaps, subscriber_ordinals, subscriber_facets, segment_cohorts`);

async function prepare(database: Database): Promise<{ readonly stand: Stand; readonly indexSeconds: number }> {
  await withoutIndexes(database, async () => {
    const half = smallSize / 2;
    await Promise.all([generateSubscribers(database, 1, half, smallSize), generateSubscribers(database, half + 1, smallSize, smallSize)]);
  });
  await database.execute('bench.log', sql`insert into subscriber_changes (subscriber_id) select id from subscribers`);
  await database.execute(
    'bench.suppress',
    sql`insert into suppressions (address, reason, created_at) select lower(email), 'bench', now() from subscribers tablesample system (2)`,
  );
  await database.execute(
    'bench.fields',
    sql`insert into custom_field_definitions (id, name, label, type, created_at, updated_at)
        select gen_random_uuid(), name, name, type, now(), now()
        from (values ('litres', 'number'), ('city', 'text'), ('club', 'boolean'), ('started', 'date')) as field (name, type)`,
  );
  await database.execute('bench.analyze', sql`analyze suppressions`);
  const logger = createLogger({ level: 'fatal', format: 'json', role: 'bench' });
  const jobs = await createJobs({ database, isSupervisor: false, logger, metrics: createMetrics('bench-jobs') });
  const service = createSegmentService({ database, clock: systemClock, jobs: { ...jobs, send: async () => null } });
  const [indexMs = 0] = await timesOf(1, () => createSegmentIndex({ database, clock: systemClock }).refresh());
  const { id } = await service.create({ name: 'Plants and equipment', rules: { all: [hasTag('plant-care', 'equipment')] } });
  await createSegmentIndex({ database, clock: systemClock }).refresh();
  await settle(database);
  await jobs.stop(1000);
  return { stand: { database, service, segmentId: id }, indexSeconds: indexMs / 1000 };
}

async function grow({ database }: Stand): Promise<void> {
  await withoutIndexes(database, () => copySubscribers(database, copies));
  // The cohorts of the saved segment are of the smaller list: they are counted anew.
  await database.execute('bench.forget', sql`delete from segment_tracks`);
  await createSegmentIndex({ database, clock: systemClock }).refresh();
  await settle(database);
}

function barsOf(small: Times, large: Times): Bar[] {
  const limitOf = (name: string) => (name.startsWith('preview') ? bars.previewMs : bars.lookupMs);
  return [
    ...Object.entries(small).map(([name, ms]) => ({
      name: `1M: ${name}, p95 ms`,
      want: `<= ${limitOf(name)}`,
      got: round(ms),
      ok: ms <= limitOf(name),
    })),
    ...Object.entries(large).map(([name, ms]) => {
      const limit = limitOf(name) * bars.growth;
      return { name: `5M: ${name}, p95 ms`, want: `<= ${limit}`, got: round(ms), ok: ms <= limit };
    }),
  ];
}

/** A million subscribers, and five: pages, search, previews of rules and cohorts against the plain queries, each answer compared with theirs. */
export async function run(): Promise<BenchResult> {
  const server = await startTestPostgres();
  const logger = createLogger({ level: 'fatal', format: 'json', role: 'bench' });
  const url = withDatabase(server.url, templateDatabase);
  const database = createDatabase({
    url,
    applicationName: 'bench',
    maxConnections: 4,
    statementTimeoutMs: 600_000,
    logger,
    metrics: createMetrics('bench'),
  });
  try {
    const { stand, indexSeconds } = await prepare(database);
    const small = { ...(await measureLookups(stand)), ...(await measurePreviews(stand)) };
    const peers = await measurePeers(stand);
    const wrong = await countWrong(stand);
    const change = await measureChange(stand);
    const copy = await measureCopy(stand);
    await createSegmentIndex({ database, clock: systemClock }).refresh();
    await grow(stand);
    const large = { ...(await measureLookups(stand)), ...(await measurePreviews(stand)) };
    const wrongAtLarge = await countWrong(stand);
    const changeMs = change.atOnceMs + change.laterMs;
    return {
      bench: 'audience',
      ratios: {
        document_to_cohorts: round((peers['document: cohorts'] ?? 0) / (small.cohorts ?? 1)),
        plain_count_to_preview: round(
          (peers['plain count of a rule'] ?? 0) /
            Math.max(...Object.entries(small).map(([name, ms]) => (name.startsWith('preview') ? ms : 0))),
        ),
        copy_with_triggers_to_without: round(copy),
      },
      figures: {
        index_of_1M_seconds: round(indexSeconds),
        change_at_once_ms: round(change.atOnceMs),
        change_later_ms: round(change.laterMs),
        ...Object.fromEntries(Object.entries(peers).map(([name, ms]) => [`${name}, ms`, round(ms)])),
      },
      bars: [
        ...barsOf(small, large),
        { name: 'a change costs more, ms', want: `<= ${bars.changeMs}`, got: round(changeMs), ok: changeMs <= bars.changeMs },
        { name: 'wrong answers', want: '0', got: wrong + wrongAtLarge, ok: wrong + wrongAtLarge === 0 },
      ],
    };
  } finally {
    await database.close();
    await server.stop();
  }
}
