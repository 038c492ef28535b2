import assert from 'node:assert/strict';
import path from 'node:path';
import { after, before, beforeEach, test } from 'node:test';
import { type Compute, createCompute } from '#platform/compute';
import { sql } from '#platform/database';
import type { HttpServer } from '#platform/http-server';
import { loadPack, type Pack } from '#platform/pack';
import { createTestContext, type TestContext } from '../../../tests/support/test-context.ts';
import { authorize, createTestServer } from '../../../tests/support/test-server.ts';
import { waitFor } from '../../../tests/support/wait-for.ts';
import { generateArticle } from './generation-jobs.ts';
import { type AiProcessor, type AiProcessorDependencies, createAiProcessor } from './index.ts';

type Outcome = {
  readonly status: string;
  readonly id?: string;
  readonly jobId?: string;
  readonly error?: { readonly code: string; readonly message: string; readonly retryable: boolean };
};
type Topic = { readonly title: string; readonly category?: string; readonly contentType?: string; readonly colour?: string };
type Written = { readonly title: string; readonly batch: string; readonly jobBatch: string };

/** No job that writes with a provider runs here. */
const httpClient = { fetch: () => assert.fail('no other host is asked here') };
const openai = { openaiApiKey: 'sk-test' };

let t: TestContext;
let compute: Compute;
let pack: Pack;
let service: AiProcessor;
let app: HttpServer;
let authorization: string;

function createService(options: Pick<AiProcessorDependencies, 'providers' | 'batchSizes'>): AiProcessor {
  const { database, jobs, events, clock, logger, metrics } = t;
  return createAiProcessor({
    ...{ database, jobs, events, clock, logger, metrics, compute, httpClient, pack, knowledge: pack.knowledge, ...options },
    searchRawContent: async () => [],
    createDraft: () => assert.fail('nothing is gathered that a draft could be made of'),
  });
}

before(async () => {
  t = await createTestContext();
  compute = createCompute({ maxThreads: 1, metrics: t.metrics });
  await t.jobs.prepare([generateArticle]);
  pack = await loadPack(path.resolve(import.meta.dirname, '../../../packs/aquascaping'));
  service = createService({ providers: {}, batchSizes: { default: 3 } });
  app = await createTestServer(t, [service.module.routes]);
  authorization = await authorize(t, 'generation:read', 'generation:write');
  // The database refuses such a title: a fault that no check foresees.
  await t.database.execute('test.trap', sql`alter table generation_requests add constraint no_trap check (brief->>'title' <> 'Trap')`);
});
after(async () => {
  await app.close();
  await compute.close();
  await t.close();
});
beforeEach(async () => {
  await t.database.execute('test.clear', sql`truncate generation_requests`);
  await t.database.execute('test.clear-jobs', sql`delete from pgboss.job where name = ${generateArticle.name}`);
});

const topics = (count: number): Topic[] => Array.from({ length: count }, (_, index) => ({ title: `Topic ${index}` }));

const post = (items: readonly object[], headers = {}) =>
  app.inject({ method: 'POST', url: '/api/v1/generation/batch', headers: { authorization, ...headers }, payload: { items } });

async function ask(items: readonly object[]): Promise<Outcome[]> {
  const response = await post(items);
  assert.equal(response.statusCode, 202, response.body);
  return response.json().items;
}

/** Each request with the transactions that wrote it and its job. */
const readWritten = () =>
  t.database.query<Written>(
    'test.written',
    sql`select brief->>'title' as title, request.xmin::text as batch, job.xmin::text as "jobBatch"
        from generation_requests as request join pgboss.job as job on job.id = request.id and job.name = ${generateArticle.name}
        order by request.created_at, request.id`,
  );

/** How many requests each transaction wrote, largest first. */
async function readBatchSizes(): Promise<number[]> {
  const batches = Object.groupBy(await readWritten(), ({ batch }) => batch);
  return Object.values(batches)
    .map((batch) => batch?.length ?? 0)
    .sort((one, other) => other - one);
}

async function queueWith(options: Parameters<typeof createService>[0], items: readonly Topic[]): Promise<void> {
  const rest = { query: 'moss', language: 'en', contentType: 'guide', category: null, tags: [], headings: [] } as const;
  const asked = items.map(({ title }) => ({ brief: { ...rest, title } }));
  const outcomes = await createService(options).requestGenerations(asked, { actor: 'editor' });
  assert.ok(outcomes.every(({ kind }) => kind === 'done'));
}

test('each topic has an outcome in the order of the list; one that is refused drops no others', async () => {
  const items = topics(5).with(2, { title: 'Of cars', category: 'cars' });
  const outcomes = await ask(items);
  assert.deepEqual(
    outcomes.map(({ status }) => status),
    ['queued', 'queued', 'failed', 'queued', 'queued'],
  );
  const refused = outcomes[2]?.error;
  assert.deepEqual([refused?.code, refused?.retryable], ['invalid_request', false]);
  assert.match(refused?.message ?? '', /\/category must be one of plants/);
  for (const [index, { id, jobId }] of outcomes.entries()) {
    if (id === undefined || jobId === undefined) continue;
    assert.equal((await service.getGeneration(id)).brief.title, `Topic ${index}`);
    assert.deepEqual((await t.jobs.find(jobId)).data, { requestId: id, actor: 'key:tests' });
  }
  // What is refused takes no place in a batch.
  assert.deepEqual(await readBatchSizes(), [3, 1]);
  const { n } = await t.database.one<{ n: number }>(
    'test.audit',
    sql`select count(*) as n from audit_log where action = 'generation.requested' and subject in (select id::text from generation_requests)`,
  );
  assert.equal(n, 4);
});

test('a batch is one transaction: requests and jobs together', async () => {
  await ask(topics(7));
  const written = await readWritten();
  assert.equal(written.length, 7);
  for (const { batch, jobBatch } of written) assert.equal(jobBatch, batch);
  assert.deepEqual(await readBatchSizes(), [3, 3, 1]);
});

test('what the database refuses spoils only itself, and its words are not for the caller', async () => {
  const outcomes = await ask(topics(3).with(1, { title: 'Trap' }));
  assert.deepEqual(
    outcomes.map(({ status, error }) => error?.code ?? status),
    ['queued', 'generation_not_queued', 'queued'],
  );
  assert.doesNotMatch(JSON.stringify(outcomes), /no_trap|constraint/);
  assert.deepEqual(
    (await readWritten()).map(({ title }) => title),
    ['Topic 0', 'Topic 2'],
  );
  assert.deepEqual(await readBatchSizes(), [1, 1]);
});

test('without a database no batch after the first ones is tried, and all may be asked for again', async () => {
  await t.database.execute('test.attempts', sql`create sequence attempts`);
  await t.database.execute(
    'test.full',
    sql`create function fill_disk() returns trigger language plpgsql as $$
        begin
          perform nextval('attempts');
          raise exception 'no space left on device' using errcode = '53100';
        end $$`,
  );
  await t.database.execute(
    'test.full-trigger',
    sql`create trigger full_disk before insert on generation_requests for each row execute function fill_disk()`,
  );
  try {
    const outcomes = await ask(topics(30));
    assert.ok(outcomes.every(({ error }) => error?.code === 'database_full' && error.retryable));
    const { attempts } = await t.database.one<{ attempts: number }>('test.tried', sql`select last_value::int as attempts from attempts`);
    // As many as run at once.
    assert.ok(attempts <= 2, `${attempts} attempts`);
  } finally {
    await t.database.execute('test.empty', sql`drop trigger full_disk on generation_requests`);
  }
  assert.equal((await ask(topics(1)))[0]?.status, 'queued');
});

test('kinds of content have batches of their own', async () => {
  const items = topics(4).map((topic, index) => ({ ...topic, contentType: index % 2 === 0 ? 'guide' : 'list' }));
  await ask(items);
  const batches = Object.groupBy(await readWritten(), ({ batch }) => batch);
  assert.deepEqual(
    Object.values(batches)
      .map((batch) => (batch ?? []).map(({ title }) => title).join())
      .sort(),
    ['Topic 0,Topic 2', 'Topic 1,Topic 3'],
  );
});

test('the sizes are those of the configuration, for the provider that is asked first', async () => {
  const batchSizes = { openai: 5, extractive: 4, default: 2 };
  const cases = [
    [openai, batchSizes, [5, 2]],
    [{}, batchSizes, [4, 3]],
    [{ anthropicApiKey: 'sk-test' }, batchSizes, [2, 2, 2, 1]],
    [{ ...openai, anthropicApiKey: 'sk-test', model: 'anthropic/some-model' }, batchSizes, [2, 2, 2, 1]],
    [openai, { anthropic: 9 }, [3, 3, 1]],
  ] as const;
  for (const [providers, sizes, expected] of cases) {
    await t.database.execute('test.clear', sql`truncate generation_requests`);
    await queueWith({ providers, batchSizes: sizes }, topics(7));
    assert.deepEqual(await readBatchSizes(), expected, JSON.stringify({ providers, sizes }));
  }
});

test('a hundred topics are taken, one more or none are refused', async () => {
  const outcomes = await ask(topics(100));
  assert.equal(new Set(outcomes.map(({ id }) => id)).size, 100);
  assert.equal((await readWritten()).length, 100);
  for (const items of [[], topics(101)]) {
    const response = await post(items);
    assert.equal(response.statusCode, 400);
    assert.equal(response.json().fields[0].path, '/items');
  }
  assert.equal((await readWritten()).length, 100);
});

test('a fault of shape is named with its place in the list, and nothing is queued', async () => {
  const response = await post(topics(3).with(1, { title: ' ', colour: 'red' }));
  assert.equal(response.statusCode, 400);
  const paths = response.json().fields.map((field: { path: string }) => field.path);
  assert.ok(paths.includes('/items/1/title') && paths.includes('/items/1/colour'), JSON.stringify(paths));
  assert.deepEqual(await readWritten(), []);
});

test('the same Idempotency-Key asks once', async () => {
  const key = { 'idempotency-key': 'list-1' };
  const first = await post(topics(4), key);
  const second = await post(topics(4), key);
  assert.equal(second.body, first.body);
  assert.equal(second.statusCode, 202);
  assert.equal((await readWritten()).length, 4);
});

test('who hangs up leaves the list whole: all of it is queued, and the same Idempotency-Key answers with it', async () => {
  const address = await app.listen({ host: '127.0.0.1', port: 0 });
  const headers = { authorization, 'content-type': 'application/json', 'idempotency-key': 'hung-up' };
  const caller = new AbortController();
  await t.database.transaction(async (tx) => {
    await tx.execute('test.hold', sql`lock table generation_requests in share mode`);
    const body = JSON.stringify({ items: topics(7) });
    const answer = assert.rejects(fetch(`${address}/api/v1/generation/batch`, { method: 'POST', headers, body, signal: caller.signal }));
    await waitFor('the first batch', () =>
      t.database.maybeOne('test.held', sql`select from pg_locks where relation = 'generation_requests'::regclass and not granted limit 1`),
    );
    caller.abort();
    await answer;
    await waitFor('the server to notice', async () => (await countConnections()) === 0);
  });
  const replayed = await waitFor('the answer', async () => {
    const response = await post(topics(7), { 'idempotency-key': 'hung-up' });
    return response.statusCode === 202 && response;
  });
  assert.equal(replayed.headers['idempotency-replayed'], 'true');
  assert.deepEqual(await readBatchSizes(), [3, 3, 1]);
});

const countConnections = () =>
  new Promise<number>((resolve, reject) =>
    app.server.getConnections((error, count) => {
      if (error === null) resolve(count);
      else reject(error);
    }),
  );

test('a key that was used before is answered with its first request, and asks for nothing more', async () => {
  const brief = { query: 'moss', language: 'en', contentType: 'guide', category: null, tags: [], headings: [] } as const;
  const asked = ['a', 'b', 'a'].map((key, index) => ({ key, brief: { ...brief, title: `Topic ${index}` } }));
  const titles = async () =>
    (await service.requestGenerations(asked, { actor: 'sample' })).map((one) => one.kind === 'done' && one.value.brief.title);
  assert.deepEqual(await titles(), ['Topic 0', 'Topic 1', 'Topic 0']);
  assert.deepEqual(await titles(), ['Topic 0', 'Topic 1', 'Topic 0']);
  assert.equal((await readWritten()).length, 2);
});

// Last: from here on the workers take every request.
test('a topic can be followed to its end', async () => {
  await t.jobs.work(service.module.jobs);
  const [, { id, jobId } = {}] = await ask(topics(2));
  assert.ok(jobId !== undefined);
  await waitFor('the end of the job', async () => (await t.jobs.find(jobId)).state === 'completed');
  const { status, reason } = (await app.inject({ url: `/api/v1/generation/${id}`, headers: { authorization } })).json();
  assert.equal(status, 'declined');
  assert.match(reason, /\w/);
});
