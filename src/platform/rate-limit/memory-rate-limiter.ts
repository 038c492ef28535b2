import { type Bucket, type Pace, paceOf, type RateDecision, type RateLimiter, stateOf, tightestOf, waitFor } from './rate-limiter.ts';

export type MemoryRateLimiterOptions = {
  /** Among how many processes each limit is shared; 1 unless told. */
  readonly processes?: () => number;
  /** Most buckets of one policy that are kept; a full one need not be. About 150 bytes each. */
  readonly maxBuckets?: number;
  /** Milliseconds, never going backwards. */
  readonly now?: () => number;
};

export type MemoryRateLimiter = RateLimiter & {
  /** Takes a token from each, as far as there is one: what was granted elsewhere counts here too. */
  charge(buckets: readonly Bucket[]): void;
  readonly size: () => number;
};

/** When each subject's bucket is full again, in milliseconds; the one that was asked for longest ago stands first. */
type Backlogs = Map<string, number>;

// One more than comes in with a decision: what is full leaves faster than anything comes.
const droppedAtOnce = 2;

/** Past the bound the one that was used longest ago goes: who comes back all the time is remembered. */
function dropFull(backlogs: Backlogs, time: number, maxBuckets: number): void {
  let left = droppedAtOnce;
  for (const [subject, fullAt] of backlogs) {
    if (fullAt > time && backlogs.size <= maxBuckets) return;
    backlogs.delete(subject);
    left -= 1;
    if (left === 0) return;
  }
}

function keep(backlogs: Backlogs, subject: string, fullAt: number): void {
  backlogs.delete(subject);
  backlogs.set(subject, fullAt);
}

/** Buckets in this process. */
export function createMemoryRateLimiter(options: MemoryRateLimiterOptions = {}): MemoryRateLimiter {
  const { processes = () => 1, maxBuckets = 100_000, now = () => performance.now() } = options;
  // Apart by policy: buckets of one fill at one pace, so that the oldest are the fullest, and a flood of one policy's callers
  // drives nobody out of another.
  const policies = new Map<string, Backlogs>();

  function backlogsOf(policy: string): Backlogs {
    const known = policies.get(policy);
    if (known !== undefined) return known;
    const backlogs: Backlogs = new Map();
    policies.set(policy, backlogs);
    return backlogs;
  }

  /** Its limit may have been lowered since. */
  const backlogIn = (backlogs: Backlogs, subject: string, { capacity }: Pace, time: number): number =>
    Math.min(capacity, Math.max(0, (backlogs.get(subject) ?? 0) - time));

  function decide(buckets: readonly [Bucket, ...Bucket[]]): RateDecision {
    const time = now();
    const sharers = processes();
    const plans: { readonly bucket: Bucket; readonly backlogs: Backlogs; readonly pace: Pace; readonly backlog: number }[] = [];
    for (const bucket of buckets) {
      const backlogs = backlogsOf(bucket.policy);
      dropFull(backlogs, time, maxBuckets);
      const pace = paceOf(bucket.limit, 1000, sharers);
      const backlog = backlogIn(backlogs, bucket.subject, pace, time);
      const wait = waitFor(pace, backlog);
      if (wait > 0) {
        keep(backlogs, bucket.subject, time + backlog);
        return { kind: 'refused', by: stateOf(bucket, pace, backlog, 1), retryAfterMs: wait };
      }
      plans.push({ bucket, backlogs, pace, backlog });
    }
    const states = plans.map(({ bucket, backlogs, pace, backlog }) => {
      keep(backlogs, bucket.subject, time + backlog + pace.interval);
      return stateOf(bucket, pace, backlog + pace.interval, 1);
    });
    return { kind: 'allowed', tightest: tightestOf(states) as (typeof states)[number] };
  }

  return {
    take: async (buckets) => decide(buckets),
    charge(buckets) {
      const time = now();
      const sharers = processes();
      for (const { policy, subject, limit } of buckets) {
        const backlogs = backlogsOf(policy);
        dropFull(backlogs, time, maxBuckets);
        const pace = paceOf(limit, 1000, sharers);
        const backlog = backlogIn(backlogs, subject, pace, time) + pace.interval;
        keep(backlogs, subject, time + Math.min(pace.capacity, backlog));
      }
    },
    size: () => policies.values().reduce((sum, backlogs) => sum + backlogs.size, 0),
  };
}
