import { createLimitBook, type LimitBook } from '../limit-book.ts';
import { emptyState, type LimitRates, type LimitState, renewLease } from '../limit-state.ts';

// Senders on a clock of its own, millisecond by millisecond: each with its book, and a store that answers some milliseconds
// late. When the server has a message lies anywhere between the handing over and the answer.

export type Scenario = {
  readonly rates: LimitRates;
  readonly senders: number;
  readonly seconds: number;
  readonly seed: number;
  /** Between these lies the time for an answer. */
  readonly latencyMs: readonly number[];
  readonly isComingAndGoing?: boolean;
  /** Senders stall for seconds now and then, and the last one dies. */
  readonly hasFailures?: boolean;
  /** The store answers nothing from the first to the second. */
  readonly outage?: readonly [number, number];
};

type UnderWay = { readonly answersAt: number };
type Asking = { readonly startedAt: number; readonly readsAt: number; readonly writesAt: number; readonly endsAt: number };
type Sender = {
  readonly id: string;
  readonly book: LimitBook;
  underWay: UnderWay[];
  asking: (Asking & { grant?: ReturnType<typeof renewLease>['grant']; claim: ReturnType<LimitBook['claim']> }) | undefined;
  stalledUntil: number;
  isDead: boolean;
};

const lanes = 30;

function createRandom(seed: number): () => number {
  let state = seed * 2_654_435_761;
  return () => {
    state = (Math.imul(state ^ (state >>> 15), state | 1) + 0x6d2b79f5) | 0;
    return ((state ^ (state >>> 14)) >>> 0) / 4_294_967_296;
  };
}

/** When each message arrived at the server, in order. */
export async function simulate(scenario: Scenario): Promise<number[]> {
  const random = createRandom(scenario.seed);
  const between = (low: number, high: number) => low + random() * (high - low);
  const [fastest = 1, slowest = 1] = scenario.latencyMs;
  let state: LimitState = emptyState;
  const arrivals: number[] = [];
  const senders: Sender[] = Array.from({ length: scenario.senders }, (_, index) => ({
    id: `sender-${index}`,
    book: createLimitBook(scenario.rates, scenario.senders),
    underWay: [],
    asking: undefined,
    stalledUntil: 0,
    isDead: false,
  }));
  const isGone = (at: number) => scenario.outage !== undefined && at >= scenario.outage[0] && at < scenario.outage[1];

  function ask(sender: Sender, at: number): void {
    const readsAt = at + between(1, 4);
    const writesAt = readsAt + between(1, 4);
    sender.asking = { startedAt: at, readsAt, writesAt, endsAt: writesAt + between(0, 3), claim: sender.book.claim(at) };
  }

  /** The store changes when it is written; whoever stalls meanwhile hears of it later. */
  function exchange({ id, book, asking }: Sender, at: number): void {
    if (asking === undefined || asking.grant !== undefined || at < asking.writesAt || isGone(at)) return;
    const leaseMs = 5000 + (scenario.rates.pace?.spanMs ?? 0);
    const renewed = renewLease(state, { ...asking.claim, process: id, rates: book.rates(), leaseMs }, at);
    state = renewed.state;
    asking.grant = renewed.grant;
  }

  function hear(sender: Sender, at: number): void {
    const { book, asking } = sender;
    if (asking === undefined || at < asking.endsAt) return;
    sender.asking = undefined;
    if (asking.grant === undefined) {
      book.fail();
      book.setAlone(true, at);
      return;
    }
    book.setAlone(false, asking.startedAt);
    book.apply(asking.grant, asking.startedAt, asking.startedAt + 3000);
  }

  function send(sender: Sender, at: number): void {
    const { book } = sender;
    while (sender.underWay.length < lanes && book.canTake(at, false)) {
      book.take(at, false);
      const answersAt = at + between(fastest, slowest);
      arrivals.push(between(at, answersAt));
      sender.underWay.push({ answersAt });
    }
    if (sender.underWay.length < lanes) book.want(lanes - sender.underWay.length, at, false);
  }

  function step(sender: Sender, index: number, at: number): void {
    if (!sender.isDead) exchange(sender, at);
    if (sender.isDead || at < sender.stalledUntil) return;
    if (scenario.hasFailures === true && random() < 1 / 20_000) {
      sender.stalledUntil = at + between(500, 8000);
      return;
    }
    if (scenario.hasFailures === true && index === scenario.senders - 1 && at > 30_000) sender.isDead = true;
    hear(sender, at);
    const answered = sender.underWay.filter(({ answersAt }) => answersAt <= at);
    sender.underWay = sender.underWay.filter(({ answersAt }) => answersAt > at);
    for (const _ of answered) sender.book.settle(at);
    const isAway = scenario.isComingAndGoing === true && index > 0 && Math.floor(at / 7000 + index) % 2 === 0;
    if (!isAway) send(sender, at);
    if (
      sender.asking === undefined &&
      (sender.book.isDue(at) || (!isAway && at - sender.book.lastAskedAt() >= 100 && !sender.book.canTake(at, false)))
    ) {
      ask(sender, at);
    }
  }

  for (let at = 0; at < scenario.seconds * 1000; at += 1) {
    for (const [index, sender] of senders.entries()) step(sender, index, at);
  }
  return arrivals.sort((a, b) => a - b);
}

/** The most that any span holds over the limit. */
export function countOver(arrivals: readonly number[], spanMs: number, limit: number): number {
  let over = 0;
  let first = 0;
  for (const [index, at] of arrivals.entries()) {
    while ((arrivals[first] ?? at) <= at - spanMs) first += 1;
    over = Math.max(over, index - first + 1 - limit);
  }
  return over;
}
