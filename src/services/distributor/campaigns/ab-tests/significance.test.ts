import assert from 'node:assert/strict';
import { test } from 'node:test';
import { chiSquareTail, testSignificance } from './significance.ts';

const isNear = (given: number, expected: number) => assert.ok(Math.abs(given - expected) < 5e-4, `${given} is not ${expected}`);

test('the tail of the distribution at the usual critical values', () => {
  // NIST/SEMATECH e-Handbook, table 1.3.6.7.4.
  for (const [degrees, at5, at1] of [
    [1, 3.841, 6.635],
    [2, 5.991, 9.21],
    [3, 7.815, 11.345],
    [4, 9.488, 13.277],
  ] as const) {
    isNear(chiSquareTail(at5, degrees), 0.05);
    isNear(chiSquareTail(at1, degrees), 0.01);
  }
  assert.equal(chiSquareTail(0, 1), 1);
});

test('two variants are compared as by the two-proportion z-test', () => {
  // 120 and 90 of 1000: pooled share 0.105, z = 0.03 / sqrt(0.105 × 0.895 × 2 / 1000) = 2.1882, two-sided p = 0.02866.
  const { pValue, isSignificant } = testSignificance([
    { sent: 1000, engaged: 120 },
    { sent: 1000, engaged: 90 },
  ]);
  isNear(pValue ?? Number.NaN, 0.02866);
  assert.equal(isSignificant, true);
});

test('equal shares are no difference, and a small difference is not significant', () => {
  assert.deepEqual(testSignificance([1, 2, 3].map(() => ({ sent: 500, engaged: 50 }))), { pValue: 1, isSignificant: false });
  const near = testSignificance([
    { sent: 500, engaged: 50 },
    { sent: 500, engaged: 55 },
  ]);
  assert.equal(near.isSignificant, false);
  assert.ok((near.pValue ?? 0) > 0.5);
});

test('of a handful of readers, of none, and of nobody who did anything, nothing is said', () => {
  const nothing = { pValue: null, isSignificant: false };
  for (const figures of [
    [
      { sent: 5, engaged: 5 },
      { sent: 5, engaged: 0 },
    ],
    [
      { sent: 1000, engaged: 100 },
      { sent: 0, engaged: 0 },
    ],
    [
      { sent: 1000, engaged: 0 },
      { sent: 1000, engaged: 0 },
    ],
    [],
  ])
    assert.deepEqual(testSignificance(figures), nothing);
});
