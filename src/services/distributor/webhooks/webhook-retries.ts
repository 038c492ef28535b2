const minuteMs = 60_000;
const hourMs = 60 * minuteMs;

/** The schedule that the Standard Webhooks specification proposes: after the first attempt, and after each one that failed. */
const delaysMs = [5000, 5 * minuteMs, 30 * minuteMs, 2 * hourMs, 5 * hourMs, 10 * hourMs, 14 * hourMs, 20 * hourMs, 24 * hourMs];

/** An endpoint that has failed at everything for so long is switched off. */
export const disableAfterMs = 5 * 24 * hourMs;

/**
 * How long to wait after `attempts` failed ones, in ms: up to a fifth longer, so that what failed together does not come back
 * together. Undefined when it was the last.
 */
export function nextDelayMs(attempts: number, random: number): number | undefined {
  const delayMs = delaysMs[attempts - 1];
  return delayMs === undefined ? undefined : Math.round(delayMs * (1 + random / 5));
}
