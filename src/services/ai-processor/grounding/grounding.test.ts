import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { SourcePassage } from '../extractive/index.ts';
import type { Brief } from '../generation-types.ts';
import type { ArticleOutput } from '../llm/index.ts';
import { checkGrounding } from './check-grounding.ts';
import { groundArticle } from './index.ts';

const source = { sourceUrl: 'https://example.com/moss', sourceTitle: 'Moss', sourceAuthor: null };
const passage = (id: string, text: string): SourcePassage => ({
  id,
  rawContentId: `page-${id}`,
  start: 10,
  end: 10 + text.length,
  text,
  ...source,
});
const passages = [
  passage('p1', 'Java moss (Taxiphyllum barbieri) grows at 15–28 °C in almost any light. Four to six shrimp graze on it.'),
  passage('p2', 'A lamp of 1,100 lumens over 60 litres is low light. The pH falls from 7.2 to 6,4 under CO2.'),
];
const names = [
  ['Taxiphyllum barbieri', 'Java moss'],
  ['Microsorum pteropus', 'Java fern'],
];
const context = { byId: new Map(passages.map((one) => [one.id, one])), names, language: 'en', title: 'Moss in Shrimp Tanks' };
const kindOf = (text: string, cited: string[] = ['p1']) => checkGrounding({ text, passages: cited }, context).kind;

test('a sentence stands when its passages carry it', () => {
  assert.equal(kindOf('Java moss lives in almost any light between 15 and 28 °C.'), 'grounded');
  assert.equal(kindOf('Taxiphyllum barbieri grows in nearly any light.'), 'grounded');
  assert.equal(kindOf('About 4 to 6 shrimp graze on the moss.'), 'grounded', 'words and figures are the same number');
  assert.equal(kindOf('A lamp of 1100 lumens counts as low light.', ['p2']), 'grounded', 'thousands in either spelling');
  assert.equal(kindOf('Under CO2 the pH falls to 6.4.', ['p2']), 'grounded', 'a decimal comma is a point, the 2 of CO2 no number');
});

test('unknown passages are no citation', () => {
  assert.equal(kindOf('Java moss grows in almost any light.', ['p9']), 'uncited');
  assert.equal(kindOf('Java moss grows in almost any light.', []), 'uncited');
  const grounding = checkGrounding({ text: 'Java moss grows in almost any light.', passages: ['p9', 'p1', 'p1'] }, context);
  assert.deepEqual(grounding, { kind: 'grounded', passages: [passages[0]] });
});

test('invented numbers and names, and words from nowhere, fall', () => {
  assert.equal(kindOf('Java moss grows at 15–35 °C in almost any light.'), 'unknown_number');
  assert.equal(kindOf('Up to nine shrimp graze on Java moss.'), 'unknown_number');
  assert.equal(kindOf('Java fern grows in almost any light.'), 'unknown_name');
  assert.equal(kindOf('Java moss from Borneo grows in almost any light.'), 'unknown_name');
  assert.equal(kindOf('Feeding schedules depend entirely on household budgets.'), 'unsupported');
  assert.equal(kindOf('Java moss grows in almost any light'), 'not_a_sentence');
});

const brief: Brief = {
  title: 'Moss in Shrimp Tanks',
  query: 'moss',
  language: 'en',
  contentType: 'guide',
  category: null,
  tags: [],
  headings: [],
};
const headings = [
  { heading: 'Light', query: 'light' },
  { heading: 'Shrimp', query: 'shrimp' },
];
const good = { text: 'Java moss grows in almost any light between 15 and 28 °C, and shrimp graze on it.', passages: ['p1'] };
const outputOf = (sentences: ArticleOutput['summary'][], count = 2): ArticleOutput => ({
  summary: good,
  sections: Array.from({ length: count }, (_, index) => ({ heading: index + 1, paragraphs: [{ sentences }] })),
});
const ground = (output: ArticleOutput, isContradicted = (_: string) => false) =>
  groundArticle({ brief, output, headings, passages, names, isContradicted });
const many = (sentence: ArticleOutput['summary'], count: number) => Array.from({ length: count }, () => sentence);

test('citations carry the offsets and words of the passages, each once', () => {
  const outcome = ground(outputOf(many(good, 8)));
  assert.ok(outcome.kind === 'written');
  const { citations, sections } = outcome.article;
  assert.deepEqual(citations, [
    {
      ordinal: 1,
      rawContentId: 'page-p1',
      startOffset: 10,
      endOffset: 10 + (passages[0]?.text.length ?? 0),
      quote: passages[0]?.text,
      ...source,
    },
  ]);
  assert.deepEqual(sections[0]?.paragraphs[0]?.[0], { text: good.text, citations: [1] });
});

test('what is not grounded is dropped; with too much of it the draft is declined with the figures', () => {
  const bad = { text: 'Java moss grows at 99 °C in almost any light.', passages: ['p1'] };
  const some = ground(outputOf([...many(good, 8), bad, bad]));
  assert.ok(some.kind === 'written');
  assert.ok(!JSON.stringify(some.article).includes('99'));
  assert.equal(some.dropped, 4);
  const most = ground(outputOf([...many(good, 4), ...many(bad, 6)]));
  assert.ok(most.kind === 'declined');
  assert.match(most.reason, /12 of the 21 sentences .* could not be traced to the sources/);
});

test('sentences that the knowledge contradicts, headings that were not asked for and control characters go', () => {
  const contradicted = ground(outputOf(many(good, 8)), () => true);
  assert.equal(contradicted.kind, 'declined');
  const odd = outputOf(
    many({ ...good, text: `Java moss grows in\u0000 almost any\n light between 15 and 28 °C, and shrimp graze on it.` }, 8),
    3,
  );
  const outcome = ground(odd);
  assert.ok(outcome.kind === 'written');
  assert.deepEqual(
    outcome.article.sections.map(({ heading }) => heading),
    ['Light', 'Shrimp'],
  );
  assert.equal(outcome.article.sections[0]?.paragraphs[0]?.[0]?.text, good.text);
});

test('too short an article is declined', () => {
  const outcome = ground(outputOf([good]));
  assert.ok(outcome.kind === 'declined');
  assert.match(outcome.reason, /words/);
});
