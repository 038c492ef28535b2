import type { TokenLimit } from '#platform/rate-limit';

export type RatePolicy = TokenLimit & {
  /** Shown to callers; unique among all policies that are not the same. */
  readonly name: string;
  /**
   * Who shares a bucket. `caller`: an API key, or an address where no key is asked for. `named`: whatever the route names
   * (`config.rateSubject`). `everyone`: all callers together.
   */
  readonly by: 'caller' | 'address' | 'named' | 'everyone';
  /** A bucket for each route of the class; else the routes share one. */
  readonly isPerRoute?: boolean;
};

/** A request takes a token from each; the first that is empty refuses it. */
export type RateClass = readonly [RatePolicy, ...RatePolicy[]];

const minute = 60;
const hour = 3600;

// 12,000 requests a minute.
const key: RatePolicy = { name: 'key', by: 'caller', ratePerSecond: 200, burst: 400 };
// A page with its pictures is about twenty requests, and an office or a mobile network is one address.
const site: RatePolicy = { name: 'site', by: 'address', ratePerSecond: 50, burst: 500 };

export const defaultRateClasses = {
  /** What needs a key. */
  api: [key],
  /** What needs none. */
  site: [site],
  /** Each sends a mail to an address that somebody typed in: nobody's mailbox may be filled by strangers. */
  subscribe: [
    site,
    { name: 'subscribe', by: 'address', ratePerSecond: 10 / minute, burst: 20 },
    { name: 'subscribe-mailbox', by: 'named', ratePerSecond: 3 / hour, burst: 3 },
  ],
  /** Each costs a writer's work: money, or seconds of CPU time. */
  generation: [
    key,
    { name: 'generation', by: 'caller', ratePerSecond: 2, burst: 30, isPerRoute: true },
    { name: 'generation-all', by: 'everyone', ratePerSecond: 10, burst: 100, isPerRoute: true },
  ],
  /** Each makes work for the crawler or for the database. */
  ingest: [key, { name: 'ingest', by: 'caller', ratePerSecond: 10, burst: 100, isPerRoute: true }],
} as const satisfies Record<string, RateClass>;

export type RateClassName = keyof typeof defaultRateClasses;

export type RateClasses = Readonly<Record<RateClassName, RateClass>>;

/** Wrong keys from one address. A key is 256 random bits: this spares the database, and shows who tries. */
export const defaultKeyFailures: TokenLimit = { ratePerSecond: 10 / minute, burst: 20 };
