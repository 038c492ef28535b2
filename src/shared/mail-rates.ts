/** Most messages in any span of that length; none where nothing is given. */
export type Rates = { readonly second?: number; readonly minute?: number; readonly hour?: number; readonly day?: number };

export const rateWindows = [
  { name: 'second', parameter: 'per-second', unit: 's', lengthMs: 1000 },
  { name: 'minute', parameter: 'per-minute', unit: 'm', lengthMs: 60_000 },
  { name: 'hour', parameter: 'per-hour', unit: 'h', lengthMs: 3_600_000 },
  { name: 'day', parameter: 'per-day', unit: 'd', lengthMs: 86_400_000 },
] as const;

export const hasRates = (rates: Rates): boolean => rateWindows.some(({ name }) => rates[name] !== undefined);

/** The tighter of two in each window. */
export function tighterOf(one: Rates, other: Rates): Rates {
  return Object.fromEntries(
    rateWindows.flatMap(({ name }) => {
      const limits = [one[name], other[name]].filter((limit) => limit !== undefined);
      return limits.length === 0 ? [] : [[name, Math.min(...limits)]];
    }),
  );
}
