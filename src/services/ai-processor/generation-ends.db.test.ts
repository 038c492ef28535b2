import assert from 'node:assert/strict';
import { after, before, beforeEach, test } from 'node:test';
import { type Compute, createCompute } from '#platform/compute';
import { sql } from '#platform/database';
import type { JobContext } from '#platform/jobs';
import { loadPack, type Pack } from '#platform/pack';
import { createTestContext, type TestContext } from '../../../tests/support/test-context.ts';
import { failOrphanedGenerations, generateArticle } from './generation-jobs.ts';
import type { Brief, Draft, RawContent } from './generation-types.ts';
import { type AiProcessor, createAiProcessor } from './index.ts';
import { packFolder, readShrimpPages } from './testing/sample-pages.ts';

/** No provider is set. */
const httpClient = { fetch: () => assert.fail('no other host is asked here') };

let t: TestContext;
let compute: Compute;
let pack: Pack;
let pages: RawContent[];
let service: AiProcessor;
let drafts: Draft[];
let queries: string[];

const asked = (title: string, query = title): Brief => ({
  ...{ title, query, language: 'en', contentType: 'guide', category: null, tags: [], headings: [] },
});

before(async () => {
  t = await createTestContext();
  compute = createCompute({ maxThreads: 1, metrics: t.metrics });
  pack = await loadPack(packFolder);
  pages = await readShrimpPages(t.clock);
  await t.jobs.prepare([generateArticle, failOrphanedGenerations]);
  const { database, jobs, events, clock, logger, metrics } = t;
  service = createAiProcessor({
    ...{ database, jobs, events, clock, logger, metrics, compute, httpClient, pack, knowledge: pack.knowledge, providers: {} },
    searchRawContent: async ({ query }) => {
      queries.push(query);
      return pages;
    },
    createDraft: async (_tx, draft) => {
      drafts.push(draft);
      return { id: t.clock.newId() };
    },
  });
});
after(async () => {
  await compute.close();
  await t.close();
});
beforeEach(async () => {
  drafts = [];
  queries = [];
  await t.database.execute('test.clear', sql`truncate generation_requests, events, pgboss.job cascade`);
});

const newJob = (): JobContext => ({ id: t.clock.newId(), retryCount: 0, signal: new AbortController().signal });
async function runJob(name: string, data: object): Promise<unknown> {
  const registration = service.module.jobs.find(({ definition }) => definition.name === name);
  assert.ok(registration);
  return registration.handler(data, newJob());
}
async function generate(brief: Brief) {
  const { id } = await service.requestGeneration(brief, { actor: 'editor' });
  await runJob(generateArticle.name, { requestId: id, actor: 'editor' });
  return service.getGeneration(id);
}
const eventsOf = (requestId: string) =>
  t.database.query<{ payload: object }>(
    'test.events',
    sql`select payload from events where aggregate_id = ${requestId} order by occurred_at`,
  );

test('a request without a job that could still end it is failed, once; one with a job is left alone', async () => {
  const request = () => service.requestGeneration(asked('shrimp'), { actor: 'editor' });
  const [lost, removed, retried, active] = [await request(), await request(), await request(), await request()];
  const setState = (id: string, state: string) =>
    t.database.execute('test.job-state', sql`update pgboss.job set state = ${state}::pgboss.job_state where data ->> 'requestId' = ${id}`);
  // As the queue leaves a job whose worker died at its last try.
  await setState(lost.id, 'failed');
  await setState(retried.id, 'retry');
  await setState(active.id, 'active');
  await t.database.execute('test.remove-job', sql`delete from pgboss.job where data ->> 'requestId' = ${removed.id}`);

  assert.equal(await runJob(failOrphanedGenerations.name, {}), 2);
  assert.equal(await runJob(failOrphanedGenerations.name, {}), 0);
  for (const { id } of [lost, removed]) {
    const failed = await service.getGeneration(id);
    assert.equal(failed.status, 'failed');
    assert.match(failed.reason ?? '', /without an answer.*Ask for it again/);
    assert.deepEqual(await eventsOf(id), [{ payload: { requestId: id, status: 'failed' } }]);
  }
  for (const { id } of [retried, active]) assert.equal((await service.getGeneration(id)).status, 'queued');
  assert.ok(service.module.schedules.some(({ definition }) => definition === failOrphanedGenerations));

  // Tried again by hand, it is written after all.
  await runJob(generateArticle.name, { requestId: lost.id, actor: 'editor' });
  assert.equal((await service.getGeneration(lost.id)).status, 'written');
});

test('the sources are searched by all names of what is asked, in both spellings', async () => {
  await generate(asked('cherry shrimp', 'cherry shrimp fertilizer'));
  assert.match(queries[0] ?? '', /Neocaridina davidi/);
  assert.match(queries[0] ?? '', /fertiliser/);
});

test('words typed in passing make a title; the request keeps them as they were', async () => {
  const request = await generate(asked('keeping shrimp'));
  assert.equal(request.status, 'written', request.reason ?? '');
  assert.equal(drafts[0]?.title, 'Keeping Shrimp');
  assert.equal(request.brief.title, 'keeping shrimp');
});

test('who is declined learns what is missing, what to add and what would be written', async () => {
  const request = await generate(asked('goldfish pond'));
  assert.equal(request.status, 'declined');
  assert.match(request.reason ?? '', /"goldfish" and "pond" are in none of them\. Add pages about it .*aquascene ingest/);
  assert.match(request.reason ?? '', /prepared topic such as [a-z0-9-]+, [a-z0-9-]+, [a-z0-9-]+\./);
  const related = await generate(asked('how to get rid of green hair algae'));
  assert.match(related.reason ?? '', /such as green-hair-and-black-beard-algae/);
});

test('who asked for everything, or for nothing, is not told to add sources', async () => {
  const request = await generate(asked('!!!'));
  assert.match(request.reason ?? '', /no word that could be looked for\. Ask for one plant, animal, /);
  assert.doesNotMatch(request.reason ?? '', /Add pages/);
});
