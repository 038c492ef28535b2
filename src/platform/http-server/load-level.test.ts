import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createLoadLevel } from './load-level.ts';

const scale = { enter: [200, 400], leaveShare: 0.7, holdMs: 2000 } as const;

test('the level rises at once, by as much as the value says', () => {
  const levelOf = createLoadLevel(scale);
  assert.deepEqual([levelOf(199, 0), levelOf(200, 1), levelOf(399, 2), levelOf(400, 3)], [0, 1, 1, 2]);
  assert.equal(createLoadLevel(scale)(5000, 0), 2);
});

test('it holds for a while, and falls one at a time once the value is well below', () => {
  const levelOf = createLoadLevel(scale);
  assert.equal(levelOf(900, 0), 2);
  assert.equal(levelOf(0, 1999), 2);
  assert.equal(levelOf(0, 2000), 1);
  assert.equal(levelOf(0, 3999), 1);
  assert.equal(levelOf(0, 4000), 0);
});

test('a value that swings about a threshold does not make it swing', () => {
  const levelOf = createLoadLevel(scale);
  const levels = Array.from({ length: 100 }, (_, index) => levelOf(index % 2 === 0 ? 210 : 150, index * 1000));
  assert.deepEqual(new Set(levels), new Set([1]));
});

test('without a limit it never rises', () => {
  const levelOf = createLoadLevel({ ...scale, enter: [Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY] });
  assert.equal(levelOf(Number.MAX_VALUE, 0), 0);
});
