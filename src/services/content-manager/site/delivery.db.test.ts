import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { parseAtomFeed, parseJsonFeed, parseRssFeed } from 'feedsmith';
import { parseHTML } from 'linkedom';
import { sql } from '#platform/database';
import { baseUrl, createTestSite, hostile, type TestSite } from './testing/test-site.ts';

let t: TestSite;
before(async () => {
  t = await createTestSite();
});
after(() => t.close());

test('the feeds parse and carry the whole text, safely', async () => {
  const rss = parseRssFeed((await t.get('/feed.xml')).body);
  assert.equal(rss.atom?.links?.[0]?.href, `${baseUrl}/feed.xml`);
  assert.equal(rss.items?.length, 30);
  const item = rss.items?.[0];
  assert.equal(item?.title, hostile);
  assert.equal(item?.link, `${baseUrl}/articles/hostile`);
  assert.match(item?.guid?.value ?? '', /^urn:uuid:/);
  assert.equal(item?.guid?.isPermaLink, false);
  assert.match(item?.content?.encoded ?? '', /turtles<sup>\[1\]<\/sup>/);
  assert.doesNotMatch(item?.content?.encoded ?? '', /<script|<img|javascript:/);
  const atom = parseAtomFeed((await t.get('/atom.xml')).body);
  assert.equal(atom.links?.find(({ rel }) => rel === 'self')?.href, `${baseUrl}/atom.xml`);
  assert.equal(atom.entries?.[1]?.title?.value, 'Растения за начинаещи');
  const response = await t.get('/feed.json');
  assert.match(response.headers['content-type'] ?? '', /^application\/feed\+json/);
  const json = parseJsonFeed(JSON.parse(response.body));
  assert.equal(json.items?.[1]?.language, 'bg');
  assert.equal(JSON.parse(response.body).version, 'https://jsonfeed.org/version/1.1');
});

test('the sitemap lists every published article; robots.txt leads to it', async () => {
  const { body } = await t.get('/sitemap.xml');
  const listed = [...body.matchAll(/<loc>([^<]+)<\/loc>/g)].map(([, address]) => address);
  const published = await t.database.query(
    'test.published',
    sql<{ slug: string }>`select slug from generated_content where status = 'published'`,
  );
  for (const { slug } of published) assert.ok(listed.includes(`${baseUrl}/articles/${slug}`), slug);
  assert.ok(listed.includes(`${baseUrl}/categories/plants`));
  assert.equal(new Set(listed).size, listed.length);
  const robots = (await t.get('/robots.txt')).body;
  assert.match(robots, /^Sitemap: https:\/\/digest\.example\/sitemap\.xml$/m);
  assert.match(robots, /^Disallow: \/t\/$/m);
  assert.match(robots, /^Disallow: \/search$/m);
});

test('what is known already is not sent again', async () => {
  for (const url of [
    '/',
    '/articles/bulgarski',
    '/about',
    '/feed.xml',
    '/sitemap.xml',
    '/robots.txt',
    '/artwork/card/plants/moss.svg',
    '/favicon.svg',
    '/og/bulgarski.png',
  ]) {
    const first = await t.get(url);
    assert.match(first.headers['cache-control'] ?? '', /^public, max-age=\d+/, url);
    const etag = first.headers.etag ?? '';
    const second = await t.get(url, { 'if-none-match': `"other", ${etag}` });
    assert.equal(second.statusCode, 304, url);
    assert.equal(second.body, '');
    assert.equal(second.headers.etag, etag);
    assert.equal((await t.get(url, { 'if-none-match': '"other"' })).statusCode, 200);
  }
});

test('the style is kept for ever under the name of its content', async () => {
  const address = (await t.page('/')).document.querySelector('link[rel=stylesheet]')?.getAttribute('href') ?? '';
  const style = await t.get(address);
  assert.match(style.headers['content-type'] ?? '', /^text\/css/);
  assert.match(style.headers['cache-control'] ?? '', /immutable/);
  assert.doesNotMatch(style.body, /https?:\/\/|@import/);
  assert.equal((await t.get('/assets/site-0123456789abcdef.css')).headers['cache-control'], 'no-store');
  assert.equal((await t.get('/assets/other.css')).statusCode, 404);
});

test('pages forbid scripts, frames and everything from elsewhere', async () => {
  for (const [url, status] of [
    ['/', 200],
    ['/articles/none', 404],
  ] as const) {
    const { response, document } = await t.page(url, status);
    const policy = response.headers['content-security-policy'] ?? '';
    assert.match(policy, /default-src 'none'/);
    assert.match(policy, /frame-ancestors 'none'/);
    assert.doesNotMatch(policy, /script-src|unsafe/);
    assert.equal(response.headers['x-content-type-options'], 'nosniff');
    assert.match(response.headers['permissions-policy'] ?? '', /camera=\(\)/);
    // Pages that other services send carry the policy along.
    assert.match(document.querySelector('meta[http-equiv]')?.getAttribute('content') ?? '', /default-src 'none'/);
  }
});

test('what is not there is answered with a page that helps on', async () => {
  for (const url of [
    '/articles/none',
    '/articles/%00',
    `/articles/${'x'.repeat(90)}`,
    '/categories/none',
    '/tags/none',
    '/articles?cursor=forged',
    '/nowhere',
    '/sitemaps/x.xml',
  ]) {
    const { response, document } = await t.page(url, 404);
    assert.equal(response.headers['cache-control'], 'no-store', url);
    assert.ok(document.querySelector('form[action="/search"]'), url);
  }
  const { document } = await t.page('/articles/%22%3E%3Cscript%3Ealert(1)%3C/script%3E', 404);
  assert.equal(document.querySelector('script'), null);
  assert.equal((await t.page('/articles/java-moss', 404)).document.querySelector('input[name=q]')?.getAttribute('value'), 'java moss');
});

test('preview pictures are PNGs of the size that the page states', async () => {
  const { headers, bytes } = await t.get('/og/bulgarski.png');
  assert.equal(headers['content-type'], 'image/png');
  assert.deepEqual([bytes.readUInt32BE(16), bytes.readUInt32BE(20)], [1200, 630]);
});

test('other pages get the layout around their HTML', async () => {
  const html = await t.site.renderPage({ title: 'Goodbye <b>', html: '<h1>Goodbye</h1>', head: '<meta name="x" content="y">' });
  const { document } = parseHTML(html);
  assert.equal(document.querySelector('main h1')?.textContent, 'Goodbye');
  assert.match(document.querySelector('title')?.textContent ?? '', /^Goodbye <b> · Greenwater <Digest>$/);
  assert.equal(document.querySelector('meta[name=robots]')?.getAttribute('content'), 'noindex');
  assert.equal(document.querySelector('meta[name=x]')?.getAttribute('content'), 'y');
});
