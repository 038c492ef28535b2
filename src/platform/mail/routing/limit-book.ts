import type { Grant, LimitRates } from './limit-state.ts';

export type BookClaim = {
  readonly occupied: number;
  readonly pending: number;
  readonly spent: number;
  readonly demand: number;
  readonly longDemand: number;
  readonly urgent: number;
};

/** What a process needs to know of one limit to give leave without asking anybody. Times are of its own steady clock, in ms. */
export type LimitBook = {
  setRates(rates: LimitRates): void;
  readonly rates: () => LimitRates;
  /** Whether one more may be begun now. */
  canTake(nowMs: number, isUrgent: boolean): boolean;
  take(nowMs: number, isUrgent: boolean): void;
  /** Taken and surely not handed over. */
  giveBack(): void;
  /** Answered, or lost so that it may have been taken. */
  settle(nowMs: number): void;
  /** So many are wanted that get no leave now. */
  want(count: number, nowMs: number, isUrgent: boolean): void;
  /** What is told when the lease is renewed. Until `apply` or `fail` nothing is begun beyond what was told. */
  claim(nowMs: number): BookClaim;
  /** @param endsAtMs until when the lease may be counted on */
  apply(grant: Grant, nowMs: number, endsAtMs: number): void;
  /** The lease may have been renewed with what was told, or not. */
  fail(): void;
  /** While nobody can be asked, and shortly after, this process keeps to its share of the limit. */
  setAlone(isAlone: boolean, nowMs: number): void;
  /** Whether what was taken may still be begun: else the lease has run out, and others may have its part. */
  isCovered(nowMs: number): boolean;
  /** The earliest time at which it is worth asking again. */
  retryAt(nowMs: number): number;
  readonly lastAskedAt: () => number;
  /** Whether the lease is to be renewed by itself now. */
  isDue(nowMs: number): boolean;
  /** Nothing is under way, counted or wanted: the lease can be let go of. */
  isIdle(nowMs: number): boolean;
  readonly processes: () => number;
};

/** Answers within this time leave the span together, with the last of them. */
const grainMs = 10;
/** A demand is remembered for so long: whoever was told to wait comes again. */
const demandMs = 2000;
const shortWaitMs = 100;
/** After an outage of the store, until the others have been heard of again. */
const cautionMs = 2000;

/** A lease is renewed so often; oftener while somebody waits, for what others let go of. */
const renewalMs = 1000;
const busyRenewalMs = 400;

const unlimited = Number.MAX_SAFE_INTEGER;

/** @param assumedProcesses among how many a limit is shared as long as nobody could be asked */
export function createLimitBook(firstRates: LimitRates, assumedProcesses: number): LimitBook {
  let rates = firstRates;
  let pending = 0;
  let untold = 0;
  /** When those that were answered leave the span. */
  let recent: { readonly leavesAt: number; count: number }[] = [];
  let recentCount = 0;
  let grant: Grant | undefined;
  let leaseEndsAt = Number.NEGATIVE_INFINITY;
  let told: BookClaim | undefined;
  let askedAt = Number.NEGATIVE_INFINITY;
  let isAlone = false;
  /** Among how many this process shares while it is alone: those whom it knew before. */
  let aloneAmong = assumedProcesses;
  let cautiousUntil = Number.NEGATIVE_INFINITY;
  let takenAt = Number.NEGATIVE_INFINITY;
  let wanted = 0;
  let wantedUrgent = 0;
  let wantedAt = Number.NEGATIVE_INFINITY;
  let peak = 0;
  let takenSince = 0;

  function dropGone(nowMs: number): void {
    let gone = 0;
    for (const { leavesAt, count } of recent) {
      if (leavesAt > nowMs) break;
      recentCount -= count;
      gone += 1;
    }
    if (gone > 0) recent = recent.slice(gone);
  }

  const processes = () => Math.max(1, grant?.processes ?? assumedProcesses);
  const longLimits = () => Object.values(rates.long);

  /** This process's part by itself, so that all together keep to the limit. */
  function share(nowMs: number): { readonly part: number; readonly longPart: number } {
    const { pace } = rates;
    const left = grant === undefined ? Math.min(...longLimits(), unlimited) : grant.longLeft;
    const sharers = Math.max(aloneAmong, processes());
    const longPart = longLimits().length === 0 ? unlimited : Math.floor(left / sharers);
    if (pace === undefined) return { part: unlimited, longPart };
    // Less than one a span: one, and then as long nothing as the share asks for.
    const isTurn = nowMs - takenAt >= (pace.spanMs * sharers) / pace.count;
    return { part: pace.count >= sharers ? Math.floor(pace.count / sharers) : Number(isTurn), longPart };
  }

  function partsAt(nowMs: number): { readonly part: number; readonly longPart: number } {
    const hasLease = grant !== undefined && nowMs < leaseEndsAt;
    if (!hasLease) return isAlone ? share(nowMs) : { part: 0, longPart: 0 };
    let { part, longPart } = grant as Grant;
    if (told !== undefined) {
      part = Math.min(part, told.occupied);
      longPart = Math.min(longPart, told.pending + told.spent);
    }
    if (nowMs >= cautiousUntil) return { part, longPart };
    const alone = share(nowMs);
    return { part: Math.min(part, alone.part), longPart: Math.min(longPart, alone.longPart) };
  }

  const wantedNow = (nowMs: number) => (nowMs - wantedAt <= demandMs ? wanted : 0);

  return {
    rates: () => rates,
    setRates(next) {
      rates = next;
    },
    canTake(nowMs, isUrgent) {
      dropGone(nowMs);
      const { part, longPart } = partsAt(nowMs);
      // Where people wait for a mail, the campaigns leave them what comes next.
      const kept = isUrgent || wantedNow(nowMs) === 0 ? 0 : wantedUrgent;
      const paceLimit = rates.pace === undefined ? unlimited : Math.min(part, rates.pace.count);
      return pending + recentCount + kept < paceLimit && pending + untold + kept < (longLimits().length === 0 ? unlimited : longPart);
    },
    take(nowMs, isUrgent) {
      pending += 1;
      takenSince += 1;
      takenAt = nowMs;
      if (isUrgent) wantedUrgent = Math.max(0, wantedUrgent - 1);
      peak = Math.max(peak, pending + recentCount);
    },
    giveBack() {
      pending -= 1;
    },
    settle(nowMs) {
      pending -= 1;
      if (longLimits().length > 0) untold += 1;
      if (rates.pace === undefined) return;
      recentCount += 1;
      const leavesAt = Math.ceil((nowMs + rates.pace.spanMs) / grainMs) * grainMs;
      const last = recent.at(-1);
      if (last !== undefined && last.leavesAt >= leavesAt) last.count += 1;
      else recent.push({ leavesAt, count: 1 });
    },
    want(count, nowMs, isUrgent) {
      // Those who ask at about the same time are together; later ones ask again.
      if (nowMs - wantedAt > shortWaitMs) [wanted, wantedUrgent] = [0, 0];
      wanted += count;
      if (isUrgent) wantedUrgent += count;
      wantedAt = nowMs;
    },
    claim(nowMs) {
      dropGone(nowMs);
      const occupied = pending + recentCount;
      const more = wantedNow(nowMs);
      told = {
        occupied,
        pending,
        spent: untold,
        demand: Math.max(occupied + more, peak),
        // As much again as was used since: not every batch then needs to ask.
        longDemand: pending + more + takenSince,
        urgent: more === 0 ? 0 : wantedUrgent,
      };
      return told;
    },
    apply(next, nowMs, endsAtMs) {
      grant = next;
      leaseEndsAt = endsAtMs;
      askedAt = nowMs;
      untold -= told?.spent ?? 0;
      told = undefined;
      peak = pending + recentCount;
      takenSince = 0;
    },
    fail() {
      if (grant !== undefined && told !== undefined) {
        const { part, longPart } = grant;
        grant = { ...grant, part: Math.min(part, told.occupied), longPart: Math.min(longPart, told.pending + told.spent) };
      }
      told = undefined;
    },
    setAlone(next, nowMs) {
      if (isAlone && !next) cautiousUntil = nowMs + cautionMs;
      if (!isAlone && next && nowMs >= cautiousUntil) aloneAmong = processes();
      isAlone = next;
    },
    isCovered: (nowMs) => isAlone || (grant !== undefined && nowMs < leaseEndsAt),
    retryAt(nowMs) {
      dropGone(nowMs);
      if (grant !== undefined && grant.reopensAt > nowMs && grant.longPart <= pending + untold) return grant.reopensAt;
      // Where others have it all, it takes a part of the span until one of them lets go.
      const spanMs = rates.pace?.spanMs ?? 1000;
      const soonest = recent[0]?.leavesAt ?? nowMs + (partsAt(nowMs).part === 0 ? Math.max(shortWaitMs, spanMs / 4) : shortWaitMs);
      return Math.max(nowMs + grainMs, soonest);
    },
    lastAskedAt: () => askedAt,
    isDue: (nowMs) => nowMs - askedAt >= (wantedNow(nowMs) > 0 ? busyRenewalMs : renewalMs),
    isIdle(nowMs) {
      dropGone(nowMs);
      return pending === 0 && recentCount === 0 && untold === 0 && wantedNow(nowMs) === 0;
    },
    processes,
  };
}
