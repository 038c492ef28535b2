import assert from 'node:assert/strict';
import { test } from 'node:test';
import { chooseByMmr, cosine, learnTermWeights, scoreLexRank, vectorOf } from './index.ts';

const documents = [
  'moss grow wood'.split(' '),
  'moss moss shrimp graze'.split(' '),
  'filter clean sponge'.split(' '),
  'moss filter lamp light lamp light lamp light lamp light'.split(' '),
];
const weights = learnTermWeights(documents);

test('rare words tell more, unknown ones most', () => {
  assert.ok(weights.idfOf('unknown') > weights.idfOf('shrimp') && weights.idfOf('shrimp') > weights.idfOf('moss'));
});

test('LexRank: what others resemble is central, what stands apart is not', () => {
  const vectors = ['moss wood', 'moss wood light', 'moss light', 'filter sponge'].map((text) => vectorOf(text.split(' '), weights));
  const ranks = scoreLexRank(vectors);
  assert.equal(ranks.indexOf(Math.max(...ranks)), 1);
  assert.equal(ranks.indexOf(Math.min(...ranks)), 3);
  assert.equal(Math.max(...ranks), 1);
  assert.deepEqual(scoreLexRank([]), []);
});

test('MMR: the second choice is the best that does not repeat the first', () => {
  const items = ['moss grows on wood', 'moss grows on wood well', 'filters need cleaning'].map((text, index) => ({
    vector: vectorOf(text.split(' '), weights),
    relevance: 1 - index / 10,
    text,
  }));
  const [first] = items;
  assert.ok(first);
  const second = chooseByMmr(items.slice(1), {
    lambda: 0.5,
    maxSimilarity: 1,
    relevanceOf: ({ relevance }) => relevance,
    similarityOf: ({ vector }) => cosine(vector, first.vector),
  });
  assert.equal(second?.text, 'filters need cleaning');
  const none = chooseByMmr(items.slice(1, 2), {
    lambda: 1,
    maxSimilarity: 0.5,
    relevanceOf: () => 1,
    similarityOf: ({ vector }) => cosine(vector, first.vector),
  });
  assert.equal(none, undefined, 'a repetition is never chosen');
});
