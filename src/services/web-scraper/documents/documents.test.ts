import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { readFeed } from './feed-links.ts';
import { run } from './read-document-worker.ts';
import { readSitemap } from './sitemap-links.ts';
import { sniffFormat, unpack } from './sniff.ts';

const rss = `<?xml version="1.0"?><rss version="2.0"><channel><title>T</title><link>https://example.com</link><description>D</description>
  <item><title>One</title><link>https://example.com/1?a=1&amp;b=2</link></item>
  <item><title>Two</title><guid>https://example.com/2</guid></item>
  <item><title>Three</title><guid isPermaLink="false">tag:3</guid></item></channel></rss>`;
const atom = `<feed xmlns="http://www.w3.org/2005/Atom"><title>T</title><id>x</id><updated>2026-01-01T00:00:00Z</updated>
  <entry><id>1</id><title>One</title><updated>2026-01-01T00:00:00Z</updated>
    <link rel="self" href="https://example.com/self"/><link rel="alternate" href="https://example.com/1"/></entry>
  <entry><id>https://example.com/2</id><title>Two</title><updated>2026-01-01T00:00:00Z</updated></entry></feed>`;
const json = JSON.stringify({
  version: 'https://jsonfeed.org/version/1.1',
  title: 'T',
  items: [
    { id: '1', url: 'https://example.com/1', content_text: 'x' },
    { id: 'https://example.com/2', content_text: 'x' },
  ],
});

describe('what a document is', () => {
  test('told from what it says, whatever it is called', () => {
    assert.equal(sniffFormat(rss, 'text/html'), 'feed');
    assert.equal(sniffFormat(`\ufeff<!-- c -->\n${atom}`, 'text/plain'), 'feed');
    assert.equal(sniffFormat(json, 'application/json'), 'feed');
    assert.equal(sniffFormat('<?xml version="1.0"?><urlset><url/></urlset>', undefined), 'sitemap');
    assert.equal(sniffFormat('https://example.com/1\nhttps://example.com/2\n', 'text/plain; charset=utf-8'), 'sitemap');
    assert.equal(sniffFormat('<!DOCTYPE html><title>x</title>', 'application/octet-stream'), 'page');
    assert.equal(sniffFormat('<p>a fragment', undefined), 'page');
    assert.equal(sniffFormat('anything', 'text/html; charset=x'), 'page');
    assert.equal(sniffFormat('%PDF-1.7', 'application/pdf'), 'other');
    assert.equal(sniffFormat('{"a":1}', 'application/json'), 'other');
    assert.equal(sniffFormat('some words', 'text/plain'), 'other');
    assert.equal(sniffFormat('<svg xmlns="http://www.w3.org/2000/svg"></svg>', 'image/svg+xml'), 'other');
  });

  test('packed documents are unpacked; damaged ones say so', () => {
    assert.equal(Buffer.from(unpack(gzipSync('text'))).toString(), 'text');
    assert.throws(() => unpack(gzipSync('text').subarray(0, 12)), { code: 'document_invalid' });
    assert.throws(() => unpack(gzipSync(Buffer.alloc(60 * 1024 * 1024))), { code: 'document_invalid' });
  });
});

describe('feeds', () => {
  test('RSS, Atom and JSON Feed give the addresses of their articles', () => {
    assert.deepEqual(readFeed(rss), ['https://example.com/1?a=1&b=2', 'https://example.com/2']);
    assert.deepEqual(readFeed(atom), ['https://example.com/1', 'https://example.com/2']);
    assert.deepEqual(readFeed(json), ['https://example.com/1', 'https://example.com/2']);
  });

  test('broken ones say so, and entities that multiply do no harm', () => {
    assert.throws(() => readFeed('<rss><channel>'), { code: 'document_invalid' });
    assert.throws(() => readFeed('{"version":"https://jsonfeed.org/version/1","items":['), { code: 'document_invalid' });
    const entities = Array.from(
      { length: 9 },
      (_, index) => `<!ENTITY b${index} "${`&${index === 0 ? 'a' : `b${index - 1}`};`.repeat(10)}">`,
    );
    const bomb = `<!DOCTYPE rss [<!ENTITY a "aaaaaaaaaa">${entities.join('')}]>${rss.replace('<?xml version="1.0"?>', '').replace('One', '&b8;')}`;
    const document = run({ body: Buffer.from(bomb), contentType: 'application/rss+xml', url: 'https://example.com/feed', now: new Date() });
    assert.notEqual(document.kind, 'page');
  });
});

describe('sitemaps', () => {
  test('addresses in order, without those of images; entities and CDATA decoded; comments passed over', () => {
    const map = readSitemap(`<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9" xmlns:image="http://x">
      <url><loc> https://example.com/1?a=1&amp;b=&#50; </loc><image:image><image:loc>https://example.com/i.png</image:loc></image:image></url>
      <!-- <url><loc>https://example.com/hidden</loc></url> --><url><loc><![CDATA[https://example.com/2]]></loc></url></urlset>`);
    assert.deepEqual(map, { urls: ['https://example.com/1?a=1&b=2', 'https://example.com/2'], isIndex: false });
  });

  test('an index, a prefix, plain text, and what is left of a broken one', () => {
    assert.deepEqual(readSitemap('<sitemapindex><sitemap><loc>https://example.com/a.xml</loc></sitemap></sitemapindex>'), {
      urls: ['https://example.com/a.xml'],
      isIndex: true,
    });
    assert.deepEqual(readSitemap('<s:urlset xmlns:s="x"><s:url><s:loc>https://example.com/1</s:loc></s:url></s:urlset>').urls, [
      'https://example.com/1',
    ]);
    assert.deepEqual(readSitemap('https://example.com/1\r\nhttps://example.com/2').urls, [
      'https://example.com/1',
      'https://example.com/2',
    ]);
    assert.deepEqual(readSitemap('<urlset><url><loc>https://example.com/1</loc></url><url><loc>https://exam').urls, [
      'https://example.com/1',
    ]);
    assert.deepEqual(readSitemap(`<urlset>${'<loc>'.repeat(200_000)}`).urls, []);
  });
});
