import assert from 'node:assert/strict';
import { sql } from '#platform/database';
import { script } from './hostile-input.ts';
import { fillMailStock, type PathValues, type Surroundings } from './mail-stock.ts';
import { send, type TestEngine } from './test-engine.ts';

/**
 * Real things behind each path with parameters, by the path up to the first of them. Where an endpoint needs a thing in another
 * state, or ends what others stand on, there are values for it alone, by its name.
 */
export type Stock = ReadonlyMap<string, PathValues>;

export const unknownId = '0199a5b0-0000-7000-8000-00000000dead';

/** Fills an engine with a thing of each kind, through its API where it has a way to make one, and as nasty as it may be. */
export async function fillStock(engine: TestEngine, key: string): Promise<Stock> {
  const ask: Surroundings['ask'] = async (method, url, parts = {}) => {
    const answer = await send(engine.server, { ...parts, method, url, headers: { 'x-api-key': key, ...parts.headers } });
    assert.ok(answer.status < 300, `${url}: ${answer.body}`);
    return JSON.parse(answer.body);
  };
  const create: Surroundings['create'] = async (url, payload) => (await ask('POST', url, { payload })).id;
  const article = {
    title: `Moss ${script}`,
    contentType: 'guide',
    language: 'en',
    sections: [{ heading: script, paragraphs: [`Text. ${script}`] }],
  };
  const published = await create('/api/v1/content', article);
  await engine.context.contentManager.publishNow(published, 'test');
  const subscriber = await create('/api/v1/subscribers', { email: 'stock@example.org', name: script, confirmedBy: 'paper form, 2026' });
  const segment = await create('/api/v1/segments', {
    name: script,
    rules: { all: [{ field: 'tags', operator: 'contains_any', value: ['x'] }] },
  });
  // One that subscribers have values of, and one that can be removed.
  await create('/api/v1/custom-fields', { name: 'a', label: script, type: 'text' });
  const form = { slug: 'stock', name: script, title: script, consentStatement: `Send me ${script}`, language: 'en' };
  const apiKey = await create('/api/v1/keys', { name: script, scopes: ['jobs:read'] });
  const ids = {
    '/api/v1/content': await create('/api/v1/content', article),
    '/api/v1/analytics/content': published,
    '/api/v1/subscribers': subscriber,
    '/api/v1/segments': segment,
    '/api/v1/custom-fields': await create('/api/v1/custom-fields', { name: 'unused', label: script, type: 'text' }),
    '/api/v1/forms': await create('/api/v1/forms', form),
    '/api/v1/sources': await create('/api/v1/sources', { url: 'https://example.org/<b>?x=%00' }),
    '/api/v1/generation': await create('/api/v1/generation', { title: script }),
    '/api/v1/keys': apiKey,
    '/api/v1/raw-content': await insertRawContent(engine),
    '/api/v1/jobs': await findJob(engine),
  };
  const stock = new Map<string, PathValues>(Object.entries(ids).map(([path, id]) => [path, { id }]));
  stock.set('/api/v1/content', { id: ids['/api/v1/content'], version: '1' });
  return new Map([...stock, ...(await fillMailStock(engine, { ask, create, articleId: published, segmentId: segment }))]);
}

async function insertRawContent({ t }: TestEngine): Promise<string> {
  const row = await t.database.one<{ id: string }>(
    'test.raw-content',
    sql`insert into raw_content (id, url, canonical_url, title, language, text, word_count, content_hash, fetched_at)
        values (${t.clock.newId()}, 'https://example.org/', 'https://example.org/', ${script}, 'en', ${script}, 1, '\\x00', now()) returning id`,
  );
  return row.id;
}

async function findJob({ t }: TestEngine): Promise<string> {
  return (await t.database.one<{ id: string }>('test.job', sql`select id from pgboss.job where name = 'crawl-target' limit 1`)).id;
}
