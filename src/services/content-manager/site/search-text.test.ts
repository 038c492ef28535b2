import assert from 'node:assert/strict';
import { test } from 'node:test';
import { markEnd, markStart, splitMarked } from './highlight.ts';
import { decodePosition, encodePosition } from './position.ts';
import { positionOf, textOf } from './request-text.ts';
import { createVocabulary, editDistance, suggestQuery } from './spelling.ts';

const marked = (text: string) => `${markStart}${text}${markEnd}`;

test('marked text comes apart into what was found and what was not', () => {
  assert.deepEqual(splitMarked(`a ${marked('b')} c`), [
    { text: 'a ', isHit: false },
    { text: 'b', isHit: true },
    { text: ' c', isHit: false },
  ]);
  assert.deepEqual(splitMarked(''), []);
});

test('a mark without its other half marks nothing', () => {
  assert.deepEqual(splitMarked(`a${markStart}b`), [
    { text: 'a', isHit: false },
    { text: 'b', isHit: false },
  ]);
  assert.deepEqual(splitMarked(`a${markEnd}b`), [{ text: 'ab', isHit: false }]);
});

const vocabulary = createVocabulary({
  categories: [{ slug: 'plants', name: 'Plants', description: '' }],
  tags: [{ slug: 'shrimp', name: 'Shrimp', terms: ['cherry shrimp'] }],
  knowledge: { plants: [], animals: [], equipment: [], techniques: [], problems: [] },
});

test('distances count letters put in, left out, changed and swapped', () => {
  assert.equal(editDistance('shrimp', 'shrimp'), 0);
  assert.equal(editDistance('shirmp', 'shrimp'), 1);
  assert.equal(editDistance('srimp', 'shrimp'), 1);
  assert.equal(editDistance('', 'moss'), 4);
});

test('unknown words are replaced by near ones of the subject, known and distant ones are left', () => {
  assert.equal(suggestQuery('chery shirmp', vocabulary), 'cherry shrimp');
  assert.equal(suggestQuery('Shrimp', vocabulary), undefined);
  assert.equal(suggestQuery('submarine', vocabulary), undefined);
  assert.equal(suggestQuery('-plnts "shirmp"', vocabulary), '-plants "shrimp"');
  assert.equal(suggestQuery('x'.repeat(200), vocabulary), undefined);
});

test('a place in a list survives its way through an address; nothing else is one', () => {
  const position = { value: 0.123456789, id: '018f0000-0000-7000-8000-000000000001' };
  assert.deepEqual(decodePosition(encodePosition(position)), position);
  for (const forged of [
    '',
    'x',
    encodePosition({ ...position, id: "' or 1=1" }),
    Buffer.from('|018f0000-0000-7000-8000-000000000001').toString('base64url'),
  ]) {
    assert.equal(decodePosition(forged), undefined);
  }
  assert.equal(positionOf(undefined), undefined);
  assert.equal(positionOf('forged'), null);
});

test('a text of an address is cut and cleaned, whatever comes', () => {
  assert.equal(textOf('  a\u0000b\nc ', 10), 'a b c');
  assert.equal(textOf(['first', 'second'], 10), 'first');
  assert.equal(textOf({ a: 1 }, 10), '');
  assert.equal(textOf('x'.repeat(5000), 200).length, 200);
});
