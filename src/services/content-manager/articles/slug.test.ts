import assert from 'node:assert/strict';
import { test } from 'node:test';
import { slugCandidates, slugOf } from './slug.ts';

const id = '0199aaaa-bbbb-7ccc-8ddd-0123456789ab';

test('a Bulgarian title gets a readable slug', () => {
  assert.equal(slugOf('Водни растения за начинаещи', id), 'vodni-rastenia-za-nachinaeshti');
  assert.equal(slugOf('Жълт цъфтеж, щит и юзда', id), 'zhalt-tsaftezh-shtit-i-yuzda');
  assert.equal(slugOf('Съвети за София', id), 'saveti-za-sofia');
});

test('Latin letters without a decomposition are written out', () => {
  assert.equal(slugOf('Große Fußgänger & Smørrebrød: CO₂', id), 'grosse-fussganger-smorrebrod-co2');
});

test('a title without any such letter gets a slug of its id', () => {
  assert.equal(slugOf('水草', id), 'article-0123456789ab');
  assert.equal(slugOf('!!!', id), 'article-0123456789ab');
});

test('candidates count up and end with one that nobody else has', () => {
  const candidates = [...slugCandidates('Low light', id)];
  assert.deepEqual(candidates.slice(0, 3), ['low-light', 'low-light-2', 'low-light-3']);
  assert.equal(candidates.at(-1), 'low-light-0123456789ab');
  assert.equal(new Set(candidates).size, candidates.length);
});
