import assert from 'node:assert/strict';
import { test } from 'node:test';
import { emptyState, fairShare, keptMs, type LeaseClaim, type LimitRates, renewLease } from './limit-state.ts';
import { countOver, simulate } from './testing/simulation.ts';

const perSecond = (count: number): LimitRates => ({ pace: { count, spanMs: 1000 }, long: {} });
const claimOf = (more: Partial<LeaseClaim>): LeaseClaim => ({
  process: 'a',
  rates: perSecond(10),
  occupied: 0,
  pending: 0,
  spent: 0,
  demand: 0,
  longDemand: 0,
  urgent: 0,
  leaseMs: 6000,
  ...more,
});

test('shares are max-min fair, and everybody comes to the same ones', () => {
  const demands = [
    ['a', 3],
    ['b', 50],
    ['c', 50],
    ['d', 50],
  ] as const;
  const shares = demands.map(([id, demand]) =>
    fairShare(
      20,
      id,
      demand,
      demands.filter(([other]) => other !== id),
    ),
  );
  assert.deepEqual(shares, [3, 5, 6, 6]);
  const scarce = demands.map(([id, demand]) =>
    fairShare(
      3,
      id,
      demand,
      demands.filter(([other]) => other !== id),
    ),
  );
  assert.equal(
    scarce.reduce((sum, share) => sum + share, 0),
    3,
  );
});

test('a part is only given out of what the others do not hold, and of a lease that ended it is free again', () => {
  const first = renewLease(emptyState, claimOf({ demand: 30 }), 0);
  assert.equal(first.grant.part, 10);
  const second = renewLease(first.state, claimOf({ process: 'b', demand: 30 }), 1);
  assert.equal(second.grant.part, 0);
  const yielding = renewLease(second.state, claimOf({ demand: 30, occupied: 8 }), 500);
  assert.equal(yielding.grant.part, 5, 'the first is asked to yield');
  const some = renewLease(yielding.state, claimOf({ process: 'b', demand: 30 }), 501);
  assert.equal(some.grant.part, 2, 'what is still under way is not free');
  const all = renewLease(some.state, claimOf({ process: 'b', demand: 30, occupied: 2 }), 6501);
  assert.equal(all.grant.part, 10);
});

test('an idle process leaves nothing behind, and spent mails are kept as long as their windows reach', () => {
  const rates: LimitRates = { pace: undefined, long: { minute: 100, day: 1000 } };
  const { state } = renewLease(emptyState, claimOf({ rates, longDemand: 40, pending: 40 }), 0);
  const told = renewLease(state, claimOf({ rates, spent: 40 }), 2000);
  assert.deepEqual(told.state.leases, {});
  assert.deepEqual(told.state.spent, { minute: [[2000, 40]], day: [[0, 40]] });
  const later = renewLease(told.state, claimOf({ rates, longDemand: 200 }), 62_999);
  assert.equal(later.grant.longPart, 60 - 5, 'a twentieth is for mails that people wait for');
  const urgent = renewLease(told.state, claimOf({ rates, longDemand: 200, urgent: 4 }), 62_999);
  assert.equal(urgent.grant.longPart, 55 + 4);
  const after = renewLease(told.state, claimOf({ rates, longDemand: 200 }), 63_000);
  assert.equal(after.grant.longPart, 95);
  assert.equal(keptMs(rates, 5000), 5000 + 86_400_000 * 1.05);
});

test('a window that is used up says when it opens again', () => {
  const rates: LimitRates = { pace: undefined, long: { hour: 10 } };
  const { state } = renewLease(emptyState, claimOf({ rates, spent: 10 }), 90_000);
  const { grant } = renewLease(state, claimOf({ rates, longDemand: 5 }), 91_000);
  assert.deepEqual([grant.longPart, grant.reopensAt], [0, 60_000 + 60_000 + 3_600_000]);
});

test('what a process held when it died counts as spent', () => {
  const rates: LimitRates = { pace: undefined, long: { hour: 100 } };
  const { state } = renewLease(emptyState, claimOf({ rates, longDemand: 30 }), 0);
  const { grant } = renewLease(state, claimOf({ rates, process: 'b', longDemand: 500 }), 7000);
  assert.equal(grant.longPart, 95 - 30);
});

for (const { title, ...scenario } of [
  { title: 'four processes of one speed', rates: perSecond(20), latencyMs: [1, 40], seconds: 60, senders: 4, least: 0.8 },
  { title: 'slow and uneven answers', rates: perSecond(50), latencyMs: [5, 800], seconds: 60, senders: 4, least: 0.55 },
  {
    title: 'a limit that is smaller than the number of processes',
    rates: perSecond(3),
    latencyMs: [1, 20],
    seconds: 60,
    senders: 5,
    least: 0.8,
  },
  {
    title: 'a process that comes and goes',
    rates: perSecond(40),
    latencyMs: [1, 40],
    seconds: 60,
    senders: 4,
    least: 0.6,
    isComingAndGoing: true,
  },
  {
    title: 'processes that stall, and one that dies',
    rates: perSecond(40),
    latencyMs: [1, 40],
    seconds: 90,
    senders: 4,
    least: 0.4,
    hasFailures: true,
  },
  {
    title: 'a store that is gone for a while',
    rates: perSecond(40),
    latencyMs: [1, 40],
    seconds: 60,
    senders: 4,
    least: 0.4,
    outage: [20_000, 35_000] as const,
  },
  {
    title: 'a minute and a second',
    rates: { pace: { count: 50, spanMs: 1000 }, long: { minute: 900 } },
    latencyMs: [1, 40],
    seconds: 300,
    senders: 4,
    least: 0.75,
    perSecond: 15,
  },
  {
    title: 'a minute through an outage',
    rates: { pace: undefined, long: { minute: 600 } },
    latencyMs: [1, 40],
    seconds: 300,
    senders: 4,
    least: 0.2,
    perSecond: 10,
    outage: [90_000, 150_000] as const,
  },
]) {
  test(`no span of time sees more than the limit: ${title}`, async () => {
    for (const seed of scenario.seconds > 100 ? [1] : [1, 2, 3]) {
      const arrivals = await simulate({ ...scenario, seed });
      const { pace, long } = scenario.rates as LimitRates;
      if (pace !== undefined) assert.equal(countOver(arrivals, pace.spanMs, pace.count), 0, 'in a second');
      if (long.minute !== undefined) assert.equal(countOver(arrivals, 60_000, long.minute), 0, 'in a minute');
      const rate = arrivals.length / scenario.seconds / ('perSecond' in scenario ? scenario.perSecond : (pace?.count ?? 1));
      assert.ok(rate >= scenario.least, `seed ${seed}: ${rate.toFixed(3)} of the limit was used, ${scenario.least} was to be`);
    }
  });
}
