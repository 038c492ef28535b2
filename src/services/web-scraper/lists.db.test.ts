import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { sql } from '#platform/database';
import { readPlans, takesAll } from '../../../tests/support/query-plans.ts';
import { createTestContext, type TestContext } from '../../../tests/support/test-context.ts';
import { countAhead, listPages } from './page-store.ts';
import { listRawContent } from './raw-content-store.ts';
import { listTargets } from './target-store.ts';

let t: TestContext;
const targetId = '0199a5b0-0000-7000-8000-000000000001';

before(async () => {
  t = await createTestContext();
  await t.database.execute(
    'test.targets',
    sql`insert into scraper_targets (id, kind, url, created_at)
        select case when number = 1 then ${targetId}::uuid else gen_random_uuid() end, case when number % 100 = 0 then 'feed' else 'page' end,
               'http://host/' || number, timestamptz '2026-01-01' + number * interval '1 minute'
        from generate_series(1, 20000) as number`,
  );
  await t.database.execute(
    'test.pages',
    sql`insert into scraping_jobs (id, target_id, url, host, status, created_at)
        select gen_random_uuid(), case when url like '%7' then ${targetId}::uuid else id end, url || '/page', 'host',
               case when url like '%00' then 'failed' when url like '%0' then 'pending' else 'done' end, created_at
        from scraper_targets`,
  );
  await t.database.execute(
    'test.texts',
    sql`insert into raw_content (id, url, canonical_url, title, language, text, word_count, content_hash, fetched_at)
        select gen_random_uuid(), url, url, 'Title', case when url like '%00' then 'bg' else 'en' end, 'Text', 50,
               sha256(url::bytea), created_at
        from scraper_targets`,
  );
  await t.database.execute('test.analyze', sql`analyze scraper_targets, scraping_jobs, raw_content`);
});
after(() => t.close());

test('a page of a list is read from an index, however many sources, pages and texts there are', async () => {
  const limit = 20;
  const before = { at: new Date('2026-01-08'), id: t.clock.newId() };
  const steps = await readPlans(t.database, async (planner) => {
    for (const filter of [{}, { before }, { kind: 'feed' }, { kind: 'file', before }] as const) {
      await listTargets(planner, { limit, ...filter });
    }
    for (const filter of [{}, { before }, { status: 'failed' }, { status: 'done', before }, { targetId }, { targetId, before }] as const) {
      await listPages(planner, { limit, ...filter });
    }
    for (const filter of [{}, { before }, { language: 'bg' }, { language: 'bg', before }])
      await listRawContent(planner, { limit, ...filter });
  });
  assert.deepEqual(steps.filter(takesAll), []);
});

test('pages of a host that came before are counted, and only those', async () => {
  const [first] = await listPages(t.database, { limit: 1, status: 'pending' });
  assert.ok(first);
  assert.equal(await countAhead(t.database, first), 20_000 / 10 - 20_000 / 100 - 1);
  assert.equal(await countAhead(t.database, { ...first, host: 'elsewhere' }), 0);
});
