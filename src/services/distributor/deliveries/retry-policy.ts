/** What is refused for the time being is tried for so long after its first try; then it has failed. */
export const maxRetryMs = 72 * 3600_000;
const firstDelayMs = 30_000;
const maxDelayMs = 4 * 3600_000;
const maxOutageDelayMs = 60_000;

/**
 * How long a refused message rests before try number `tries + 1`: 30 s, 2 min, 8 min, 32 min, 2 h, then 4 h, each up to a fifth
 * longer, so that what was refused together does not come back together. Greylisting servers want a few minutes.
 */
export function retryDelayMs(tries: number, random: number): number {
  return Math.round(Math.min(maxDelayMs, firstDelayMs * 4 ** (tries - 1)) * (1 + random / 5));
}

/**
 * When a message is tried again; undefined when its time is over. `firstTriedAt`: null at its first try.
 * @param tries handings-over so far, this one included
 */
export function nextTryAt(tries: number, firstTriedAt: Date | null, now: Date, random: number): Date | undefined {
  const at = now.getTime() + retryDelayMs(tries, random);
  return at > (firstTriedAt ?? now).getTime() + maxRetryMs ? undefined : new Date(at);
}

/** How long a chain rests while the mail server cannot be used: 2 s, 4 s, … up to a minute. */
export function outageDelayMs(outages: number, random: number): number {
  return Math.round(Math.min(maxOutageDelayMs, 1000 * 2 ** outages) * (1 + random / 5));
}
