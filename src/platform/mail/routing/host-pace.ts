import type { SendOutcome } from '../mail-transport.ts';
import type { Pace } from './limit-state.ts';

// Additive increase, multiplicative decrease: the cut follows the part of the mails that a host put off, as DCTCP's does
// (RFC 8257, section 3.3: by half of it), so that one odd refusal among thousands costs next to nothing, and a host that
// refuses everything gets half as much with each second.

export type SlowHost = {
  /** Messages a second at `at`; it grows from there. */
  readonly rate: number;
  /** Where it was before it slowed down: from there on nothing is held back. */
  readonly fullRate: number;
  /** Milliseconds since 1970, by the store's clock. */
  readonly at: number;
};

export type Tally = { readonly taken: number; readonly deferred: number };

/** Half a minute between two messages at the slowest: whoever recovers is noticed. */
const lowestRate = 1 / 30;
/** From nothing back to where it was. */
const recoverySeconds = 300;
/** A host that was hardly sent to has no rate worth the name. */
const leastFullRate = 1;
/** Reports of other processes about the same moment are no further news. */
const sameNewsMs = 1000;

/** As of `nowMs`; undefined when the host is back where it was. */
export function rateAt({ rate, fullRate, at }: SlowHost, nowMs: number): number | undefined {
  const now = rate + (fullRate / recoverySeconds) * (Math.max(0, nowMs - at) / 1000);
  return now >= fullRate ? undefined : now;
}

/** When nothing is held back any more, unless it slows down again. */
export const recoversAt = ({ rate, fullRate, at }: SlowHost): number => at + ((fullRate - rate) / fullRate) * recoverySeconds * 1000;

/** @param measuredRate messages a second to this host before, by all processes together */
export function slowDown(
  host: SlowHost | undefined,
  { taken, deferred }: Tally,
  measuredRate: number,
  nowMs: number,
): SlowHost | undefined {
  if (deferred === 0 || (host !== undefined && nowMs - host.at < sameNewsMs)) return host;
  const current = host === undefined ? undefined : rateAt(host, nowMs);
  const fullRate = current === undefined || host === undefined ? Math.max(leastFullRate, measuredRate) : host.fullRate;
  const share = deferred / (taken + deferred);
  return { rate: Math.max(lowestRate, (current ?? fullRate) * (1 - share / 2)), fullRate, at: nowMs };
}

/** So many in a span; slower than one a second, one in a longer span. */
export const paceOfRate = (rate: number): Pace =>
  rate >= 1 ? { count: Math.floor(rate), spanMs: 1000 } : { count: 1, spanMs: 1000 / rate };

/**
 * Whether a refusal asks us to slow down: 421, 450, 454, or a policy code (X.7.x) that is temporary. What is about one address,
 * mailbox or message (X.1.x, X.2.x, X.6.x) says nothing of our pace.
 */
export function asksToSlowDown(outcome: SendOutcome): boolean {
  if (outcome.kind !== 'rejected' || !outcome.temporary) return false;
  const subject = outcome.enhancedCode?.split('.')[1];
  if (subject === '7') return true;
  return [421, 450, 454].includes(outcome.code) && (subject === undefined || ['0', '3', '4', '5'].includes(subject));
}
