import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Citation } from '#shared/article-text';
import { viewText } from './article-view.ts';

const citation = (ordinal: number, sourceUrl: string, quote = `quote ${ordinal}`): Citation => ({
  ordinal,
  rawContentId: '018f0000-0000-7000-8000-000000000001',
  startOffset: 0,
  endOffset: quote.length,
  quote,
  sourceUrl,
  sourceTitle: `Title of ${sourceUrl}`,
  sourceAuthor: null,
});
const sentence = (text: string, ...citations: number[]) => ({ text, citations });

test('sentences in a row on the same source share one mark, also through different citations', () => {
  const { sections } = viewText(
    [{ heading: 'H', paragraphs: [[sentence('A.', 1), sentence('B.', 2), sentence('C.', 3), sentence('D.', 1)]] }],
    [citation(1, 'https://a.example/'), citation(2, 'https://a.example/'), citation(3, 'https://b.example/')],
  );
  assert.deepEqual(sections[0]?.paragraphs, [
    [
      { text: 'A. B.', marks: [{ id: 'ref-1-1', source: 1 }] },
      { text: 'C.', marks: [{ id: 'ref-2-1', source: 2 }] },
      { text: 'D.', marks: [{ id: 'ref-1-2', source: 1 }] },
    ],
  ]);
});

test('sources are numbered as the article comes to them, and know their marks and quotes', () => {
  const { sources } = viewText(
    [{ heading: 'H', paragraphs: [[sentence('A.', 2), sentence('B.', 1, 2)], [sentence('No source.')]] }],
    [citation(1, 'https://www.a.example/x'), citation(2, 'https://b.example/'), citation(3, 'https://c.example/', 'uncited')],
  );
  assert.deepEqual(
    sources.map(({ number, site, quotes, marks }) => ({ number, site, quotes, marks })),
    [
      { number: 1, site: 'b.example', quotes: ['quote 2'], marks: ['ref-1-1', 'ref-1-2'] },
      { number: 2, site: 'a.example', quotes: ['quote 1'], marks: ['ref-2-1'] },
      { number: 3, site: 'c.example', quotes: ['uncited'], marks: [] },
    ],
  );
});

test('only web addresses become links', () => {
  const addresses = [
    'javascript:alert(1)',
    'data:text/html,x',
    'file:///etc/passwd',
    'not an address',
    ' JAVASCRIPT:alert(1)',
    'https://ok.example/',
  ];
  const { sources } = viewText(
    [],
    addresses.map((address, index) => citation(index + 1, address)),
  );
  assert.deepEqual(
    sources.map(({ url }) => url),
    [null, null, null, null, null, 'https://ok.example/'],
  );
});

test('a citation that is not there leaves no mark', () => {
  const { sections, sources } = viewText([{ heading: '', paragraphs: [[sentence('A.', 9)], []] }], []);
  assert.deepEqual(sections[0]?.paragraphs, [[{ text: 'A.', marks: [] }]]);
  assert.deepEqual(sources, []);
});
