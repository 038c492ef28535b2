import assert from 'node:assert/strict';
import { test } from 'node:test';
import { maxRetryMs, nextTryAt, outageDelayMs, retryDelayMs } from './retry-policy.ts';

const minutes = 60_000;

test('a refused message rests longer each time, four hours at most', () => {
  const delays = [1, 2, 3, 4, 5, 6, 7].map((tries) => retryDelayMs(tries, 0) / minutes);
  assert.deepEqual(delays, [0.5, 2, 8, 32, 128, 240, 240]);
  assert.equal(retryDelayMs(1, 1) / minutes, 0.6);
});

test('it is tried for 72 hours after its first try, whatever the number of tries', () => {
  const firstTriedAt = new Date('2026-01-01T00:00:00Z');
  const at = (ms: number) => new Date(firstTriedAt.getTime() + ms);
  assert.deepEqual(nextTryAt(1, null, firstTriedAt, 0), at(30_000));
  assert.deepEqual(nextTryAt(20, firstTriedAt, at(maxRetryMs - 240 * minutes), 0), at(maxRetryMs));
  assert.equal(nextTryAt(20, firstTriedAt, at(maxRetryMs - 239 * minutes), 0), undefined);
});

test('a chain rests a minute at most while the server is down', () => {
  assert.deepEqual(
    [1, 2, 10].map((outages) => outageDelayMs(outages, 0)),
    [2000, 4000, 60_000],
  );
});
