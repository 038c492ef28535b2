import type { Logger, Metrics } from '#platform/telemetry';
import { type CircuitBreaker, createCircuitBreaker } from '#shared/circuit-breaker';
import { clientError } from './failure.ts';

/** How a call ended, as far as its host is concerned. `unknown`: it says nothing of the host, say because the caller gave up. */
export type Verdict = 'well' | 'in_trouble' | 'unknown';

/** Call it once, when the call is over. */
export type TellVerdict = (verdict: Verdict) => void;

export type HostBreakers = {
  /** @throws AppError `host_unavailable` while the host is spared */
  check(host: string): void;
  /** Like `check`, and of a host that is tried again only one call at a time is let through. @throws AppError `host_unavailable` */
  enter(host: string): TellVerdict;
};

export type HostBreakerOptions = {
  /** Failures in a row, of whichever requests, that open it. */
  readonly failureThreshold: number;
  /** Until one request is let through as a trial; doubles with each trial that fails, up to ten times as long. */
  readonly openMs: number;
  /** Hosts in trouble that are remembered; beyond it the one that was not asked for the longest time is forgotten. */
  readonly maxHosts: number;
  readonly metrics: Metrics;
  readonly logger: Logger;
};

/** A circuit breaker a host (`name:port`). Only hosts in trouble have one: a crawl of a million healthy hosts leaves nothing behind. */
export function createHostBreakers(options: HostBreakerOptions): HostBreakers {
  const { failureThreshold, openMs, maxHosts, metrics, logger } = options;
  // In the order of their last use.
  const breakers = new Map<string, CircuitBreaker>();
  const changes = metrics.counter('aquascene_http_client_breaker_changes_total', 'Changes of state of the circuit breakers of hosts', [
    'state',
  ]);
  metrics.gauge(
    'aquascene_http_client_breakers',
    'Hosts whose last request failed, by the state of their circuit breaker',
    ['state'],
    (gauge) => {
      const counts = { closed: 0, open: 0, half_open: 0 };
      for (const breaker of breakers.values()) counts[breaker.state()] += 1;
      for (const [state, count] of Object.entries(counts)) gauge.set({ state }, count);
    },
  );

  function find(host: string): CircuitBreaker | undefined {
    const breaker = breakers.get(host);
    if (breaker === undefined) return undefined;
    breakers.delete(host);
    breakers.set(host, breaker);
    return breaker;
  }

  function create(host: string): CircuitBreaker {
    const breaker = createCircuitBreaker({
      failureThreshold,
      openMs,
      onChange(state) {
        changes.inc({ state });
        logger.info({ host, state }, 'circuit breaker of a host');
      },
    });
    const [oldest] = breakers.keys();
    if (breakers.size >= maxHosts && oldest !== undefined) breakers.delete(oldest);
    breakers.set(host, breaker);
    return breaker;
  }

  function noteWell(host: string): void {
    const breaker = breakers.get(host);
    breaker?.succeeded();
    // Still there, it is open: whatever just ended well had begun before that.
    if (breaker?.state() === 'closed') breakers.delete(host);
  }

  return {
    check(host) {
      const waitMs = breakers.get(host)?.retryInMs() ?? 0;
      if (waitMs > 0) throw unavailable(host, waitMs);
    },
    enter(host) {
      const breaker = find(host);
      if (breaker !== undefined && !breaker.tryAcquire()) throw unavailable(host, breaker.retryInMs());
      const isTrial = breaker?.state() === 'half_open';
      return (verdict) => {
        if (verdict === 'well') noteWell(host);
        // A trial has to end one way or the other, else nobody would be let through for a long time.
        else if (verdict === 'in_trouble' || isTrial) (find(host) ?? create(host)).failed();
      };
    },
  };
}

function unavailable(host: string, waitMs: number) {
  return clientError('host_unavailable', `${host} failed too often of late and is spared for a while.`, {
    status: 503,
    retryable: true,
    retryAfterSeconds: Math.max(1, Math.ceil(waitMs / 1000)),
  });
}
