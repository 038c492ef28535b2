import type { RedisClient } from '#platform/redis';
import { AppError } from '#shared/errors';
import { createDebts } from './debts.ts';
import {
  type Bucket,
  type BucketState,
  paceOf,
  type RateDecision,
  type RateLimiter,
  stateOf,
  tightestOf,
  waitFor,
} from './rate-limiter.ts';
import { createRefusals } from './refusals.ts';
import { takeTokensCommand, takeTokensScript, unitsPerMs } from './take-tokens.ts';

export type RedisRateLimiterOptions = {
  readonly redis: RedisClient;
  /** Milliseconds, never going backwards. */
  readonly now?: () => number;
};

export type RedisRateLimiter = RateLimiter & {
  /** Tokens that were granted without Redis, or by Redis for nothing (negative): its buckets change with the next one asked for. */
  owe(buckets: readonly Bucket[], tokens: number): void;
  /** The refusal that is known to hold without asking Redis. `take` asks Redis in any case. */
  findKnown(buckets: readonly Bucket[]): RateDecision | undefined;
};

type TakeTokens = (keyCount: number, ...keysAndArguments: (string | number)[]) => Promise<unknown>;

const unitsPerSecond = unitsPerMs * 1000;

/** The braces are the hash tag: the buckets of a subject share a slot. */
const keyOf = ({ subject, policy }: Bucket): string => `aquascene:limit:{${subject}}:${policy}`;

/**
 * Buckets that all processes share. Rejects when Redis does not answer, or answers nonsense. A bucket that was found empty is
 * known to be so until the time that Redis said: nothing but time fills it.
 *
 * In a Cluster one script reaches one slot, so that buckets of several subjects are taken from one after the other; what was
 * taken is given back when a later one refuses.
 */
export function createRedisRateLimiter({ redis, now = () => performance.now() }: RedisRateLimiterOptions): RedisRateLimiter {
  redis.defineCommand(takeTokensCommand, { lua: takeTokensScript });
  const takeTokens = (redis as unknown as Record<string, TakeTokens>)[takeTokensCommand]?.bind(redis) as TakeTokens;
  const refusals = createRefusals(now);
  const debts = createDebts(now);

  async function change(buckets: readonly Bucket[], tokens: number): Promise<number[]> {
    const keys = buckets.map(keyOf);
    const owed = keys.map((key) => debts.settle(key));
    const terms = buckets.flatMap(({ limit }, index) => {
      const { interval, capacity } = paceOf(limit, unitsPerSecond);
      return [interval, capacity, owed[index] ?? 0];
    });
    const answer = await takeTokens(buckets.length, ...keys, tokens, ...terms).catch((error: unknown) => {
      for (const [index, key] of keys.entries()) debts.add(key, owed[index] ?? 0);
      throw error;
    });
    if (!Array.isArray(answer) || answer.length !== buckets.length + 1 || !answer.every(Number.isFinite)) {
      throw new AppError('redis_answer', 'Redis answered the script of the rate limits with something else.');
    }
    return answer;
  }

  async function takeTogether(buckets: readonly Bucket[]): Promise<RateDecision | BucketState[]> {
    const askedAt = now();
    const [refusing = 0, ...backlogs] = await change(buckets, 1);
    const stateAt = (bucket: Bucket, index: number) =>
      stateOf(bucket, paceOf(bucket.limit, unitsPerSecond), backlogs[index] ?? 0, unitsPerMs);
    const by = buckets[refusing - 1];
    if (by === undefined) return buckets.map(stateAt);
    const retryAfterMs = waitFor(paceOf(by.limit, unitsPerSecond), backlogs[refusing - 1] ?? 0) / unitsPerMs;
    const decision: RateDecision = { kind: 'refused', by: stateAt(by, refusing - 1), retryAfterMs };
    // Counted from before Redis was asked: never longer than Redis itself would refuse.
    refusals.keep(keyOf(by), askedAt + retryAfterMs, decision.by);
    return decision;
  }

  return {
    owe(buckets, tokens) {
      for (const bucket of buckets) debts.add(keyOf(bucket), tokens);
    },
    findKnown(buckets) {
      for (const bucket of buckets) {
        const known = refusals.find(keyOf(bucket));
        if (known !== undefined) return known;
      }
      return undefined;
    },
    async take(buckets) {
      const groups = redis.isCluster ? [...Map.groupBy(buckets, ({ subject }) => subject).values()] : [buckets];
      const states: BucketState[] = [];
      for (const [index, group] of groups.entries()) {
        const taken = await takeTogether(group);
        if (Array.isArray(taken)) {
          states.push(...taken);
          continue;
        }
        await Promise.all(groups.slice(0, index).map((former) => change(former, -1)));
        return taken;
      }
      return { kind: 'allowed', tightest: tightestOf(states) as BucketState };
    },
  };
}
