import type { Clock } from '#shared/clock';
import { type HostLimits, ratesForHost } from '#shared/mail-host-limits';
import { hasRates, type Rates, tighterOf } from '#shared/mail-rates';
import type { TransportSettings } from '#shared/mail-transports';
import { warmUpLimitAt } from '#shared/warm-up';
import { paceOfRate, rateAt } from './host-pace.ts';
import type { LimitRates, Pace } from './limit-state.ts';
import type { SharedView } from './shared-view.ts';

/** Which limits there are now, by their keys: `transport:<name>` and `host:<mail host>`. */
export type LimitRules = {
  /** The limits that a message is under: none, one or two. */
  keysOf(settings: TransportSettings, host: string): readonly string[];
  knownKeysOf(host: string): readonly string[];
  ratesOf(key: string): LimitRates;
  /** With today's warm-up. */
  transportRates(settings: TransportSettings): Rates;
};

export const transportKey = (name: string): string => `transport:${name}`;
const hostKey = (host: string): string => `host:${host}`;

export function createLimitRules(options: {
  readonly transports: readonly TransportSettings[];
  readonly hostLimits: HostLimits;
  readonly view: Pick<SharedView, 'hosts' | 'nowMs'>;
  readonly clock: Clock;
}): LimitRules {
  const { hostLimits, view, clock } = options;
  const byKey = new Map(options.transports.map((settings) => [transportKey(settings.name), settings]));

  function transportRates({ rates, warmUp }: TransportSettings): Rates {
    const day = warmUp && warmUpLimitAt(warmUp, clock.now().getTime());
    return day === undefined ? rates : tighterOf(rates, { day });
  }

  function slowPaceOf(host: string): Pace | undefined {
    const slow = view.hosts().get(host);
    const rate = slow && rateAt(slow, view.nowMs());
    return rate === undefined ? undefined : paceOfRate(rate);
  }

  return {
    transportRates,
    keysOf(settings, host) {
      const keys: string[] = [];
      if (hasRates(transportRates(settings))) keys.push(transportKey(settings.name));
      if (hasRates(ratesForHost(hostLimits, host)) || slowPaceOf(host) !== undefined) keys.push(hostKey(host));
      return keys;
    },
    knownKeysOf: (host) => [hostKey(host), ...byKey.keys()],
    ratesOf(key) {
      const settings = byKey.get(key);
      if (settings !== undefined) return limitRatesOf(transportRates(settings), undefined);
      const host = key.slice(hostKey('').length);
      return limitRatesOf(ratesForHost(hostLimits, host), slowPaceOf(host));
    },
  };
}

function limitRatesOf({ second, ...long }: Rates, slowPace: Pace | undefined): LimitRates {
  const pace = second === undefined ? undefined : { count: second, spanMs: 1000 };
  return { pace: slowerOf(pace, slowPace), long };
}

function slowerOf(one: Pace | undefined, other: Pace | undefined): Pace | undefined {
  if (one === undefined || other === undefined) return one ?? other;
  return one.count * other.spanMs <= other.count * one.spanMs ? one : other;
}
