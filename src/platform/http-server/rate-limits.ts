import { createHash } from 'node:crypto';
import type { FastifyInstance, FastifyReply, FastifyRequest, RouteOptions } from 'fastify';
import {
  type Bucket,
  type BucketState,
  type RateDecision,
  type RateLimiter,
  subjectOfAddress,
  type TokenLimit,
} from '#platform/rate-limit';
import { AppError } from '#shared/errors';
import { defaultRateClasses, type RateClass, type RateClasses, type RateClassName, type RatePolicy } from './rate-classes.ts';
import { addRouteHooks } from './route-hooks.ts';

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Its class of rate limits, or none. Unless told: `site` for what is public, `api` for what needs a key. */
    rateLimit?: RateClassName | false;
    /** Whom the policies of the class that go by name are about, once the body is read; undefined: they do not apply. */
    rateSubject?: (request: FastifyRequest) => string | undefined;
  }
}

export type RateLimits = {
  readonly limiter: RateLimiter;
  /** Instead of the classes of `defaultRateClasses`. */
  readonly classes?: Partial<RateClasses>;
  readonly keyFailures?: TokenLimit;
};

type Plan = { readonly early: readonly RatePolicy[]; readonly named: readonly RatePolicy[]; readonly header: string };

/** A policy in the form of draft-ietf-httpapi-ratelimit-headers-11: the quota, and the seconds in which all of it comes back. */
const policyField = ({ name, burst, ratePerSecond }: RatePolicy): string =>
  `"${name}";q=${burst};w=${Math.max(1, Math.ceil(burst / ratePerSecond))}`;

function planOf(policies: RateClass): Plan {
  return {
    early: policies.filter(({ by }) => by !== 'named'),
    named: policies.filter(({ by }) => by === 'named'),
    header: policies.map(policyField).join(', '),
  };
}

/** Which class a route is of, or undefined when nothing limits it. */
export function rateClassOf({ rateLimit, access }: RouteOptions['config'] & object): RateClassName | undefined {
  if (rateLimit === false) return undefined;
  return rateLimit ?? (access === undefined || access === 'public' ? 'site' : 'api');
}

function subjectFor(policy: RatePolicy, request: FastifyRequest, named: string): string {
  if (policy.by === 'named') return named;
  if (policy.by === 'everyone') return `everyone:${policy.name}`;
  if (policy.by === 'caller' && request.apiKey !== null) return `key:${request.apiKey.id}`;
  return subjectOfAddress(request.ip);
}

function bucketsOf(policies: readonly RatePolicy[], request: FastifyRequest, named = ''): Bucket[] {
  return policies.map((limit) => ({
    subject: subjectFor(limit, request, named),
    policy: limit.isPerRoute === true ? `${limit.name}:${request.method} ${request.routeOptions.url ?? ''}` : limit.name,
    limit,
  }));
}

/** What is named may be a person's address: the store gets its hash. */
const nameSubject = (name: string): string => `named:${createHash('sha256').update(name).digest('base64url')}`;

const periods = [
  { phrase: 'a second', seconds: 1 },
  { phrase: 'a minute', seconds: 60 },
  { phrase: 'an hour', seconds: 3600 },
] as const;

function describe({ ratePerSecond }: TokenLimit): string {
  const { phrase, seconds } = periods.find((period) => ratePerSecond * period.seconds >= 1) ?? periods[2];
  return `${Math.round(ratePerSecond * seconds * 100) / 100} ${phrase}`;
}

/** Before a second is over a caller would only be refused again. */
const secondsOf = (ms: number): number => Math.max(1, Math.ceil(ms / 1000));

/** @throws AppError `rate_limited` (429) when refused */
export function enforce(decision: RateDecision): void {
  if (decision.kind === 'allowed') return;
  const { by, retryAfterMs } = decision;
  const retryAfterSeconds = secondsOf(retryAfterMs);
  throw new AppError('rate_limited', `Too many requests: ${describe(by.limit)} are allowed. Try again in ${retryAfterSeconds} s.`, {
    status: 429,
    retryable: true,
    retryAfterSeconds,
  });
}

/**
 * `RateLimit` and `RateLimit-Policy` as the current draft has them, and the three fields of its early versions that clients
 * widely read. `t`, or Reset, are the seconds until the bucket is full; for who is refused, until it has one token.
 */
function setHeaders(reply: FastifyReply, plan: Plan, { policy, limit, remaining }: BucketState, resetMs: number): void {
  const seconds = secondsOf(resetMs);
  const name = policy.split(':')[0] ?? policy;
  reply
    .header('ratelimit-policy', plan.header)
    .header('ratelimit', `"${name}";r=${remaining};t=${seconds}`)
    .header('ratelimit-limit', String(limit.burst))
    .header('ratelimit-remaining', String(remaining))
    .header('ratelimit-reset', String(seconds));
}

/** After authentication: the key is known. Whoever is refused takes a token from no bucket. */
export function installRateLimits(app: FastifyInstance, { limiter, classes }: RateLimits): void {
  const plans = new Map(Object.entries({ ...defaultRateClasses, ...classes }).map(([name, policies]) => [name, planOf(policies)]));
  app.addHook('onRoute', (route) => {
    const { method, url, config = {} } = route;
    const name = rateClassOf(config);
    if (name === undefined) return;
    const plan = plans.get(name);
    if (plan === undefined) throw new Error(`The route ${String(method)} ${url} has an unknown class of rate limits: ${name}.`);
    if (plan.named.length > 0 && config.rateSubject === undefined) {
      throw new Error(`The route ${String(method)} ${url} does not say whom its rate limits are about (config.rateSubject).`);
    }
    addRouteHooks(route, {
      onRequest: (request, reply) => take(request, reply, plan, bucketsOf(plan.early, request)),
      ...(plan.named.length > 0 && { preHandler: (request, reply) => takeNamed(request, reply, plan) }),
    });
  });

  async function take(request: FastifyRequest, reply: FastifyReply, plan: Plan, [first, ...others]: readonly Bucket[]): Promise<void> {
    if (first === undefined) return;
    const decision = await limiter.take([first, ...others]);
    if (decision.kind === 'refused') setHeaders(reply, plan, decision.by, decision.retryAfterMs);
    // A page may be kept by a cache for others, whose figures these are not.
    else if (request.apiKey !== null) setHeaders(reply, plan, decision.tightest, decision.tightest.fullInMs);
    enforce(decision);
  }

  // What leads nowhere has no route to hang a hook on.
  const lost = plans.get(rateClassOf({}) ?? '');
  app.addHook('onRequest', (request, reply, done) => {
    if (!request.is404 || lost === undefined) return done();
    take(request, reply, lost, bucketsOf(lost.early, request)).then(() => done(), done);
  });

  async function takeNamed(request: FastifyRequest, reply: FastifyReply, plan: Plan): Promise<void> {
    const name = request.routeOptions.config.rateSubject?.(request);
    if (name !== undefined) await take(request, reply, plan, bucketsOf(plan.named, request, nameSubject(name)));
  }
}
