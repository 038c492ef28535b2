/** Handings-over of one message, the first included; what is refused for the time being after that has failed. */
export const maxTries = 6;
const firstDelayMs = 30_000;
const maxDelayMs = 3600_000;
const maxOutageDelayMs = 60_000;

/**
 * How long a refused message rests before try number `tries + 1`: 30 s, 2 min, 8 min, 32 min, 1 h, each up to a fifth longer,
 * so that what was refused together does not come back together. Greylisting servers want a few minutes.
 */
export function retryDelayMs(tries: number, random: number): number {
  return Math.round(Math.min(maxDelayMs, firstDelayMs * 4 ** (tries - 1)) * (1 + random / 5));
}

/** How long a chain rests while the mail server cannot be used: 2 s, 4 s, … up to a minute. */
export function outageDelayMs(outages: number, random: number): number {
  return Math.round(Math.min(maxOutageDelayMs, 1000 * 2 ** outages) * (1 + random / 5));
}
