export { subjectOfAddress } from './address-subject.ts';
export { createRateLimiter, type RateLimiterOptions } from './insured-rate-limiter.ts';
export { createProcessShare, type ProcessShare } from './process-share.ts';
export type { Bucket, BucketState, RateDecision, RateLimiter, TokenLimit } from './rate-limiter.ts';
export { createRefusals } from './refusals.ts';
