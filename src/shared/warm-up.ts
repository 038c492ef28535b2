/**
 * How many mails a new address may send on each of its first days (UTC). Past the last day there is no bound.
 */
export type WarmUp = { readonly startsOn: string; readonly days: readonly number[] };

const dayMs = 86_400_000;
const maxDays = 365;

/**
 * Doubling from 50 a day on, as the providers' guides for new addresses do at first, who then go faster (Twilio SendGrid,
 * "Email guide for IP warm up": 50, 100, 500, 1,000, 5,000 …; Amazon SES, "Warming up dedicated IP addresses": 45 days).
 * Day 15 reaches 819,200; from day 16 on nothing is bounded.
 */
export const defaultWarmUpDays: readonly number[] = Array.from({ length: 15 }, (_, day) => 50 * 2 ** day);

/** Reads `2026-12-01`, or `2026-12-01:50,100,200` with a curve of one's own. */
export function parseWarmUp(text: string): WarmUp | undefined {
  const [startsOn = '', curve, ...rest] = text.split(':');
  const isDay = /^\d{4}-\d{2}-\d{2}$/.test(startsOn) && new Date(`${startsOn}T00:00:00Z`).toJSON()?.startsWith(startsOn) === true;
  if (!isDay || rest.length > 0) return undefined;
  if (curve === undefined) return { startsOn, days: defaultWarmUpDays };
  const days = curve.split(/[\s,]+/);
  const isCurve = days.length <= maxDays && days.every((day) => /^\d{1,9}$/.test(day) && Number(day) > 0);
  return isCurve ? { startsOn, days: days.map(Number) } : undefined;
}

/** Mails that may leave in 24 hours as of now; undefined when the curve is over. Before its first day: as on the first. */
export function warmUpLimitAt({ startsOn, days }: WarmUp, nowMs: number): number | undefined {
  const day = Math.floor((nowMs - Date.parse(`${startsOn}T00:00:00Z`)) / dayMs);
  return days[Math.max(0, day)];
}
