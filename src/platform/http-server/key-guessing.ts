import type { FastifyRequest } from 'fastify';
import { type Bucket, createRefusals, subjectOfAddress } from '#platform/rate-limit';
import { defaultKeyFailures } from './rate-classes.ts';
import { enforce, type RateLimits } from './rate-limits.ts';

/** Limits the wrong keys that come from one address. Who sends right ones takes nothing from it. */
export type KeyGuessing = {
  /** Before the key is looked up. Throws AppError `rate_limited` (429) for an address that is known to guess. */
  check(request: FastifyRequest): void;
  /** After a wrong key. Throws AppError `rate_limited` (429) when there were too many. */
  countFailure(request: FastifyRequest): Promise<void>;
};

/**
 * The bucket is asked only when a key was wrong: it costs right ones nothing. An address that it refuses is refused by this
 * process until it has a token again; another process asks at the first wrong key.
 */
export function createKeyGuessing({ limiter, keyFailures = defaultKeyFailures }: RateLimits): KeyGuessing {
  const now = () => performance.now();
  const refusals = createRefusals(now);
  const bucketOf = (request: FastifyRequest): Bucket => ({
    subject: subjectOfAddress(request.ip),
    policy: 'key-failures',
    limit: keyFailures,
  });
  return {
    check(request) {
      // What is never limited is also not refused to the neighbour of somebody who guesses.
      if (request.routeOptions.config.rateLimit === false) return;
      const refusal = refusals.find(bucketOf(request).subject);
      if (refusal !== undefined) enforce(refusal);
    },
    async countFailure(request) {
      const bucket = bucketOf(request);
      const decision = await limiter.take([bucket]);
      if (decision.kind === 'refused') refusals.keep(bucket.subject, now() + decision.retryAfterMs, decision.by);
      enforce(decision);
    },
  };
}
