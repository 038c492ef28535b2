import assert from 'node:assert/strict';
import { test } from 'node:test';
import { waitBeforeRetryMs } from './retry.ts';

const clockWith = (random: number) => ({ now: () => new Date('2026-11-24T12:00:00Z'), random: () => random });

test('the pause lies anywhere between nothing and a bound that doubles, up to 10 s', () => {
  const bounds = Array.from({ length: 8 }, (_, retry) => waitBeforeRetryMs(retry, undefined, clockWith(1)));
  assert.deepEqual(bounds, [250, 500, 1000, 2000, 4000, 8000, 10_000, 10_000]);
  assert.equal(waitBeforeRetryMs(3, undefined, clockWith(0)), 0);
  assert.equal(waitBeforeRetryMs(3, undefined, clockWith(0.5)), 1000);
});

test('Retry-After is never undercut, and nonsense in it counts as nothing', () => {
  assert.equal(waitBeforeRetryMs(0, '20', clockWith(0)), 20_000);
  assert.equal(waitBeforeRetryMs(0, 'Tue, 24 Nov 2026 12:00:03 GMT', clockWith(1)), 3250);
  assert.equal(waitBeforeRetryMs(0, 'soon', clockWith(0)), 0);
});
