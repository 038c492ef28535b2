import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { test } from 'node:test';
import { waitFor } from '../../../../tests/support/wait-for.ts';
import type { Bucket, RateDecision, RateLimiter, TokenLimit } from '../rate-limiter.ts';

// So slow that no token comes back while a test runs, on however slow a machine.
const slow = { ratePerSecond: 1 / 3600, burst: 5 };
const hourMs = 3_600_000;

export function bucketOf(limit: TokenLimit, policy = 'test', subject = `test:${randomUUID()}`): Bucket {
  return { subject, policy, limit };
}

async function takeTimes(limiter: RateLimiter, buckets: readonly [Bucket, ...Bucket[]], times: number): Promise<RateDecision[]> {
  const decisions: RateDecision[] = [];
  for (let count = 0; count < times; count += 1) decisions.push(await limiter.take(buckets));
  return decisions;
}

export const countAllowed = (decisions: readonly RateDecision[]): number => decisions.filter(({ kind }) => kind === 'allowed').length;

/** What every driver does, whatever it keeps its buckets in. `makeLimiter` gives one more view of the same buckets. */
export function testRateLimiter(makeLimiter: () => RateLimiter): void {
  test('a full bucket gives its burst and then refuses, saying when there is a token again', async () => {
    const bucket = bucketOf(slow);
    const decisions = await takeTimes(makeLimiter(), [bucket], 6);
    assert.deepEqual(
      decisions.map((decision) => (decision.kind === 'allowed' ? decision.tightest.remaining : -1)),
      [4, 3, 2, 1, 0, -1],
    );
    const refused = decisions.at(-1);
    assert.ok(refused?.kind === 'refused');
    assert.ok(refused.retryAfterMs > 0 && refused.retryAfterMs <= hourMs, String(refused.retryAfterMs));
    assert.equal(refused.by.policy, 'test');
    assert.equal(refused.by.remaining, 0);
  });

  test('tokens come back with time', async () => {
    const limiter = makeLimiter();
    const bucket = bucketOf({ ratePerSecond: 50, burst: 1 });
    await limiter.take([bucket]);
    await waitFor('a token', async () => (await limiter.take([bucket])).kind === 'allowed');
  });

  test('a limit with an interval that is no whole number of microseconds gives its whole burst', async () => {
    const bucket = bucketOf({ ratePerSecond: 7 / 90_000, burst: 7 });
    assert.equal(countAllowed(await takeTimes(makeLimiter(), [bucket], 12)), 7);
  });

  test('subjects and policies have buckets of their own', async () => {
    const limiter = makeLimiter();
    const one = bucketOf({ ...slow, burst: 1 });
    await limiter.take([one]);
    assert.equal((await limiter.take([one])).kind, 'refused');
    assert.equal((await limiter.take([{ ...one, subject: `${one.subject}:other` }])).kind, 'allowed');
    assert.equal((await limiter.take([{ ...one, policy: 'other' }])).kind, 'allowed');
  });

  for (const [how, subjects] of [
    ['of one subject', ['a', 'a', 'a']],
    ['of several subjects', ['a', 'b', 'c']],
  ] as const) {
    test(`a token is taken from all buckets ${how}, or from none`, async () => {
      const limiter = makeLimiter();
      const id = randomUUID();
      const [wide, narrow, last] = [5, 1, 5].map((burst, index) =>
        bucketOf({ ...slow, burst }, `policy-${index}`, `test:${id}:${subjects[index]}`),
      ) as [Bucket, Bucket, Bucket];
      const first = await limiter.take([wide, narrow, last]);
      assert.equal(first.kind === 'allowed' && first.tightest.policy, 'policy-1');
      for (const decision of await takeTimes(limiter, [wide, narrow, last], 5)) {
        assert.equal(decision.kind === 'refused' && decision.by.policy, 'policy-1');
      }
      for (const bucket of [wide, last]) {
        const next = await limiter.take([bucket]);
        assert.equal(next.kind === 'allowed' && next.tightest.remaining, 3, 'the refused ones took nothing');
      }
    });
  }

  test('callers at the same time get the burst and no more', async () => {
    const bucket = bucketOf({ ...slow, burst: 100 });
    const limiters = Array.from({ length: 4 }, makeLimiter);
    const decisions = await Promise.all(limiters.flatMap((limiter) => Array.from({ length: 60 }, () => limiter.take([bucket]))));
    assert.equal(countAllowed(decisions), 100);
  });
}
