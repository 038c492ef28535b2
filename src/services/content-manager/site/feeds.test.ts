import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseAtomFeed, parseRssFeed } from 'feedsmith';
import type { Citation, Section } from '#shared/article-text';
import { feeds } from './feeds.ts';
import type { PublishedText } from './site-types.ts';

const site = { baseUrl: 'https://digest.example', title: 'Digest', tagline: 'Tanks', language: 'en' };

const citation = (ordinal: number, given: Partial<Citation>): Citation => ({
  ordinal,
  rawContentId: 'raw',
  startOffset: 0,
  endOffset: 5,
  quote: 'Quote',
  sourceUrl: 'https://www.source.example/a?b="c"&d',
  sourceTitle: `The "source" & <more>`,
  sourceAuthor: null,
  ...given,
});

const article = (sections: readonly Section[], citations: readonly Citation[], writer = 'extractive'): PublishedText => ({
  id: '0199b7a0-0000-7000-8000-000000000001',
  slug: 'moss',
  title: 'Moss <3',
  summary: 'All about moss & co.',
  language: 'en',
  contentType: 'guide',
  category: 'plants',
  categoryName: 'Plants',
  publishedAt: new Date('2026-11-01T10:00:00Z'),
  updatedAt: new Date('2026-11-02T10:00:00Z'),
  position: 1,
  characters: 100,
  metaDescription: '',
  writer,
  tags: [{ slug: 'moss', name: 'Mosses' }],
  sections,
  citations,
});

async function write(path: string, articles: readonly PublishedText[]): Promise<string> {
  const feed = feeds.find((candidate) => candidate.path === path);
  assert.ok(feed !== undefined);
  return feed.write(site, articles);
}

async function contentOf(text: PublishedText): Promise<string> {
  const [item] = (JSON.parse(await write('/feed.json', [text])) as { items: { content_html: string }[] }).items;
  return item?.content_html ?? '';
}

const cited = article(
  [
    {
      heading: '',
      paragraphs: [
        [
          { text: `It isn't "slow".`, citations: [1] },
          { text: 'Nor <b>fast</b> & furious.', citations: [1] },
          { text: 'It grows.', citations: [2, 1] },
        ],
        [],
      ],
    },
    { heading: 'Light & shade', paragraphs: [[{ text: 'Low\u0000 light.', citations: [] }]] },
  ],
  [citation(1, {}), citation(2, { sourceUrl: 'javascript:alert(1)', sourceTitle: 'No page', sourceAuthor: `A. 'B' <c>` })],
);

test('the text of an article in a feed, to the character', async () => {
  assert.equal(
    await contentOf(cited),
    `<p><em>Compiled from sources.</em></p>
<p>It isn&#39;t &#34;slow&#34;. Nor &lt;b&gt;fast&lt;/b&gt; &amp; furious.<sup>[1]</sup> It grows.<sup>[1]</sup><sup>[2]</sup></p>
<h2>Light &amp; shade</h2>
<p>Low light.</p>
<h2>Sources</h2>
<ol><li><a href="https://www.source.example/a?b=%22c%22&amp;d" rel="nofollow noopener">The &#34;source&#34; &amp; &lt;more&gt;</a> (source.example)</li><li>No page, A. &#39;B&#39; &lt;c&gt;</li></ol>`,
  );
});

test('an article without sources has no list of them, and the name of a model is text', async () => {
  const plain = article([{ heading: 'A', paragraphs: [[{ text: 'B.', citations: [] }]] }], [], 'x/<y>');
  assert.equal(await contentOf(plain), '<p><em>Written by x/&lt;y&gt; from sources.</em></p>\n<h2>A</h2>\n<p>B.</p>\n');
});

test('the three feeds carry the same text, in the order of the articles', async () => {
  const many = Array.from({ length: 25 }, (_, index) => ({ ...cited, id: `id-${index}` }));
  const expected = await contentOf(cited);
  const rss = parseRssFeed(await write('/feed.xml', many)).items ?? [];
  const atom = parseAtomFeed(await write('/atom.xml', many)).entries ?? [];
  assert.deepEqual(
    rss.map(({ guid, content }) => [guid?.value, content?.encoded]),
    many.map(({ id }) => [`urn:uuid:${id}`, expected]),
  );
  assert.deepEqual(
    atom.map(({ id, content }) => [id, content?.value]),
    many.map(({ id }) => [`urn:uuid:${id}`, expected]),
  );
});
