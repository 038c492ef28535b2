import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { sql } from '#platform/database';
import type { HttpServer } from '#platform/http-server';
import { createTestContext, type TestContext } from '../../../tests/support/test-context.ts';
import { authorize, createTestServer } from '../../../tests/support/test-server.ts';
import type { RawContent } from './scraper-types.ts';
import { articleAbout, createTestScraper, type TestScraper } from './testing/test-site.ts';

describe('sources and texts', () => {
  let t: TestContext;
  let scraper: TestScraper;
  let server: HttpServer;
  let authorization: string;
  let folder: string;

  before(async () => {
    t = await createTestContext();
    scraper = await createTestScraper(t);
    server = await createTestServer(t, [scraper.module.routes]);
    authorization = await authorize(t, 'sources:read', 'sources:write');
    folder = await mkdtemp(path.join(os.tmpdir(), 'aquascene-ingest-'));
  });
  after(async () => {
    await rm(folder, { recursive: true });
    await server.close();
    await scraper.close();
    await t.close();
  });

  const call = (method: 'GET' | 'POST' | 'DELETE', url: string, payload?: object) =>
    server.inject({ method, url, headers: { authorization }, ...(payload !== undefined && { payload }) });

  describe('files', () => {
    test('a folder is read at once, with the folders in it; what is no HTML and links are passed over', async () => {
      const pages = path.join(folder, 'pages');
      await mkdir(path.join(pages, 'deeper'), { recursive: true });
      await writeFile(
        path.join(pages, 'fern.html'),
        articleAbout('lace fern', '<link rel="canonical" href="https://example.com/lace-fern">'),
      );
      await writeFile(path.join(pages, 'deeper', 'MOSS.HTM'), articleAbout('flame moss'));
      await writeFile(path.join(pages, 'short.html'), '<p>nothing much</p>');
      await writeFile(path.join(pages, 'notes.txt'), 'no page');
      await symlink(pages, path.join(pages, 'round-and-round'));
      const outcome = await scraper.ingest(pages);
      assert.equal(outcome.kind, 'accepted');
      const targetIds = outcome.kind === 'accepted' ? outcome.targetIds : [];
      assert.deepEqual((await scraper.listPagesOf(targetIds)).map(({ url, status }) => [path.basename(url), status]).sort(), [
        ['MOSS.HTM', 'done'],
        ['fern.html', 'done'],
        ['short.html', 'skipped'],
      ]);
      assert.deepEqual(await scraper.crawlStatus(targetIds), { pending: 0, done: 2, failed: 0, skipped: 1, targetsToCrawl: 0 });
      const [fern] = await scraper.searchRawContent({ query: 'lace', language: 'en', limit: 5 });
      assert.equal(fern?.canonicalUrl, 'https://example.com/lace-fern');
      assert.equal(fern?.url, pathToFileURL(path.join(pages, 'fern.html')).href);
      const again = await scraper.ingest(pages);
      assert.deepEqual(again, outcome, 'the same files are the same targets');
      assert.equal(await scraper.countGathered(), 2);
    });

    test('a saved page is taken for what it was on the web', async () => {
      const file = path.join(folder, 'saved.html');
      await writeFile(file, `<!-- saved from url=(0034)https://example.org/guides/anubias -->\n${articleAbout('coffee leaf anubias')}`);
      await scraper.ingest(file);
      const [saved] = await scraper.searchRawContent({ query: 'coffee', language: 'en', limit: 1 });
      assert.equal(saved?.canonicalUrl, 'https://example.org/guides/anubias');
    });

    test('what cannot be gathered is refused, naming what is accepted', async () => {
      const text = path.join(folder, 'notes.txt');
      const empty = path.join(folder, 'empty');
      await writeFile(text, 'no page');
      await mkdir(empty);
      for (const source of [
        text,
        empty,
        path.join(folder, 'missing.html'),
        'ftp://example.com/x',
        'mailto:a@b.c',
        'http://',
        'example.com',
        '',
        'a\u0000b.html',
        'x'.repeat(10_000),
      ]) {
        const outcome = await scraper.ingest(source);
        assert.equal(outcome.kind, 'refused', source.slice(0, 50));
        assert.match(outcome.kind === 'refused' ? outcome.reason : '', /Accepted are http:\/\/ and https:\/\//);
      }
    });
  });

  describe('search', () => {
    const texts = [
      ['en', 'CO2 injection', 'A regulator and a drop checker keep the carbon dioxide of a planted tank steady, and the plants pearl.'],
      [
        'en',
        'Trimming stems',
        'Stems are trimmed low. CO2 is mentioned once here, and scissors, tops and side shoots are mentioned more often.',
      ],
      ['en', 'Shrimp', 'Shrimps graze on moss; they\u2019re peaceful, and O\u2019Neill\\s notes say so: it\u2019s true.'],
      ['bg', 'Водни растения', 'Растенията правят аквариума жив и дават укритие на рибите.'],
      ['de', 'Pflanzen', 'Die Pflanzen wachsen schneller mit Kohlendioxid und Licht.'],
    ] as const;
    const titles = (found: readonly RawContent[]) => found.map(({ title }) => title);

    before(async () => {
      for (const [language, title, text] of texts) {
        const id = t.clock.newId();
        await t.database.execute(
          'test.text',
          sql`insert into raw_content (id, url, canonical_url, title, language, text, word_count, content_hash, fetched_at)
              values (${id}, ${`https://example.com/${id}`}, ${`https://example.com/${id}`}, ${title}, ${language}, ${text}, 20,
                      ${Buffer.from(id)}, ${new Date(t.clock.now().getTime() - 24 * 3600_000)})`,
        );
      }
    });

    test('any of the words finds a text, words in the title count most, inflected forms are one word', async () => {
      assert.deepEqual(titles(await scraper.searchRawContent({ query: 'co2 regulators', language: 'en', limit: 5 })), [
        'CO2 injection',
        'Trimming stems',
      ]);
      assert.deepEqual(titles(await scraper.searchRawContent({ query: 'stem trim', language: 'en', limit: 1 })), ['Trimming stems']);
      assert.deepEqual(titles(await scraper.searchRawContent({ query: 'pflanze wachsend', language: 'de', limit: 5 })), ['Pflanzen']);
    });

    test('only texts of the language are found; without one, all', async () => {
      assert.deepEqual(titles(await scraper.searchRawContent({ query: 'растенията рибите', language: 'bg', limit: 5 })), [
        'Водни растения',
      ]);
      assert.deepEqual(titles(await scraper.searchRawContent({ query: 'растенията', language: 'en', limit: 5 })), []);
      assert.deepEqual(titles(await scraper.searchRawContent({ query: 'растенията pflanzen shrimp', limit: 5 })).sort(), [
        'Pflanzen',
        'Shrimp',
        'Водни растения',
      ]);
    });

    test('quotes, operators and backslashes in a query are words like any other', async () => {
      assert.deepEqual(titles(await scraper.searchRawContent({ query: "shrimp' | !& \\ <-> (:* %", language: 'en', limit: 1 })), [
        'Shrimp',
      ]);
      for (const query of ['', '   ', "'", '\\', ':*', '& | !', 'the of and']) {
        assert.deepEqual(await scraper.searchRawContent({ query, language: 'en', limit: 5 }), [], query);
      }
    });

    test('the index answers the search', async () => {
      await t.database.transaction(async (tx) => {
        await tx.execute('test.no-scan', sql`set local enable_seqscan = off`);
        const plan = await tx.query<{ 'QUERY PLAN': string }>(
          'test.plan',
          sql`explain select id from raw_content where document @@ 'co2'::tsquery`,
        );
        assert.match(plan.map((row) => row['QUERY PLAN']).join('\n'), /raw_content_document/);
      });
    });
  });

  describe('routes', () => {
    test('a source is added once, shown with its pages, crawled again and deleted', async () => {
      const added = await call('POST', '/api/v1/sources', { url: 'https://example.com/feed.xml#top', kind: 'feed' });
      assert.equal(added.statusCode, 201, added.body);
      const source = added.json();
      assert.equal(source.url, 'https://example.com/feed.xml');
      assert.equal((await call('POST', '/api/v1/sources', { url: 'https://EXAMPLE.com/feed.xml' })).json().id, source.id);
      const shown = await call('GET', `/api/v1/sources/${source.id}`);
      assert.deepEqual(shown.json().pages, { pending: 0, done: 0, failed: 0, skipped: 0 });
      const again = await call('POST', `/api/v1/sources/${source.id}/crawl`);
      assert.deepEqual([again.statusCode, again.json().status], [202, 'queued']);
      assert.equal(again.headers.location, `/api/v1/jobs/${again.json().jobId}`);
      assert.equal((await call('DELETE', `/api/v1/sources/${source.id}`)).statusCode, 204);
      assert.equal((await call('GET', `/api/v1/sources/${source.id}`)).statusCode, 404);
      assert.equal((await call('DELETE', `/api/v1/sources/${source.id}`)).statusCode, 404);
      assert.equal((await call('POST', `/api/v1/sources/${source.id}/crawl`)).statusCode, 404);
    });

    test('a bad body names each field', async () => {
      for (const url of [
        '',
        'ftp://example.com',
        'javascript:alert(1)',
        'no address',
        'http://exa\u0000mple.com/',
        `https://example.com/${'x'.repeat(3000)}`,
      ]) {
        const response = await call('POST', '/api/v1/sources', { url });
        assert.ok([400, 422].includes(response.statusCode), `${url.slice(0, 30)} ${response.body}`);
        assert.equal(response.json().fields[0].path, '/url');
      }
      const unknown = await call('POST', '/api/v1/sources', { url: 'https://example.com/', kind: 'file', colour: 'red' });
      assert.deepEqual([...new Set(unknown.json().fields.map((field: { path: string }) => field.path))].sort(), ['/colour', '/kind']);
      assert.equal((await call('GET', '/api/v1/sources/nonsense')).statusCode, 400);
    });

    test('markup in an address is stored as an address', async () => {
      const response = await call('POST', '/api/v1/sources', {
        url: "https://example.com/<script>alert('x')</script>?q=';drop table subscribers;--",
      });
      assert.equal(response.statusCode, 201);
      assert.equal(response.json().url, "https://example.com/%3Cscript%3Ealert('x')%3C/script%3E?q=%27;drop%20table%20subscribers;--");
    });

    test('lists are read page by page, pages by status, texts by language', async () => {
      const first = await call('GET', '/api/v1/raw-content?limit=2');
      assert.equal(first.json().items.length, 2);
      const seen = new Set<string>(first.json().items.map(({ id }: { id: string }) => id));
      for (let cursor = first.json().nextCursor; cursor !== null; ) {
        const next = (await call('GET', `/api/v1/raw-content?limit=2&cursor=${cursor}`)).json();
        for (const { id } of next.items) assert.ok(!seen.has(id) && seen.add(id));
        cursor = next.nextCursor;
      }
      assert.equal(seen.size, await scraper.countGathered());
      const bulgarian = (await call('GET', '/api/v1/raw-content?language=bg')).json();
      assert.deepEqual(
        bulgarian.items.map(({ title }: { title: string }) => title),
        ['Водни растения'],
      );
      const whole = await call('GET', `/api/v1/raw-content/${bulgarian.items[0].id}`);
      assert.match(whole.json().text, /^Растенията правят/);
      const skipped = (await call('GET', '/api/v1/sources/pages?status=skipped')).json();
      assert.match(skipped.items[0].reason, /needs at least 40/);
      assert.equal((await call('GET', '/api/v1/sources?limit=1')).json().items.length, 1);
      assert.equal((await call('GET', '/api/v1/sources/pages?cursor=x')).statusCode, 422);
      assert.equal((await call('GET', `/api/v1/raw-content/${t.clock.newId()}`)).statusCode, 404);
      assert.equal((await server.inject('/api/v1/sources')).statusCode, 401);
    });
  });
});
