import assert from 'node:assert/strict';
import path from 'node:path';
import { parseHTML } from 'linkedom';
import { createCompute } from '#platform/compute';
import { sql } from '#platform/database';
import { loadPack } from '#platform/pack';
import { createTestContext, type TestContext } from '../../../../../tests/support/test-context.ts';
import { createTestServer } from '../../../../../tests/support/test-server.ts';
import { createSite, type Site } from '../index.ts';
import { insertArticle } from './test-articles.ts';
import { createTestStorage } from './test-storage.ts';

export const hostile = `"><script>alert(1)</script><img src=x onerror='alert(2)'>&`;
export const baseUrl = 'https://digest.example';

type Response = {
  readonly statusCode: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  readonly bytes: Buffer;
};

export type TestSite = TestContext & {
  readonly site: Site;
  get(url: string, headers?: Record<string, string>): Promise<Response>;
  /** The page, taken apart. */
  page(url: string, status?: number): Promise<{ response: Response; html: string; document: ReturnType<typeof parseHTML>['document'] }>;
};

/** A site with some published articles, hostile and in another language among them, and one of every other status. */
export async function createTestSite(): Promise<TestSite> {
  const t = await createTestContext();
  const pack = await loadPack(path.resolve(import.meta.dirname, '../../../../../packs/aquascaping'));
  const compute = createCompute({ metrics: t.metrics, maxThreads: 1 });
  const stored = await createTestStorage();
  const config = { baseUrl, title: 'Greenwater <Digest>', tagline: 'Tanks & "plants"', language: 'en' };
  const site = createSite({ ...t, pack, compute, storage: stored.storage, site: config });
  const app = await createTestServer(t, [site.routes], { renderNotFound: site.renderNotFound });
  await t.database.execute('test.categories', sql`insert into content_categories values ('plants', 'Plants', 'All that grows.')`);
  await t.database.execute('test.tags', sql`insert into content_tags values ('moss', 'Mosses'), ('evil', ${hostile})`);
  await insertArticles(t);

  async function get(url: string, headers: Record<string, string> = {}): Promise<Response> {
    const { statusCode, headers: given, body, rawPayload } = await app.inject({ method: 'GET', url, headers });
    const known = Object.entries(given).map(([name, value]) => [name, String(value ?? '')]);
    return { statusCode, headers: Object.fromEntries(known), body, bytes: rawPayload };
  }

  return {
    ...t,
    site,
    get,
    async page(url, status = 200) {
      const response = await get(url);
      assert.equal(response.statusCode, status, url);
      assert.match(response.headers['content-type'] ?? '', /^text\/html/);
      return { response, html: response.body, document: parseHTML(response.body).document };
    },
    async close() {
      await app.close();
      await compute.close();
      await stored.close();
      await t.close();
    },
  };
}

async function insertArticles(t: TestContext): Promise<void> {
  await insertArticle(t, {
    slug: 'hostile',
    title: hostile,
    summary: hostile,
    category: 'plants',
    tags: ['moss', 'evil'],
    sections: [{ heading: hostile, paragraphs: [[{ text: `${hostile} turtles`, citations: [1, 2] }]] }],
    citations: [
      { sourceUrl: 'javascript:alert(3)', sourceTitle: hostile, quote: hostile },
      { sourceUrl: 'https://source.example/a?b="c"&d', sourceTitle: 'A source', quote: 'Verbatim.' },
    ],
    publishedAt: '2026-11-20T10:00:00Z',
  });
  await insertArticle(t, {
    slug: 'bulgarski',
    title: 'Растения за начинаещи',
    summary: 'Кратък преглед.',
    language: 'bg',
    category: 'plants',
    tags: ['moss'],
    sections: [{ heading: 'Светлина', paragraphs: [[{ text: 'Мъхът расте бавно.', citations: [] }]] }],
    publishedAt: '2026-11-19T10:00:00Z',
  });
  await insertArticle(t, { slug: 'by-a-model', writer: 'openai/gpt-x', publishedAt: '2026-11-18T10:00:00Z' });
  // Within one millisecond, so that only their microseconds and ids tell their order.
  for (let index = 0; index < 40; index++) {
    await insertArticle(t, {
      slug: `moss-${index}`,
      tags: ['moss'],
      publishedAt: `2026-11-01T10:00:00.0001${String(index % 7).padStart(2, '0')}Z`,
    });
  }
  for (const status of ['draft', 'in_review', 'approved', 'scheduled', 'archived', 'rejected']) {
    await insertArticle(t, {
      slug: `hidden-${status.replace('_', '-')}`,
      title: `Unseen ${status}`,
      status,
      category: 'plants',
      tags: ['moss'],
      publishedAt: '2026-11-23T10:00:00Z',
    });
  }
}
