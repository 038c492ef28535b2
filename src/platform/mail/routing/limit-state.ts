import { rateWindows } from '#shared/mail-rates';

// How a limit is kept by several processes, none of which asks for each message.
//
// Every process leases a part of the limit, and its messages that are under way or were answered within the last span never
// outnumber that part. The parts never outnumber the limit. A message reaches the server between its handing over and its
// answer; so whatever a span is laid over at the server, all messages in it were within the parts at one moment: the limit
// holds by the server's own clock, however late anything comes. The price is that a message counts for its answer's time more.
//
// For the long windows what was answered is told to the shared state and counted there, by buckets of a sixtieth of a window.

/** Most messages in any span of `spanMs`. */
export type Pace = { readonly count: number; readonly spanMs: number };

export type LongWindow = 'minute' | 'hour' | 'day';
type BucketedWindow = { readonly name: LongWindow; readonly lengthMs: number; readonly bucketMs: number };

export const longWindows: readonly BucketedWindow[] = rateWindows.flatMap(({ name, lengthMs }): readonly BucketedWindow[] =>
  name === 'second' ? [] : [{ name, lengthMs, bucketMs: lengthMs / 60 }],
);

export type LimitRates = { readonly pace: Pace | undefined; readonly long: Partial<Readonly<Record<LongWindow, number>>> };

export type Lease = {
  /** Its parts are free again from then on, unless it is renewed. */
  readonly until: number;
  /** Its part of the pace, and of the long windows (not yet told as spent). */
  readonly part: number;
  readonly held: number;
  /** What it could use of each. */
  readonly demand: number;
  readonly longDemand: number;
};

export type LimitState = {
  readonly leases: Readonly<Record<string, Lease>>;
  /** Start of each bucket and what was spent in it, oldest first. */
  readonly spent: Partial<Readonly<Record<LongWindow, readonly (readonly [number, number])[]>>>;
};

export const emptyState: LimitState = { leases: {}, spent: {} };

export type LeaseClaim = {
  readonly process: string;
  readonly rates: LimitRates;
  /** Cannot be given back now: under way, or answered within the span. */
  readonly occupied: number;
  /** Cannot be given back now of the long windows: reserved or under way. */
  readonly pending: number;
  /** Answered since what was told last. */
  readonly spent: number;
  readonly demand: number;
  readonly longDemand: number;
  /** Of the demand: mails that people wait for, for which a part of the long windows is kept. */
  readonly urgent: number;
  readonly leaseMs: number;
};

export type Grant = {
  /** How many may be under way or answered within the span. */
  readonly part: number;
  /** How many may be pending or spent and not yet told. */
  readonly longPart: number;
  /** When a long window that is used up lets something through again; 0 when none is. */
  readonly reopensAt: number;
  /** Processes that take part, this one among them. */
  readonly processes: number;
  /** Left in the tightest long window, for a share of it if the state cannot be reached. */
  readonly longLeft: number;
};

/** Of each long window; for mails that people wait for. */
const urgentShare = 0.05;

/** Renews a process's lease. Pure: `nowMs` is the store's time. */
export function renewLease(state: LimitState, claim: LeaseClaim, nowMs: number): { readonly state: LimitState; readonly grant: Grant } {
  const live = Object.entries(state.leases).filter(([id, { until }]) => id !== claim.process && until > nowMs);
  // Whoever is gone may have sent what it held.
  const lost = Object.entries(state.leases)
    .filter(([id, { until }]) => id !== claim.process && until <= nowMs)
    .reduce((sum, [, { held }]) => sum + held, 0);
  const spent = addSpent(state.spent, claim.rates, claim.spent + lost, nowMs);
  const part = paceShare(claim, live);
  const long = longShare(claim, live, spent, nowMs);
  const lease: Lease = {
    until: nowMs + claim.leaseMs,
    part: claim.rates.pace === undefined ? claim.occupied : Math.max(claim.occupied, part),
    held: Object.keys(claim.rates.long).length === 0 ? claim.pending : Math.max(claim.pending, long.part),
    demand: claim.demand,
    longDemand: claim.longDemand,
  };
  const isIdle = lease.part === 0 && lease.held === 0 && claim.demand === 0;
  return {
    state: { leases: { ...Object.fromEntries(live), ...(!isIdle && { [claim.process]: lease }) }, spent },
    grant: { part, longPart: long.part, reopensAt: long.reopensAt, processes: live.length + 1, longLeft: long.left },
  };
}

function paceShare({ rates: { pace }, process, demand }: LeaseClaim, live: readonly (readonly [string, Lease])[]): number {
  if (pace === undefined) return Number.MAX_SAFE_INTEGER;
  const free = pace.count - live.reduce((sum, [, { part }]) => sum + part, 0);
  const fair = fairShare(
    pace.count,
    process,
    demand,
    live.map(([id, lease]) => [id, lease.demand]),
  );
  return Math.max(0, Math.min(fair, free));
}

function longShare(claim: LeaseClaim, live: readonly (readonly [string, Lease])[], spent: LimitState['spent'], nowMs: number) {
  let left = Number.MAX_SAFE_INTEGER;
  let leftForCampaigns = Number.MAX_SAFE_INTEGER;
  let reopensAt = 0;
  for (const { name, lengthMs, bucketMs } of longWindows) {
    const limit = claim.rates.long[name];
    if (limit === undefined) continue;
    const buckets = spent[name] ?? [];
    const used = buckets.reduce((sum, [, count]) => sum + count, 0);
    left = Math.min(left, limit - used);
    leftForCampaigns = Math.min(leftForCampaigns, limit - Math.floor(limit * urgentShare) - used);
    const [oldest] = buckets;
    if (limit - used <= 0 && oldest !== undefined) reopensAt = Math.max(reopensAt, oldest[0] + bucketMs + lengthMs);
  }
  if (left === Number.MAX_SAFE_INTEGER) return { part: left, reopensAt: 0, left };
  const held = live.reduce((sum, [, lease]) => sum + lease.held, 0);
  const demands = live.map(([id, { longDemand }]) => [id, longDemand] as const);
  const fair = fairShare(Math.max(0, leftForCampaigns), claim.process, claim.longDemand - claim.urgent, demands);
  const ordinary = Math.max(0, Math.min(fair, leftForCampaigns - held));
  const part = Math.max(0, Math.min(ordinary + claim.urgent, left - held));
  return { part, reopensAt: reopensAt > nowMs ? reopensAt : 0, left: Math.max(0, left) };
}

/**
 * One's share of a limit by max-min fairness: nobody gets more than it asks for, and what the modest leave is shared by the
 * others. Everybody who counts on the same demands comes to the same shares; they never sum up to more than the limit.
 */
export function fairShare(limit: number, id: string, demand: number, others: readonly (readonly [string, number])[]): number {
  const all = [...others, [id, demand] as const].sort(([a, x], [b, y]) => x - y || (a < b ? -1 : 1));
  let left = limit;
  for (const [index, [whose, wanted]] of all.entries()) {
    const share = Math.min(wanted, Math.floor(left / (all.length - index)));
    if (whose === id) return Math.max(0, share);
    left -= share;
  }
  return 0;
}

function addSpent(spent: LimitState['spent'], { long }: LimitRates, count: number, nowMs: number): LimitState['spent'] {
  return Object.fromEntries(
    longWindows.flatMap(({ name, lengthMs, bucketMs }) => {
      if (long[name] === undefined) return [];
      const kept = (spent[name] ?? []).filter(([start]) => start + bucketMs + lengthMs > nowMs);
      if (count === 0) return [[name, kept]];
      const start = Math.floor(nowMs / bucketMs) * bucketMs;
      const last = kept.at(-1);
      // A clock that was set back must not open a bucket before the last one.
      if (last !== undefined && last[0] >= start) return [[name, [...kept.slice(0, -1), [last[0], last[1] + count]]]];
      return [[name, [...kept, [start, count]]]];
    }),
  );
}

/** How long the state says something: after that it is the same as none. */
export const keptMs = ({ long }: LimitRates, leaseMs: number): number =>
  leaseMs + Math.max(0, ...longWindows.filter(({ name }) => long[name] !== undefined).map(({ lengthMs }) => lengthMs * 1.05));
