import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { createMemoryRateLimiter } from './memory-rate-limiter.ts';
import type { RateDecision } from './rate-limiter.ts';
import { bucketOf, countAllowed, testRateLimiter } from './testing/rate-limit-contract.ts';

describe('buckets in memory', () => {
  const shared = createMemoryRateLimiter();
  testRateLimiter(() => shared);
});

/** A limiter whose time stands until it is moved. */
function createStopped(options: { processes?: () => number; maxBuckets?: number } = {}) {
  let timeMs = 1_000_000;
  const limiter = createMemoryRateLimiter({ ...options, now: () => timeMs });
  return { ...limiter, advance: (ms: number) => void (timeMs += ms) };
}

test('over a long time exactly the rate is granted, on top of the burst', async () => {
  for (const ratePerSecond of [7, 30, 1000]) {
    const limiter = createStopped();
    const bucket = bucketOf({ ratePerSecond, burst: 10 });
    let allowed = 0;
    for (let ms = 0; ms <= 60_000; ms += 1) {
      if (ms > 0) limiter.advance(1);
      for (let count = 0; count < 3; count += 1) if ((await limiter.take([bucket])).kind === 'allowed') allowed += 1;
    }
    assert.equal(allowed, 10 + ratePerSecond * 60);
  }
});

test('who waits as long as the refusal says is let through', async () => {
  const limiter = createStopped();
  const bucket = bucketOf({ ratePerSecond: 3, burst: 2 });
  for (let count = 0; count < 2; count += 1) await limiter.take([bucket]);
  for (let count = 0; count < 20; count += 1) {
    const refused = await limiter.take([bucket]);
    assert.ok(refused.kind === 'refused');
    limiter.advance(refused.retryAfterMs * 0.99);
    assert.equal((await limiter.take([bucket])).kind, 'refused');
    limiter.advance(refused.retryAfterMs * 0.01);
    assert.equal((await limiter.take([bucket])).kind, 'allowed');
  }
});

test('each of several processes has its part of the rate and of the burst, and the part grows when others leave', async () => {
  let processes = 4;
  const limiter = createStopped({ processes: () => processes });
  const bucket = bucketOf({ ratePerSecond: 100, burst: 40 });
  const takeAll = async () => {
    const decisions: RateDecision[] = [];
    for (let count = 0; count < 200; count += 1) decisions.push(await limiter.take([bucket]));
    return countAllowed(decisions);
  };
  assert.equal(await takeAll(), 10);
  limiter.advance(200);
  assert.equal(await takeAll(), 5);
  processes = 1;
  limiter.advance(400);
  assert.equal(await takeAll(), 40);
});

test('with more processes than tokens in the burst each has one still', async () => {
  const limiter = createStopped({ processes: () => 10 });
  const bucket = bucketOf({ ratePerSecond: 1, burst: 3 });
  assert.equal((await limiter.take([bucket])).kind, 'allowed');
  assert.equal((await limiter.take([bucket])).kind, 'refused');
  limiter.advance(10_000);
  assert.equal((await limiter.take([bucket])).kind, 'allowed');
});

test('what was granted elsewhere counts, and never makes a bucket emptier than empty', async () => {
  const limiter = createStopped();
  const bucket = bucketOf({ ratePerSecond: 1, burst: 2 });
  limiter.charge([bucket]);
  assert.equal((await limiter.take([bucket])).kind, 'allowed');
  for (let count = 0; count < 100; count += 1) limiter.charge([bucket]);
  const refused = await limiter.take([bucket]);
  assert.equal(refused.kind === 'refused' && refused.retryAfterMs, 1000);
});

test('full buckets are forgotten, and among too many the one that was used longest ago', async () => {
  const limiter = createStopped({ maxBuckets: 1000 });
  const limit = { ratePerSecond: 1, burst: 2 };
  const offender = bucketOf(limit, 'test', 'offender');
  for (let count = 0; count < 2; count += 1) await limiter.take([offender]);
  for (let index = 0; index < 50_000; index += 1) {
    await limiter.take([bucketOf(limit, 'test', `address-${index}`)]);
    if (index % 100 === 0) assert.equal((await limiter.take([offender])).kind, 'refused', 'who comes back is remembered');
    assert.ok(limiter.size() <= 1001);
  }
  limiter.advance(60_000);
  for (let index = 0; index < 1100; index += 1) await limiter.take([bucketOf(limit, 'test', 'one')]);
  assert.ok(limiter.size() <= 2, `${limiter.size()} are kept`);
});
