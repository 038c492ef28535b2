import assert from 'node:assert/strict';
import { test } from 'node:test';
import { retryAfterMs } from './retry-after.ts';

test('Retry-After is seconds or a date', () => {
  const now = new Date('2026-11-24T12:00:00Z');
  assert.equal(retryAfterMs('120', now), 120_000);
  assert.equal(retryAfterMs('Tue, 24 Nov 2026 12:00:30 GMT', now), 30_000);
  assert.equal(retryAfterMs('Tue, 24 Nov 2020 12:00:30 GMT', now), 0);
  for (const nonsense of [undefined, '', 'soon', '-5', '1e9', '99999999999'])
    assert.equal(retryAfterMs(nonsense, now), undefined, nonsense);
});
