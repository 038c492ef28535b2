import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { sql } from '#platform/database';
import { createJobs, type Jobs } from '#platform/jobs';
import { createTestContext, type TestContext } from '../../../tests/support/test-context.ts';
import { waitFor } from '../../../tests/support/wait-for.ts';
import { articleAbout, createTestScraper, createTestSite, type TestScraper, type TestSite, testUserAgent } from './testing/test-site.ts';

const xml = (body: string) => ({ headers: { 'content-type': 'application/xml' }, body });
const sitemapOf = (urls: readonly string[]) =>
  xml(
    `<?xml version="1.0"?><urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">${urls.map((url) => `<url><loc>${url}</loc></url>`).join('')}</urlset>`,
  );

describe('crawling', () => {
  let t: TestContext;
  let scraper: TestScraper;
  /** Another process at the same database, as far as crawling can tell. */
  let second: { readonly jobs: Jobs; readonly scraper: TestScraper };
  const sites: TestSite[] = [];
  const site = async (name?: string) => {
    const made = await createTestSite(name);
    sites.push(made);
    return made;
  };
  const crawl = async (url: string, kind?: 'page' | 'feed' | 'sitemap') => {
    const target = await scraper.addTarget(url, kind);
    return { target, pages: await scraper.settle([target.id]) };
  };

  before(async () => {
    t = await createTestContext();
    scraper = await createTestScraper(t);
    await t.jobs.work(scraper.module.jobs);
    const jobs = await createJobs({ database: t.database, isSupervisor: false, logger: t.logger, metrics: t.metrics });
    second = { jobs, scraper: await createTestScraper({ ...t, jobs }) };
    await jobs.work(second.scraper.module.jobs);
  });
  after(async () => {
    for (const each of sites) await each.close();
    await Promise.all([t.jobs.stop(5000), second.jobs.stop(5000)]);
    await Promise.all([scraper.close(), second.scraper.close()]);
    await t.close();
  });

  test('a page is read, kept with what it says of itself, and announced in the same transaction', async () => {
    const s = await site();
    s.set(
      '/java-fern',
      articleAbout('java fern', '<meta name="author" content="Ann Lee"><meta property="article:published_time" content="2026-03-04">'),
    );
    const { pages } = await crawl(`${s.origin}/java-fern`);
    assert.deepEqual(pages, [{ url: `${s.origin}/java-fern`, status: 'done', reason: null }]);
    const [content] = await scraper.searchRawContent({ query: 'java fern', language: 'en', limit: 1 });
    assert.ok(content);
    assert.equal(content.title, 'All about java fern');
    assert.equal(content.author, 'Ann Lee');
    assert.equal(content.publishedAt?.toISOString(), '2026-03-04T00:00:00.000Z');
    assert.equal(content.language, 'en');
    assert.match(content.text, /^Sentence 1 about java fern/);
    assert.deepEqual(await scraper.getRawContent(content.id), content);
    const events = await t.database.query(
      'test.events',
      sql<{ payload: object }>`select payload from events where type = 'page.gathered' and aggregate_id = ${content.id}`,
    );
    assert.deepEqual(events, [{ payload: { rawContentId: content.id, url: content.url, language: 'en' } }]);
    assert.deepEqual(
      s.requests.map(({ path, userAgent }) => [path, userAgent]),
      [
        ['/robots.txt', testUserAgent],
        ['/java-fern', testUserAgent],
      ],
    );
  });

  test('requests to one host keep its crawl delay, one at a time, whichever targets and processes ask', async () => {
    const s = await site();
    s.set('/robots.txt', { headers: { 'content-type': 'text/plain' }, body: 'User-agent: *\nCrawl-delay: 0.2' });
    const paths = Array.from({ length: 8 }, (_, index) => `/page-${index}`);
    for (const path of paths) s.set(path, articleAbout(`plant ${path}`));
    s.set('/one.xml', sitemapOf(paths.slice(0, 4).map((path) => s.origin + path)));
    s.set('/two.xml', sitemapOf(paths.slice(4).map((path) => s.origin + path)));
    const targets = [await scraper.addTarget(`${s.origin}/one.xml`, 'sitemap'), await scraper.addTarget(`${s.origin}/two.xml`, 'sitemap')];
    const pages = await scraper.settle(targets.map(({ id }) => id));
    assert.ok(
      pages.every(({ status }) => status === 'done'),
      JSON.stringify(pages),
    );
    assert.equal(s.requests.length, 11, 'robots.txt, two sitemaps and eight pages, each once');
    assert.equal(s.mostAtOnce(), 1);
    const gaps = s.requests.slice(1).map(({ atMs }, index) => atMs - (s.requests[index]?.atMs ?? 0));
    assert.ok(Math.min(...gaps) >= 199, `the shortest pause was ${Math.min(...gaps)} ms`);
  });

  test('a host that a dead worker holds is free again when its lease ends', async () => {
    const s = await site();
    s.set('/held', articleAbout('held plants'));
    const heldAtMs = performance.now();
    await t.database.execute(
      'test.hold',
      sql`insert into crawl_hosts (origin, busy_until) values (${s.origin}, clock_timestamp() + interval '400 milliseconds')`,
    );
    assert.equal((await crawl(`${s.origin}/held`)).pages[0]?.status, 'done');
    assert.ok((s.requests[0]?.atMs ?? 0) - heldAtMs >= 399);
  });

  test('robots.txt is kept for a day', async () => {
    const s = await site();
    const countRobots = () => s.requests.filter(({ path }) => path === '/robots.txt').length;
    for (const path of ['/a', '/b', '/c']) s.set(path, articleAbout(`daily plants ${path}`));
    await crawl(`${s.origin}/a`);
    await crawl(`${s.origin}/b`);
    assert.equal(countRobots(), 1);
    await t.database.execute(
      'test.age',
      sql`update crawl_hosts set robots_fetched_at = now() - interval '25 hours' where origin = ${s.origin}`,
    );
    s.set('/robots.txt', { body: 'User-agent: *\nDisallow: /c\nCrawl-delay: 0' });
    assert.equal((await crawl(`${s.origin}/c`)).pages[0]?.status, 'skipped');
    assert.equal(countRobots(), 2);
  });

  test('what robots.txt disallows is skipped with the reason and never asked for', async () => {
    const s = await site();
    s.set('/robots.txt', { body: 'User-agent: AquaSceneBot\nDisallow: /private/\nCrawl-delay: 0\n\nUser-agent: *\nDisallow: /' });
    s.set('/private/notes', articleAbout('secret moss'));
    s.set('/open', articleAbout('open moss'));
    s.set('/map.xml', sitemapOf([`${s.origin}/private/notes`, `${s.origin}/open`]));
    const { pages } = await crawl(`${s.origin}/map.xml`);
    const byUrl = new Map(pages.map((page) => [page.url, page]));
    assert.equal(byUrl.get(`${s.origin}/open`)?.status, 'done');
    assert.equal(byUrl.get(`${s.origin}/private/notes`)?.status, 'skipped');
    assert.match(byUrl.get(`${s.origin}/private/notes`)?.reason ?? '', /robots\.txt .* does not allow \/private\/notes/);
    assert.ok(!s.requests.some(({ path }) => path === '/private/notes'));
  });

  test('without a robots.txt everything is allowed; one that cannot be read allows nothing, and is asked for again', async () => {
    const without = await site();
    without.set('/robots.txt', { status: 404 });
    without.set('/a', articleAbout('red plants'));
    assert.equal((await crawl(`${without.origin}/a`)).pages[0]?.status, 'done');

    const broken = await site();
    let asked = 0;
    broken.set('/robots.txt', () => ({ status: (asked += 1) < 2 ? 503 : 404 }));
    broken.set('/a', articleAbout('green plants'));
    assert.equal((await crawl(`${broken.origin}/a`)).pages[0]?.status, 'done');
    assert.ok(asked >= 2);

    const dead = await site();
    dead.set('/robots.txt', { status: 500 });
    dead.set('/a', articleAbout('no plants'));
    const { pages } = await crawl(`${dead.origin}/a`);
    assert.equal(pages[0]?.status, 'failed');
    assert.match(pages[0]?.reason ?? '', /robots\.txt .*HTTP 500/);
    assert.ok(!dead.requests.some(({ path }) => path === '/a'));
  });

  test('a redirect to another host is followed only as far as that host allows', async () => {
    const from = await site('from');
    const to = await site('to');
    to.set('/robots.txt', { body: 'User-agent: *\nDisallow: /closed\nCrawl-delay: 0' });
    to.set('/open', articleAbout('redirected plants'));
    to.set('/closed', articleAbout('closed plants'));
    from.set('/to-open', { status: 302, headers: { location: `${to.origin}/open` } });
    from.set('/to-closed', { status: 301, headers: { location: `${to.origin}/closed` } });
    const open = await crawl(`${from.origin}/to-open`);
    assert.equal(open.pages[0]?.status, 'done');
    const closed = await crawl(`${from.origin}/to-closed`);
    assert.equal(closed.pages[0]?.status, 'skipped');
    assert.match(closed.pages[0]?.reason ?? '', /does not allow \/closed/);
    assert.ok(!to.requests.some(({ path }) => path === '/closed'));
    const [content] = await scraper.searchRawContent({ query: 'redirected', language: 'en', limit: 1 });
    assert.equal(content?.url, `${to.origin}/open`);
  });

  test('each failure is recorded with its reason, and the rest goes on', async () => {
    const s = await site();
    const paths = ['/gone', '/image', '/circle', '/huge', '/empty', '/good', '/flaky', '/broken', '/cut'];
    s.set('/map.xml', sitemapOf(paths.map((path) => s.origin + path)));
    s.set('/gone', { status: 410 });
    s.set('/image', { headers: { 'content-type': 'image/png' }, body: Buffer.from([0x89, 0x50, 0x4e, 0x47, 1, 2, 3]) });
    s.set('/circle', { status: 302, headers: { location: '/circle' } });
    s.set('/huge', (_request, response) => {
      response.writeHead(200, { 'content-type': 'text/html', 'content-length': String(50 * 1024 * 1024) });
      response.write('<p>much');
      return undefined;
    });
    s.set('/empty', '<p>too little to read</p>');
    s.set('/good', articleAbout('good snails'));
    let flaky = 0;
    s.set('/flaky', () => ((flaky += 1) === 1 ? { status: 503, headers: { 'retry-after': '1' } } : articleAbout('flaky snails')));
    s.set('/broken', { status: 500 });
    s.set('/cut', (_request, response) => {
      response.writeHead(200, { 'content-type': 'text/html' });
      response.write('<p>half');
      setImmediate(() => response.destroy());
      return undefined;
    });
    const { pages } = await crawl(`${s.origin}/map.xml`);
    const outcome = new Map(pages.map(({ url, status, reason }) => [url.slice(s.origin.length), `${status}: ${reason ?? ''}`]));
    assert.match(outcome.get('/gone') ?? '', /^failed: .*HTTP 410/);
    assert.match(outcome.get('/image') ?? '', /^failed: .*image\/png/);
    assert.match(outcome.get('/circle') ?? '', /^failed: .*circle/);
    assert.match(outcome.get('/huge') ?? '', /^failed: /);
    assert.match(outcome.get('/empty') ?? '', /^skipped: .*words/);
    assert.equal(outcome.get('/good'), 'done: ');
    assert.equal(outcome.get('/flaky'), 'done: ');
    assert.match(outcome.get('/broken') ?? '', /^failed: .*HTTP 500.*Tried 3 times/);
    assert.match(outcome.get('/cut') ?? '', /^failed: .*Tried 3 times/);
    assert.equal(s.requests.filter(({ path }) => path === '/gone').length, 1, 'what is gone is asked for once');
    assert.equal(s.requests.filter(({ path }) => path === '/broken').length, 3);
  });

  test('hosts that do not exist and private addresses fail at once', async () => {
    const { pages: unknown } = await crawl('http://no-such-host.invalid/a');
    assert.equal(unknown[0]?.status, 'failed');
    const { pages: refused } = await crawl('http://127.0.0.1:9/admin');
    assert.equal(refused[0]?.status, 'failed');
    assert.match(refused[0]?.reason ?? '', /127\.0\.0\.1/);
  });

  test('an address without a kind is told from what it answers: feed, sitemap index with a packed sitemap, page', async () => {
    const s = await site();
    s.set('/news', {
      headers: { 'content-type': 'application/rss+xml' },
      body: `<?xml version="1.0"?><rss version="2.0"><channel><title>News</title><link>${s.origin}</link><description>d</description>
        <item><title>One</title><link>${s.origin}/one?utm_source=rss</link></item></channel></rss>`,
    });
    s.set(
      '/index.xml',
      xml(
        `<sitemapindex xmlns="http://www.sitemaps.org/schemas/sitemap/0.9"><sitemap><loc>${s.origin}/part.xml.gz</loc></sitemap></sitemapindex>`,
      ),
    );
    s.set('/part.xml.gz', { headers: { 'content-type': 'application/gzip' }, body: gzipSync(sitemapOf([`${s.origin}/two`]).body) });
    s.set('/one', articleAbout('pearl weed'));
    s.set('/two', articleAbout('water lettuce'));
    const feed = await crawl(`${s.origin}/news`);
    assert.deepEqual(
      feed.pages.map(({ url, status }) => [url.slice(s.origin.length), status]),
      [
        ['/news', 'done'],
        ['/one', 'done'],
      ],
    );
    const map = await crawl(`${s.origin}/index.xml`);
    assert.deepEqual(
      map.pages.map(({ url, status }) => [url.slice(s.origin.length), status]),
      [
        ['/index.xml', 'done'],
        ['/part.xml.gz', 'done'],
        ['/two', 'done'],
      ],
    );
    const kinds = await t.database.query(
      'test.kinds',
      sql<{ kind: string }>`select kind from scraper_targets where url like ${`${s.origin}%`} order by created_at`,
    );
    assert.deepEqual(kinds, [{ kind: 'feed' }, { kind: 'sitemap' }]);

    s.set('/page', articleAbout('misnamed plants'));
    const wrong = await crawl(`${s.origin}/page`, 'feed');
    assert.match(wrong.pages[0]?.reason ?? '', /answers with a web page; a feed was expected/);
  });

  test('the same text at another address, and a copy that names the original, are kept once', async () => {
    const s = await site();
    s.set('/original', articleAbout('bucephalandra'));
    s.set('/copy', articleAbout('bucephalandra'));
    s.set(
      '/print',
      articleAbout('bucephalandra', `<link rel="canonical" href="${s.origin}/original">`).replace('Sentence 6', 'The last sentence'),
    );
    const other = articleAbout('duckweed', `<link rel="canonical" href="${s.origin}/original">`);
    s.set('/other', other.replace(/needs light[^.]*/g, 'floats on the surface of still ponds and feeds small fish all summer'));
    await crawl(`${s.origin}/original`);
    for (const path of ['/copy', '/print', '/other']) assert.equal((await crawl(s.origin + path)).pages[0]?.status, 'done');
    const rows = await t.database.query(
      'test.raw-content',
      sql<{ url: string; duplicateUrls: string[] }>`
        select url, duplicate_urls as "duplicateUrls" from raw_content where url like ${`${s.origin}%`} order by fetched_at`,
    );
    assert.deepEqual(rows, [
      { url: `${s.origin}/original`, duplicateUrls: [`${s.origin}/copy`, `${s.origin}/print`] },
      { url: `${s.origin}/other`, duplicateUrls: [] },
    ]);
  });

  test('a job that runs twice, also at once, keeps its page once', async () => {
    const s = await site();
    s.set('/twice', articleAbout('twice grown moss'));
    const { target } = await crawl(`${s.origin}/twice`);
    const page = await t.database.one<{ id: string }>('test.page', sql`select id from scraping_jobs where target_id = ${target.id}`);
    await t.database.execute('test.reopen', sql`update scraping_jobs set status = 'pending' where id = ${page.id}`);
    const handler = scraper.module.jobs.find(({ definition }) => definition.name === 'crawl-page')?.handler;
    assert.ok(handler);
    const context = { id: 'again', retryCount: 1, signal: new AbortController().signal };
    await Promise.all([handler({ pageId: page.id }, context), handler({ pageId: page.id }, context)]);
    await scraper.settle([target.id]);
    await handler({ pageId: page.id }, context);
    const rows = await t.database.query(
      'test.count',
      sql<{ duplicateUrls: string[] }>`select duplicate_urls as "duplicateUrls" from raw_content where url = ${`${s.origin}/twice`}`,
    );
    assert.deepEqual(rows, [{ duplicateUrls: [] }]);
    const events = await t.database.query(
      'test.events',
      sql<object>`select 1 from events where type = 'page.gathered' and payload ->> 'url' = ${`${s.origin}/twice`}`,
    );
    assert.equal(events.length, 1);
  });

  test('a page that again and again takes its worker down is given up', async () => {
    const s = await site();
    const target = await scraper.addTarget(`${s.origin}/deadly`);
    s.set('/deadly', { status: 500 });
    await t.database.execute(
      'test.page',
      sql`insert into scraping_jobs (id, target_id, url, host, created_at) values (${t.clock.newId()}, ${target.id}, ${`${s.origin}/killer`}, 'x', now())`,
    );
    const page = await t.database.one<{ id: string }>('test.page', sql`select id from scraping_jobs where url = ${`${s.origin}/killer`}`);
    const handler = scraper.module.jobs.find(({ definition }) => definition.name === 'crawl-page')?.handler;
    await handler?.({ pageId: page.id }, { id: 'x', retryCount: 6, signal: new AbortController().signal });
    const pages = await scraper.settle([target.id]);
    assert.match(pages.find(({ url }) => url.endsWith('/killer'))?.reason ?? '', /broke down 6 times/);
  });

  test('a source that is deleted while its page is on its way leaves nothing behind', async () => {
    const s = await site();
    const asked = Promise.withResolvers<void>();
    const answer = Promise.withResolvers<string>();
    s.set('/slow', (_request, response) => {
      void answer.promise.then((body) => response.writeHead(200, { 'content-type': 'text/html' }).end(body));
      asked.resolve();
      return undefined;
    });
    const target = await scraper.addTarget(`${s.origin}/slow`);
    await asked.promise;
    await t.database.execute('test.delete', sql`delete from scraper_targets where id = ${target.id}`);
    answer.resolve(articleAbout('deleted plants'));
    await waitFor('the job to end', async () => (await t.jobs.list({ name: 'crawl-page', state: 'active', limit: 1 })).length === 0);
    assert.deepEqual(await t.database.query('test.rows', sql<object>`select 1 from raw_content where url = ${`${s.origin}/slow`}`), []);
  });

  test('crawling again fetches the document, failed pages and a changed text, whose former version stays', async () => {
    const s = await site();
    s.set('/map.xml', sitemapOf([`${s.origin}/late`]));
    const { target, pages } = await crawl(`${s.origin}/map.xml`);
    assert.equal(pages.find(({ url }) => url.endsWith('/late'))?.status, 'failed');
    s.set('/late', articleAbout('late plants'));
    await scraper.crawlAgain(target.id);
    assert.ok((await scraper.settle([target.id])).every(({ status }) => status === 'done'));

    const page = await crawl(`${s.origin}/late`);
    s.set('/late', articleAbout('later plants'));
    await scraper.ingest(`${s.origin}/late`);
    assert.equal((await scraper.settle([page.target.id]))[0]?.status, 'done');
    const versions = await t.database.query(
      'test.versions',
      sql<{ title: string }>`select title from raw_content where url = ${`${s.origin}/late`} order by fetched_at`,
    );
    assert.deepEqual(versions, [{ title: 'All about late plants' }, { title: 'All about later plants' }]);
  });

  test('the same address, however written, is one target', async () => {
    const one = await scraper.addTarget('HTTP://Example.invalid:80/a?utm_source=x#top');
    const two = await scraper.addTarget('http://example.invalid/a');
    assert.equal(two.id, one.id);
    assert.equal(one.url, 'http://example.invalid/a');
    await assert.rejects(scraper.addTarget('ftp://example.invalid/a'), { code: 'invalid_request' });
    await scraper.settle([one.id]);
  });
});
