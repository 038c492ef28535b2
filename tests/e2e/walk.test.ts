import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { parseFeed } from 'feedsmith';
import { parse as parseYaml } from 'yaml';
import { createWorkplace, type Engine, startEngine, type Workplace } from '../support/engine.ts';
import { queryEngine } from '../support/engine-database.ts';
import { findHtmlFaults, listInternalLinks } from '../support/html-page.ts';
import { waitFor } from '../support/wait-for.ts';

const sampleWeb = path.resolve(import.meta.dirname, '../../packs/aquascaping/sample-web');
const manifest: {
  pages: { host: string; path: string; kind: string }[];
  disallowed: string[];
  never_publish: string[];
  planted_errors: string[];
} = parseYaml(readFileSync(path.join(sampleWeb, 'manifest.yaml'), 'utf8'));

type Citation = { ordinal: number; rawContentId: string; startOffset: number; endOffset: number; quote: string };
type Article = {
  id: string;
  slug: string;
  title: string;
  qualityScore: number;
  writer: string;
  sections: { paragraphs: { text: string; citations: number[] }[][] }[];
  citations: Citation[];
};

describe('from a web page to a delivered newsletter, with one command', () => {
  let workplace: Workplace;
  let engine: Engine;
  let apiKey: string;
  let articles: Article[] = [];

  const url = (target: string) => `${engine.baseUrl}${target}`;
  const getText = async (target: string) => {
    const response = await fetch(url(target));
    assert.equal(response.status, 200, target);
    return response.text();
  };
  async function getJson<T>(target: string): Promise<T> {
    const response = await fetch(url(target), { headers: { authorization: `Bearer ${apiKey}` } });
    assert.equal(response.status, 200, `${target}: ${await response.clone().text()}`);
    return response.json() as Promise<T>;
  }

  before(async () => {
    workplace = await createWorkplace();
    engine = startEngine(workplace);
    const { apiKey: printed } = await engine.ready;
    assert.ok(printed, `no API key was printed:\n${engine.output()}`);
    apiKey = printed;
    const { items } = await getJson<{ items: { id: string }[] }>('/api/v1/content?status=published&limit=100');
    articles = await Promise.all(items.map(({ id }) => getJson<Article>(`/api/v1/content/${id}`)));
  });
  after(async () => {
    await engine.stop();
    workplace.remove();
  });

  test('the start says what it does, how long each step took, and what came out', () => {
    const output = engine.output();
    for (const step of ['embedded database', 'Gathering', 'Writing', 'publishing', 'subscribers', 'Delivering']) {
      assert.match(output, new RegExp(`✓ .*${step}.*\\(\\d+\\.\\d s\\)`), step);
    }
    assert.match(output, /Pages gathered +\d\d/);
    assert.match(output, /Articles published +\d\d/);
    assert.match(output, /Mails delivered +1000/);
    for (const address of ['/docs', '/mailbox']) assert.ok(output.includes(`:${workplace.ports.http}${address}`), address);
  });

  test('nothing was warned of on the way', () => {
    const lines = engine.output().split('\n');
    assert.deepEqual(
      lines.filter((line) => /"level":[456]0/.test(line)),
      [],
    );
  });

  test('every page that may be read was read, each text once, and nothing that robots.txt closes', async () => {
    const rows = await queryEngine<{ url: string; status: string; reason: string | null }>(
      workplace,
      'select url, status, reason from scraping_jobs',
    );
    const faults = rows.filter(({ status }) => status === 'failed');
    assert.deepEqual(faults, []);
    for (const closed of manifest.disallowed) {
      const address = closed.replace('/', `:${workplace.ports.sampleWeb}/`);
      const row = rows.find((candidate) => candidate.url.includes(address));
      assert.ok(row === undefined || row.status === 'skipped', `${closed} is ${row?.status}`);
    }
    const texts = await queryEngine<{ text: string }>(workplace, 'select text from raw_content');
    assert.ok(texts.length >= 14, `${texts.length} pages`);
    for (const sentence of manifest.never_publish) assert.ok(!texts.some(({ text }) => text.includes(sentence)), sentence);
  });

  test('most topics became articles, and each sentence stands verbatim where its citation says', async () => {
    assert.ok(articles.length >= 10, `${articles.length} articles`);
    for (const article of articles) {
      assert.equal(article.writer, 'extractive');
      assert.ok(article.qualityScore >= 0.7, `${article.slug}: ${article.qualityScore}`);
      const byOrdinal = new Map(article.citations.map((citation) => [citation.ordinal, citation]));
      for (const { rawContentId, startOffset, endOffset, quote } of article.citations) {
        const { text } = await getJson<{ text: string }>(`/api/v1/raw-content/${rawContentId}`);
        assert.equal(text.slice(startOffset, endOffset), quote, article.slug);
      }
      for (const sentence of article.sections.flatMap((section) => section.paragraphs.flat())) {
        assert.ok(sentence.citations.length > 0, `${article.slug}: "${sentence.text}" is not cited`);
        const quotes = sentence.citations.map((ordinal) => byOrdinal.get(ordinal)?.quote ?? '');
        assert.ok(
          quotes.some((quote) => quote.includes(sentence.text)),
          `${article.slug}: "${sentence.text}" is not in ${quotes.join(' | ')}`,
        );
      }
    }
  });

  test('what contradicts the knowledge was not written', () => {
    const sentences = new Set(
      articles.flatMap(({ sections }) => sections.flatMap(({ paragraphs }) => paragraphs.flat().map(({ text }) => text))),
    );
    for (const error of manifest.planted_errors) assert.ok(!sentences.has(error), error);
  });

  test('every internal link of the site resolves, and every page is valid HTML', async () => {
    const seen = new Set<string>([url('/')]);
    const queue = [url('/')];
    for (let address = queue.pop(); address !== undefined; address = queue.pop()) {
      // A crawler: it loads the view pixels as well, and must not count as a reader.
      const response = await fetch(address, { headers: { 'user-agent': 'LinkBot/1.0' } });
      assert.equal(response.status, 200, address);
      const body = await response.text();
      if (!String(response.headers.get('content-type')).startsWith('text/html')) continue;
      // The API reference and the mailbox's mails are not the site's own pages.
      const { pathname } = new URL(address);
      if (pathname.startsWith('/docs') || pathname.startsWith('/mailbox')) continue;
      assert.deepEqual(await findHtmlFaults(body), [], address);
      for (const link of listInternalLinks(body, address)) {
        if (seen.has(link)) continue;
        seen.add(link);
        queue.push(link);
      }
    }
    for (const { slug } of articles) assert.ok(seen.has(url(`/articles/${slug}`)), `${slug} is not linked`);
  });

  test('an article shows where it comes from and never calls itself the work of an AI', async () => {
    for (const { slug, title } of articles) {
      const html = await getText(`/articles/${slug}`);
      assert.match(html, /compiled from sources/i, slug);
      assert.doesNotMatch(html, /\bAI\b|artificial intelligence|language model/i, slug);
      assert.ok(html.includes('application/ld+json') && html.includes('og:title'), slug);
      assert.doesNotMatch(html, /<script(?![^>]*application\/ld\+json)/, `${slug} needs a script`);
      assert.ok(title.length > 0);
    }
  });

  test('the feeds parse and hold the articles; the sitemap lists them', async () => {
    for (const [target, format] of [
      ['/feed.xml', 'rss'],
      ['/atom.xml', 'atom'],
      ['/feed.json', 'json'],
    ] as const) {
      const parsed = parseFeed(await getText(target));
      assert.equal(parsed.format, format);
      const text = JSON.stringify(parsed.feed);
      assert.ok(
        articles.some(({ slug }) => text.includes(`/articles/${slug}`)),
        target,
      );
    }
    const sitemap = await getText('/sitemap.xml');
    for (const { slug } of articles) assert.ok(sitemap.includes(`${engine.baseUrl}/articles/${slug}<`), slug);
    assert.match(await getText('/robots.txt'), /Sitemap: http/);
    const missing = await fetch(url('/no-such-page'));
    assert.equal(missing.status, 404);
    assert.match(String(missing.headers.get('content-type')), /html/);
  });

  test('search finds articles and marks the words', async () => {
    const html = await getText('/search?q=carpeting+plants');
    assert.match(html, /<mark>/);
    assert.match(html, /href="\/articles\//);
  });

  test('every subscriber has one digest with a way out, and following it is a matter of POST', async () => {
    const [counts] = await queryEngine<Record<string, number>>(
      workplace,
      `select count(*)::int as mails, count(distinct lower(envelope_to))::int as people,
              (select count(*)::int from deliveries where status = 'sent') as sent from mailbox_messages`,
    );
    assert.deepEqual(counts, { mails: 1000, people: 1000, sent: 1000 });

    const [mail] = await queryEngine<{ id: string; envelope_to: string; raw: Buffer }>(
      workplace,
      'select id, envelope_to, raw from mailbox_messages limit 1',
    );
    assert.ok(mail);
    const raw = mail.raw.toString().replace(/\r\n[ \t]+/g, ' ');
    assert.match(raw, /^List-Unsubscribe-Post: List-Unsubscribe=One-Click\r$/m);
    assert.match(raw, /^Content-Type: text\/plain/m);
    assert.match(raw, /^Content-Type: text\/html/m);
    const unsubscribe = /^List-Unsubscribe: ?<([^>]+)>/m.exec(raw)?.[1];
    assert.ok(unsubscribe);
    const statusOf = async () =>
      (
        await queryEngine<{ status: string }>(workplace, `select status from subscribers where lower(email) = lower('${mail.envelope_to}')`)
      )[0]?.status;

    assert.equal((await fetch(unsubscribe)).status, 200);
    assert.equal(await statusOf(), 'active', 'GET changed something');
    const response = await fetch(unsubscribe, {
      method: 'POST',
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
      body: 'List-Unsubscribe=One-Click',
    });
    assert.equal(response.status, 200);
    assert.equal(await statusOf(), 'unsubscribed');
  });

  test('the mailbox shows mails to a person at this machine, their HTML in a sandbox', async () => {
    const list = await getText('/mailbox');
    const target = /href="(\/mailbox\/[0-9a-f-]{36})"/.exec(list)?.[1];
    assert.ok(target);
    const page = await getText(target);
    assert.match(page, /<iframe [^>]*sandbox="[^"]*"/);
    assert.doesNotMatch(page, /sandbox="[^"]*allow-scripts/);
    const html = await fetch(url(`${target}/html`));
    assert.match(String(html.headers.get('content-security-policy')), /sandbox/);
    const proxied = await fetch(url('/mailbox'), { headers: { 'x-forwarded-for': '203.0.113.9' } });
    assert.equal(proxied.status, 403);
  });

  test('views, opens and clicks come out of the analytics', async () => {
    const [mail] = await queryEngine<{ raw: Buffer }>(workplace, 'select raw from mailbox_messages order by received_at desc limit 1');
    const { simpleParser } = await import('mailparser');
    const { html } = await simpleParser(mail?.raw ?? '');
    assert.ok(typeof html === 'string');
    const readerHeaders = { 'user-agent': 'Mozilla/5.0 (X11; Linux x86_64) Firefox/140.0' };
    const open = /src="([^"]*\/t\/o\/[^"]+)"/.exec(html)?.[1];
    const clicks = [...html.matchAll(/href="([^"]*\/t\/c\/[^"]+)"/g)].map(([, link]) => link ?? '');
    assert.ok(open !== undefined && clicks.length > 0);
    assert.equal((await fetch(open, { headers: readerHeaders })).status, 200);
    let landed: string | undefined;
    // Where links lead is looked up by HEAD, which counts for nothing: whoever follows them all at once is a scanner.
    for (const click of new Set(clicks)) {
      const looked = await fetch(click, { method: 'HEAD', headers: readerHeaders, redirect: 'manual' });
      assert.equal(looked.status, 302);
      if (landed !== undefined || !String(looked.headers.get('location')).includes('/articles/')) continue;
      const followed = await fetch(click, { headers: readerHeaders, redirect: 'manual' });
      landed = String(followed.headers.get('location'));
    }
    assert.ok(landed, 'no link of the digest leads to an article');
    const slug = new URL(landed).pathname.split('/').at(-1);
    const article = articles.find((candidate) => candidate.slug === slug);
    assert.ok(article, landed);
    const view = /src="(\/t\/v\/[^"]+)"/.exec(await getText(`/articles/${article.slug}`))?.[1];
    assert.ok(view);
    assert.equal((await fetch(url(view), { headers: readerHeaders })).status, 200);

    type Report = { items: { contentId: string; title: string; pageViews: number; emailClicks: number }[] };
    const figures = await waitFor(
      'the roll-up',
      async () => {
        const { items } = await getJson<Report>('/api/v1/analytics/content?limit=100');
        const row = items.find(({ contentId }) => contentId === article.id);
        return row !== undefined && row.pageViews > 0 && row.emailClicks > 0 && row;
      },
      150_000,
    );
    assert.equal(figures.title, article.title);
    assert.equal(figures.pageViews, 1);
  });

  test('the API: OpenAPI 3.1, 401 and 403 told apart, problems that name every field', async () => {
    const openApi = await getJson<{ openapi: string; paths: Record<string, unknown> }>('/openapi.json');
    assert.match(openApi.openapi, /^3\.1/);
    for (const noun of ['content', 'sources', 'generation', 'subscribers', 'campaigns', 'analytics/content', 'jobs']) {
      assert.ok(openApi.paths[`/api/v1/${noun}`], noun);
    }
    assert.equal((await fetch(url('/api/v1/content'))).status, 401);
    assert.equal((await fetch(url('/api/v1/content'), { headers: { authorization: 'Bearer aqs_wrong' } })).status, 401);
    const post = (target: string, body: string, key = apiKey, headers: Record<string, string> = {}) =>
      fetch(url(target), {
        method: 'POST',
        headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json', ...headers },
        body,
      });
    const narrow: { key: string } = (await (
      await post('/api/v1/keys', JSON.stringify({ name: 'reader', scopes: ['content:read'] }))
    ).json()) as { key: string };
    assert.equal((await post('/api/v1/sources', '{"url":"https://example.com/"}', narrow.key)).status, 403);
    assert.equal((await post('/api/v1/sources', '{"url":')).status, 400);
    const refused = await post('/api/v1/subscribers', JSON.stringify({ email: 'nobody', name: 'x'.repeat(5000), colour: 'red' }));
    assert.ok([400, 422].includes(refused.status));
    const problem = (await refused.json()) as { code: string; fields: { path: string }[] };
    const paths = problem.fields.map((field) => field.path);
    for (const field of ['/name', '/colour']) assert.ok(paths.includes(field), `${field} is not in ${paths}`);
    const repeat = () =>
      post('/api/v1/generation', JSON.stringify({ title: 'Nerite snails', query: 'nerite snails', headings: [] }), apiKey, {
        'idempotency-key': 'walk-1',
      });
    const [first, second] = [await repeat(), await repeat()];
    assert.equal(first.status, 202, await first.clone().text());
    assert.deepEqual(await second.json(), await first.json());
    assert.equal(second.headers.get('idempotency-replayed'), 'true');
  });

  test('the figures of all processes stand in /metrics', async () => {
    const text = await waitFor('the figures of the worker', async () => {
      const response = await fetch(url('/metrics'), { headers: { authorization: `Bearer ${apiKey}` } });
      const body = await response.text();
      return body.includes('aquascene_jobs_total{') && body;
    });
    for (const name of ['aquascene_http_request_seconds', 'aquascene_db_pool_connections', 'aquascene_mail_sent_total'])
      assert.ok(text.includes(name), name);
  });

  test('Ctrl-C stops everything, and a second start finds everything there', async () => {
    process.kill(-(engine.child.pid ?? 0), 'SIGINT');
    assert.equal(await engine.exited, 0);
    const count = articles.length;
    engine = startEngine(workplace);
    await engine.ready;
    assert.match(engine.output(), /Mails delivered +1000/);
    assert.doesNotMatch(engine.output(), /Gathering|aqs_/);
    const { items } = await getJson<{ items: unknown[] }>('/api/v1/content?status=published&limit=100');
    assert.equal(items.length, count);
    process.kill(-(engine.child.pid ?? 0), 'SIGINT');
    assert.equal(await engine.exited, 0);
  });
});
