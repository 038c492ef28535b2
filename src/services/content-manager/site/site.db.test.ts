import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { HtmlValidate } from 'html-validate';
import { parseHTML } from 'linkedom';
import { sql } from '#platform/database';
import { baseUrl, createTestSite, hostile, type TestSite } from './testing/test-site.ts';

let t: TestSite;
before(async () => {
  t = await createTestSite();
});
after(() => t.close());

const pages = [
  '/',
  '/articles',
  '/articles/hostile',
  '/articles/bulgarski',
  '/articles/by-a-model',
  '/categories/plants',
  '/tags/moss',
  '/tags/evil',
  '/search',
  '/search?q=turtles',
  '/search?q=nothing-like-this',
  '/about',
];

test('every page is valid HTML, with one main heading and nothing from elsewhere', async () => {
  const validator = new HtmlValidate({ extends: ['html-validate:recommended'] });
  for (const url of pages) {
    const { html, document } = await t.page(url);
    const report = await validator.validateString(html);
    assert.deepEqual(
      report.results.flatMap(({ messages }) => messages.map(({ line, ruleId, message }) => `${url}:${line} ${ruleId} ${message}`)),
      [],
    );
    assert.equal(document.querySelectorAll('h1').length, 1, url);
    for (const element of document.querySelectorAll('[src], link[rel=stylesheet], link[rel=icon]')) {
      assert.match(element.getAttribute('src') ?? element.getAttribute('href') ?? '', /^\/\w/, url);
    }
    for (const script of document.querySelectorAll('script')) assert.equal(script.getAttribute('type'), 'application/ld+json');
    for (const element of document.querySelectorAll('*')) {
      for (const { name } of element.attributes) assert.doesNotMatch(name, /^(style|on)/, url);
    }
  }
});

test('hostile text stands as text wherever it stands', async () => {
  for (const url of [
    '/',
    '/articles',
    '/articles/hostile',
    '/categories/plants',
    '/tags/evil',
    '/search?q=turtles',
    `/search?q=${encodeURIComponent(hostile)}`,
  ]) {
    const { html, document } = await t.page(url);
    assert.doesNotMatch(html, /<script>|<img src=x/, url);
    for (const element of document.querySelectorAll('*')) assert.equal(element.getAttribute('onerror'), null, url);
  }
  const { document } = await t.page('/articles/hostile');
  assert.equal(document.querySelector('h1')?.textContent, hostile);
  for (const script of document.querySelectorAll('script')) assert.equal(typeof JSON.parse(script.textContent), 'object');
});

test('a source is linked when it is a web page, else only named', async () => {
  const { html, document } = await t.page('/articles/hostile');
  const links = [...document.querySelectorAll('.sources .source-title a')];
  assert.deepEqual(
    links.map((link) => [link.textContent, link.getAttribute('rel')]),
    [['A source', 'nofollow noopener']],
  );
  assert.doesNotMatch(html, /(href|cite)="javascript:/);
  const marks = [...document.querySelectorAll('.marks a')];
  assert.deepEqual(
    marks.map((mark) => [mark.id, mark.getAttribute('href')]),
    [
      ['ref-1-1', '#source-1'],
      ['ref-2-1', '#source-2'],
    ],
  );
  for (const link of document.querySelectorAll('a[href^="#"]')) {
    assert.ok(document.getElementById(link.getAttribute('href')?.slice(1) ?? ''), `${link.getAttribute('href')} leads somewhere`);
  }
});

test('an article says how it was made', async () => {
  const compiled = await t.page('/articles/hostile');
  assert.equal(compiled.document.querySelector('.writer-label')?.textContent, 'Compiled from sources');
  assert.doesNotMatch(compiled.html, /\bAI\b|artificial/i);
  const written = await t.page('/articles/by-a-model');
  assert.equal(written.document.querySelector('.writer-label')?.textContent, 'Written by openai/gpt-x from sources');
});

test('an article has what others need to know of it: canonical link, previews, structured data, the counting picture', async () => {
  const { html, document } = await t.page('/articles/bulgarski');
  const content = (selector: string) => document.querySelector(selector)?.getAttribute('content');
  const address = `${baseUrl}/articles/bulgarski`;
  assert.equal(document.querySelector('link[rel=canonical]')?.getAttribute('href'), address);
  assert.equal(document.querySelector('link[rel=alternate][hreflang]')?.getAttribute('hreflang'), 'bg');
  assert.equal(content('meta[property="og:title"]'), 'Растения за начинаещи');
  assert.equal(content('meta[property="og:url"]'), address);
  assert.equal(content('meta[property="og:image"]'), `${baseUrl}/og/bulgarski.png`);
  assert.equal(content('meta[name="twitter:card"]'), 'summary_large_image');
  const [article, trail] = [...document.querySelectorAll('script')].map((script) => JSON.parse(script.textContent));
  assert.equal(article['@type'], 'Article');
  assert.equal(article.inLanguage, 'bg');
  assert.equal(trail.itemListElement.length, 3);
  assert.match(html, /<img class="view" src="\/t\/v\/[0-9a-f-]{36}\.gif" alt="" width="1" height="1">/);
  const described = parseHTML((await t.page('/articles/hostile')).html).document.querySelector('script');
  assert.deepEqual(JSON.parse(described?.textContent ?? '').citation[1], {
    '@type': 'WebPage',
    name: 'A source',
    url: 'https://source.example/a?b=%22c%22&d',
  });
});

test('text in another language says so', async () => {
  const { document } = await t.page('/articles/bulgarski');
  assert.equal(document.documentElement.getAttribute('lang'), 'en');
  for (const selector of ['h1', '.standfirst', '.prose'])
    assert.equal(document.querySelector(selector)?.getAttribute('lang'), 'bg', selector);
  const card = (await t.page('/categories/plants')).document.querySelector('.card-title a[href="/articles/bulgarski"]');
  assert.equal(card?.getAttribute('lang'), 'bg');
});

test('what is not published is nowhere', async () => {
  for (const url of [...pages, '/feed.xml', '/atom.xml', '/feed.json', '/sitemap.xml', '/search?q=unseen']) {
    const { body } = await t.get(url);
    assert.doesNotMatch(body, /hidden-|Unseen/, url);
  }
  for (const status of ['draft', 'in-review', 'approved', 'scheduled', 'archived', 'rejected']) {
    await t.page(`/articles/hidden-${status}`, 404);
    assert.equal((await t.get(`/og/hidden-${status}.png`)).statusCode, 404);
  }
});

test('a list shows each article once, newest first, also where times differ by microseconds', async () => {
  const seen: string[] = [];
  let url: string | undefined = '/tags/moss';
  while (url !== undefined) {
    const { document } = await t.page(url);
    seen.push(...[...document.querySelectorAll('.card-title a')].map((link) => link.getAttribute('href') ?? ''));
    url = document.querySelector('.pages a[rel=next]')?.getAttribute('href') ?? undefined;
  }
  assert.equal(seen.length, 42);
  assert.equal(new Set(seen).size, 42);
  const expected = await t.database.query(
    'test.order',
    sql<{
      slug: string;
    }>`select slug from generated_content where status = 'published' and 'moss' = any(tags) order by published_at desc, id desc`,
  );
  assert.deepEqual(
    seen,
    expected.map(({ slug }) => `/articles/${slug}`),
  );
});

test('search marks what it found and pages through all of it', async () => {
  const { document } = await t.page('/search?q=turtles');
  assert.equal(document.querySelector('.search-count')?.textContent, 'One article for “turtles”.');
  assert.equal(document.querySelector('.hits mark')?.textContent, 'turtles');
  const seen = new Set<string>();
  let url: string | undefined = '/search?q=moss';
  while (url !== undefined) {
    const hits: Awaited<ReturnType<typeof t.page>>['document'] = (await t.page(url)).document;
    for (const link of hits.querySelectorAll('.hits h2 a')) seen.add(link.getAttribute('href') ?? '');
    url = hits.querySelector('.pages a[rel=next]')?.getAttribute('href') ?? undefined;
  }
  assert.equal(seen.size, 40);
});

test('search finds a text in the words of its language, and takes any query', async () => {
  const { document } = await t.page(`/search?q=${encodeURIComponent('мъхът')}`);
  assert.equal(document.querySelector('.hits h2 a')?.getAttribute('href'), '/articles/bulgarski');
  for (const query of [
    '"',
    "'",
    '%00',
    '!&|()',
    '-',
    'or',
    '<mark>',
    '%EE%80%80turtles%EE%80%81',
    'a'.repeat(3000),
    '&q=a&q=b',
    'x&cursor=bm9uZQ',
  ]) {
    const response = await t.get(`/search?q=${query}`);
    assert.ok([200, 404].includes(response.statusCode), `${query}: ${response.statusCode}`);
  }
});

test('a search without results offers the word that was meant', async () => {
  const { document } = await t.page('/search?q=turtels');
  assert.equal(document.querySelector('.suggestion'), null);
  const meant = (await t.page('/search?q=mosss')).document.querySelector('.suggestion a');
  assert.equal(meant?.getAttribute('href'), '/search?q=moss');
});

test('a category of the pack has its page before anything is in it', async () => {
  const { document } = await t.page('/categories/equipment');
  assert.equal(document.querySelector('h1')?.textContent, 'Equipment');
  assert.equal(document.querySelectorAll('.card').length, 0);
});

test('the subscription form says what it asks for, and its trap is out of the way of people', async () => {
  for (const url of ['/', '/articles/bulgarski', '/articles']) {
    const { document } = await t.page(url);
    const form = document.querySelector('form[action="/subscribe"][method=post]');
    assert.ok(form, url);
    assert.equal(form.querySelector('input[name=email]')?.getAttribute('type'), 'email');
    assert.ok(form.querySelector('input[name=email]')?.hasAttribute('required'));
    assert.ok(!form.querySelector('input[name=name]')?.hasAttribute('required'));
    const trap = form.querySelector('input[name=website]');
    assert.equal(trap?.getAttribute('tabindex'), '-1');
    assert.equal(trap?.closest('[aria-hidden=true]')?.className, 'unseen');
    for (const input of form.querySelectorAll('input')) assert.ok(form.querySelector(`label[for="${input.id}"]`));
  }
});
