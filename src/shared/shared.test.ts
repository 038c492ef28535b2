import assert from 'node:assert/strict';
import { test } from 'node:test';
import { signToken, verifyToken } from './signing.ts';
import { containsPattern, countWords, slugify, truncate } from './text.ts';

test('a slug is short, ASCII and cut at a word', () => {
  assert.equal(slugify('Crème brûlée & CO₂: 25 mg/l!'), 'creme-brulee-co2-25-mg-l');
  assert.equal(slugify('Водни растения'), 'untitled');
  assert.ok(slugify('word '.repeat(40)).length <= 80);
  assert.doesNotMatch(slugify('word '.repeat(40)), /-$|wor$/);
});

test('text is cut at a word with an ellipsis', () => {
  assert.equal(truncate('short', 10), 'short');
  assert.equal(truncate('one two three four', 12), 'one two…');
  assert.ok(truncate('x'.repeat(50), 10).length <= 10);
});

test('a pattern finds its text and no more', () => {
  assert.equal(containsPattern('50%_a\\b'), '%50\\%\\_a\\\\b%');
});

test('words with hyphens and apostrophes count once, in any script', () => {
  assert.equal(countWords('low-light plants don’t need CO2'), 5);
  assert.equal(countWords('водни растения'), 2);
});

test('a token is good for its purpose, secret and payload only', () => {
  const token = signToken('secret', 'unsubscribe', 'a|b');
  assert.equal(verifyToken('secret', 'unsubscribe', token), 'a|b');
  assert.equal(verifyToken('secret', 'confirm', token), undefined);
  assert.equal(verifyToken('other', 'unsubscribe', token), undefined);
  for (const forged of ['', '.', 'x', `${token}x`, token.slice(0, -1), token.replace(/^./, 'z'), `${token}.${token}`]) {
    assert.equal(verifyToken('secret', 'unsubscribe', forged), undefined, forged);
  }
});
