import { mailHostOf } from './mail-hosts.ts';
import { type Rates, rateWindows } from './mail-rates.ts';

/** Limits by mail host; `*` stands for each host that is not named, by itself. */
export type HostLimits = ReadonlyMap<string, Rates>;

const accepted = 'host=count/s, /m, /h or /d, e.g. gmail.com=20/s,outlook.com=10/s+5000/h,*=50/s';
const unitNames: Readonly<Record<string, (typeof rateWindows)[number]['name']>> = Object.fromEntries(
  rateWindows.map(({ unit, name }) => [unit, name]),
);

/** Reads `MAIL_HOST_LIMITS`, with a fault for each item that is wrong. */
export function parseHostLimits(text: string): { readonly limits: HostLimits; readonly faults: readonly string[] } {
  const limits = new Map<string, Rates>();
  const faults: string[] = [];
  for (const item of text.split(/[\s,]+/).filter(Boolean)) {
    const [, domain = '', given = ''] = /^([^=]+)=(.+)$/.exec(item) ?? [];
    const rates = parseRates(given);
    if (!/^(\*|[a-z0-9-]+(\.[a-z0-9-]+)+)$/i.test(domain) || rates === undefined) {
      faults.push(`MAIL_HOST_LIMITS: "${item}" is not accepted; give ${accepted}.`);
      continue;
    }
    const host = domain === '*' ? '*' : mailHostOf(domain);
    if (limits.has(host)) faults.push(`MAIL_HOST_LIMITS: "${item}" is the second limit for ${host}; give one.`);
    limits.set(host, rates);
  }
  return { limits, faults };
}

function parseRates(text: string): Rates | undefined {
  const rates: Partial<Record<(typeof rateWindows)[number]['name'], number>> = {};
  for (const part of text.split('+')) {
    const [, count = '', unit = ''] = /^(\d{1,9})\/([smhd])$/.exec(part) ?? [];
    const name = unitNames[unit];
    if (name === undefined || Number(count) < 1 || rates[name] !== undefined) return undefined;
    rates[name] = Number(count);
  }
  return rates;
}

export const ratesForHost = (limits: HostLimits, host: string): Rates => limits.get(host) ?? limits.get('*') ?? {};
