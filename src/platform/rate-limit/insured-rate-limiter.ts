import type { RedisClient } from '#platform/redis';
import { createOutageLog, type Logger, type Metrics } from '#platform/telemetry';
import { type CircuitState, createCircuitBreaker } from '#shared/circuit-breaker';
import { AppError } from '#shared/errors';
import { createMemoryRateLimiter, type MemoryRateLimiterOptions } from './memory-rate-limiter.ts';
import type { RateDecision, RateLimiter } from './rate-limiter.ts';
import { createRedisRateLimiter } from './redis-rate-limiter.ts';

export type RateLimiterOptions = MemoryRateLimiterOptions & {
  /** Limits hold across all processes through it; without it each process has its share. */
  readonly redis?: RedisClient | undefined;
  readonly logger: Logger;
  readonly metrics: Metrics;
  /** How long a request waits for Redis before its own process decides. */
  readonly budgetMs?: number;
};

// One lost answer is no outage; three in a row cost a few requests their budget. A hiccup, in which all that is under way is
// late at once, should not outlast itself much; an outage is tried ever more seldom, each time at the cost of one request.
const failureThreshold = 3;
const openMs = 100;
const maxOpenMs = 5000;

/**
 * Buckets in Redis when there is one, else in this process with its share of each limit. While Redis does not answer in time
 * the process's own buckets insure: limits then hold a little less exactly, and no request waits for them.
 */
export function createRateLimiter(options: RateLimiterOptions): RateLimiter {
  const memory = createMemoryRateLimiter(options);
  const decisions = options.metrics.counter('aquascene_rate_limit_decisions_total', 'Decisions of the rate limits', ['driver', 'outcome']);
  const counted = (driver: 'memory' | 'redis' | 'insurance', decision: RateDecision): RateDecision => {
    decisions.inc({ driver, outcome: decision.kind });
    return decision;
  };
  if (options.redis === undefined) return { take: async (buckets) => counted('memory', await memory.take(buckets)) };
  const redis = createRedisRateLimiter({ redis: options.redis });
  const ask = createAsk(redis, options);
  return {
    async take(buckets) {
      // Before the breaker: what Redis is not asked for says nothing of how it is.
      const known = redis.findKnown(buckets);
      if (known !== undefined) return counted('redis', known);
      const { inTime, late } = await ask(buckets);
      if (inTime !== undefined) {
        // Else the insurance would give a whole burst, to those who have just had it, whenever one answer of Redis is late.
        if (inTime.kind === 'allowed') memory.charge(buckets);
        return counted('redis', inTime);
      }
      const decision = await memory.take(buckets);
      const granted = decision.kind === 'allowed' ? 1 : 0;
      // What Redis grants too late it has taken from its buckets, whether it was granted here or not.
      void late.then((answer) => redis.owe(buckets, granted - (answer?.kind === 'allowed' ? 1 : 0)));
      return counted('insurance', decision);
    },
  };
}

type Asked = {
  /** Redis's decision, or undefined when it does not come in time. */
  readonly inTime: RateDecision | undefined;
  /** The decision that comes too late; undefined when none ever comes. Does not reject. */
  readonly late: Promise<RateDecision | undefined>;
};

const never: Promise<undefined> = Promise.resolve(undefined);

function createAsk(redis: RateLimiter, options: RateLimiterOptions): (...given: Parameters<RateLimiter['take']>) => Promise<Asked> {
  const { logger, metrics, budgetMs = 50 } = options;
  const isInsured = metrics.gauge('aquascene_rate_limit_insured', 'Whether the rate limits do without Redis, for its being in trouble');
  isInsured.set(0);
  const onChange = (state: CircuitState) => isInsured.set(state === 'closed' ? 0 : 1);
  const breaker = createCircuitBreaker({ failureThreshold, openMs, maxOpenMs, onChange });
  const outage = createOutageLog(logger, 'Redis', { purpose: 'rate limits' });
  return async (buckets) => {
    if (!breaker.tryAcquire()) return { inTime: undefined, late: never };
    const answer = redis.take(buckets);
    try {
      const inTime = await within(budgetMs, answer);
      breaker.succeeded();
      outage.up();
      return { inTime, late: never };
    } catch (error) {
      breaker.failed();
      outage.down(error);
      return { inTime: undefined, late: answer.catch(() => undefined) };
    }
  };
}

async function within<T>(budgetMs: number, work: Promise<T>): Promise<T> {
  const { promise: late, reject } = Promise.withResolvers<never>();
  // After a blocked event loop timers run before what has arrived is read: an answer that is there must not count as late.
  const timer = setTimeout(() => {
    setImmediate(() => reject(new AppError('redis_slow', `No answer within ${budgetMs} ms`)));
  }, budgetMs);
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}
