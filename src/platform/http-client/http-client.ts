import { setTimeout as delay } from 'node:timers/promises';
import type { Dispatcher } from 'undici';
import type { Logger, Metrics } from '#platform/telemetry';
import { type Clock, systemClock } from '#shared/clock';
import { AppError } from '#shared/errors';
import { createSemaphore } from '#shared/semaphore';
import { createAddressGuard } from './address-guard.ts';
import { createConnections, portOf } from './connections.ts';
import { type Answer, exchange } from './exchange.ts';
import { clientError, toAppError } from './failure.ts';
import { createHostBreakers, type TellVerdict, type Verdict } from './host-breakers.ts';
import type { HttpClient, HttpRequest, HttpResponse } from './http-client-types.ts';
import { createNameCache, type LookUpName, lookUpBySystem } from './name-lookup.ts';
import { followRedirect, type Hop, isRedirect, parseUrl } from './redirect.ts';
import { acceptedEncodings } from './response-body.ts';
import { type Attempt, isPassing, isRepeatable, waitBeforeRetryMs } from './retry.ts';

export type HttpClientOptions = {
  /** Hosts that may lead to a private address: `host`, `host:port`, `*.suffix` or `*.suffix:port`. */
  readonly allowedPrivateHosts: readonly string[];
  /** Written like those; they may do so for requests with `isToService` only, not for addresses that come from anybody's input. */
  readonly serviceHosts?: readonly string[];
  readonly userAgent: string;
  readonly metrics: Metrics;
  readonly logger: Logger;
  readonly clock?: Pick<Clock, 'now' | 'random'>;
  /** How names are resolved; by the operating system unless told. */
  readonly lookUp?: LookUpName;
  readonly connectTimeoutMs?: number;
  /** At most so many at once; those beyond wait. */
  readonly maxRequests?: number;
  /** No fewer than `maxRequests`. */
  readonly maxConnections?: number;
  /** Of each host's circuit breaker; 5 failures in a row and 10 s unless told. */
  readonly breaker?: { readonly failureThreshold: number; readonly openMs: number };
};

const defaults = { maxBytes: 10 * 1024 * 1024, totalTimeoutMs: 30_000, maxRedirects: 5, retries: 2 };
const maxWaitingRequests = 1000;
const maxHostsInTrouble = 1000;

/** What one `fetch` may still take in all, and what ends it before. */
type Budget = {
  readonly totalMs: number;
  leftMs: number;
  retriesLeft: number;
  readonly stops: AbortSignal[];
  readonly maxBytes: number;
  readonly dispatcher: Dispatcher;
};

/** Fetches what is on the internet, and what is not only where that is allowed. Nothing that a server does is unbounded. */
export function createHttpClient(options: HttpClientOptions): HttpClient {
  const { metrics, logger, clock = systemClock, allowedPrivateHosts, serviceHosts = [] } = options;
  const maxRequests = options.maxRequests ?? 50;
  const connections = createConnections({
    maxConnections: Math.max(options.maxConnections ?? 100, maxRequests),
    maxConnectionsPerHost: 20,
    keepAliveMs: 30_000,
    connectTimeoutMs: options.connectTimeoutMs ?? 5000,
    maxHeaderBytes: 32 * 1024,
  });
  const lookUp = createNameCache(options.lookUp ?? lookUpBySystem);
  const createDispatcher = (hosts: readonly string[]) =>
    connections.createDispatcher(createAddressGuard({ allowedPrivateHosts: hosts, lookUp }));
  const dispatcher = createDispatcher(allowedPrivateHosts);
  const serviceDispatcher = createDispatcher([...allowedPrivateHosts, ...serviceHosts]);
  const breakers = createHostBreakers({
    ...(options.breaker ?? { failureThreshold: 5, openMs: 10_000 }),
    maxHosts: maxHostsInTrouble,
    metrics,
    logger,
  });
  const turns = createSemaphore({
    limit: maxRequests,
    maxWaiting: maxWaitingRequests,
    overloadError: () => clientError('client_overloaded', 'Too many requests wait to be sent already.', { status: 503, retryable: true }),
  });
  const closing = new AbortController();
  const counted = metrics.counter('aquascene_http_client_requests_total', 'Requests sent to other servers, by what came of them', [
    'outcome',
  ]);
  const retried = metrics.counter(
    'aquascene_http_client_retries_total',
    'Requests that were sent again, by what came of the attempt before',
    ['reason'],
  );
  const duration = metrics.histogram(
    'aquascene_http_client_seconds',
    'Time until the whole answer was read, over all redirects and retries',
  );
  metrics.gauge('aquascene_http_client_requests', 'Requests of this moment', ['state'], (gauge) => {
    gauge.set({ state: 'running' }, turns.active());
    gauge.set({ state: 'waiting' }, turns.waiting());
  });
  metrics.gauge('aquascene_http_client_connections', 'Open connections to other servers', [], (gauge) => gauge.set(connections.count()));

  /** Waits for its turn, then has what is left of the budget for the exchange. */
  async function takeTurn(hop: Hop, budget: Budget): Promise<Answer> {
    const host = `${hop.url.hostname}:${portOf(hop.url)}`;
    // Before the turn, so that a host in trouble fails its callers at once; and again behind it, since it may have come to that meanwhile.
    breakers.check(host);
    const release = await turns.acquire(AbortSignal.any(budget.stops));
    const { leftMs } = budget;
    const startedAt = performance.now();
    // Cleared afterwards, and joined to the others in one step: else each request would be remembered for 30 s.
    const limit = new AbortController();
    const timer = setTimeout(() => limit.abort(), Math.max(0, leftMs));
    let tell: TellVerdict | undefined;
    try {
      tell = breakers.enter(host);
      const answer = await exchange(budget.dispatcher, hop, budget.maxBytes, AbortSignal.any([...budget.stops, limit.signal]));
      tell(answer.status >= 500 ? 'in_trouble' : 'well');
      return answer;
    } catch (error) {
      const isTooLate = limit.signal.aborted;
      // What an earlier hop or attempt left of the time may be too little for any host.
      if (isTooLate) tell?.(leftMs >= budget.totalMs / 2 ? 'in_trouble' : 'unknown');
      else tell?.(judge(error, budget.stops));
      if (!isTooLate) throw error;
      throw clientError('timed_out', `${hop.url.host} did not answer in time.`, { status: 504, retryable: true, cause: error });
    } finally {
      clearTimeout(timer);
      budget.leftMs -= performance.now() - startedAt;
      release();
    }
  }

  /** Undefined: what came of the attempt is how it ends. */
  function findPauseMs(hop: Hop, attempt: Attempt<Answer>, retry: number, budget: Budget): number | undefined {
    if (budget.retriesLeft <= 0 || !isRepeatable(hop) || !isPassing(attempt)) return undefined;
    const retryAfter = attempt.kind === 'answered' ? attempt.answer.headers['retry-after'] : undefined;
    const pauseMs = waitBeforeRetryMs(retry, retryAfter, clock);
    return pauseMs < budget.leftMs ? pauseMs : undefined;
  }

  async function sendUntilDone(hop: Hop, budget: Budget): Promise<Answer> {
    for (let last: Attempt<Answer> | undefined, retry = 0; ; retry += 1) {
      const attempt = await takeTurn(hop, budget).then(
        (answer): Attempt<Answer> => ({ kind: 'answered', answer }),
        (error: unknown): Attempt<Answer> => ({ kind: 'failed', error: toAppError(error) }),
      );
      // Spared in the middle of the attempts: what the host itself said last tells more.
      const outcome = last !== undefined && attempt.kind === 'failed' && attempt.error.code === 'host_unavailable' ? last : attempt;
      const pauseMs = outcome === last || isStopped(budget.stops) ? undefined : findPauseMs(hop, outcome, retry, budget);
      if (pauseMs === undefined) {
        if (outcome.kind === 'answered') return outcome.answer;
        throw outcome.error;
      }
      budget.retriesLeft -= 1;
      retried.inc({ reason: outcome.kind === 'answered' ? String(outcome.answer.status) : outcome.error.code });
      const startedAt = performance.now();
      await delay(pauseMs, undefined, { signal: AbortSignal.any(budget.stops) });
      budget.leftMs -= performance.now() - startedAt;
      last = outcome;
    }
  }

  async function followAll(first: Hop, request: HttpRequest, budget: Budget): Promise<HttpResponse> {
    const maxRedirects = request.maxRedirects ?? defaults.maxRedirects;
    const redirects: string[] = [];
    for (let hop = first; ; ) {
      const answer = await sendUntilDone(hop, budget);
      const { location } = answer.headers;
      if (!isRedirect(answer.status, location)) return { ...answer, url: hop.url.href, redirects };
      const next = followRedirect(hop, answer.status, location);
      redirects.push(hop.url.href);
      if (redirects.includes(next.url.href) && next.method === hop.method) {
        throw clientError('too_many_redirects', `${first.url.host} redirects in a circle (${next.url.href.slice(0, 200)}).`);
      }
      if (redirects.length > maxRedirects) {
        throw clientError('too_many_redirects', `${first.url.host} redirects more than ${maxRedirects} times.`);
      }
      await request.onRedirect?.(next.url.href);
      hop = next;
    }
  }

  return {
    async fetch(address, request = {}) {
      const stops = request.signal === undefined ? [closing.signal] : [closing.signal, request.signal];
      const totalMs = request.totalTimeoutMs ?? defaults.totalTimeoutMs;
      const budget: Budget = {
        totalMs,
        leftMs: totalMs,
        retriesLeft: request.retries ?? defaults.retries,
        stops,
        maxBytes: request.maxBytes ?? defaults.maxBytes,
        dispatcher: request.isToService === true ? serviceDispatcher : dispatcher,
      };
      let outcome = 'failed';
      try {
        const response = await followAll(firstHop(address, request, options.userAgent), request, budget);
        outcome = `${Math.floor(response.status / 100)}xx`;
        return response;
      } catch (error) {
        const failure = isStopped(stops) ? stopError(closing.signal.aborted, error) : error;
        if (failure instanceof AppError) outcome = failure.code;
        logger.debug({ err: failure, url: String(address).slice(0, 500) }, 'request to another server failed');
        throw failure;
      } finally {
        counted.inc({ outcome });
        duration.observe((totalMs - budget.leftMs) / 1000);
      }
    },
    async close() {
      closing.abort();
      await connections.close();
    },
  };
}

const isStopped = (stops: readonly AbortSignal[]): boolean => stops.some((signal) => signal.aborted);

/** What a failed exchange says of its host. */
function judge(error: unknown, stops: readonly AbortSignal[]): Verdict {
  const stopped = stops.find((signal) => signal.aborted);
  // A caller may have a time limit of his own.
  if (stopped !== undefined) return stopped.reason instanceof Error && stopped.reason.name === 'TimeoutError' ? 'in_trouble' : 'unknown';
  if (!(error instanceof AppError)) return 'unknown';
  switch (error.code) {
    case 'connect_failed':
      return error.retryable ? 'in_trouble' : 'unknown';
    case 'connection_lost':
    case 'timed_out':
      return 'in_trouble';
    case 'body_too_large':
    case 'response_invalid':
      return 'well';
    default:
      return 'unknown';
  }
}

function firstHop(address: string | URL, request: HttpRequest, userAgent: string): Hop {
  const headers = new Map([
    ['user-agent', userAgent],
    ['accept', '*/*'],
    ['accept-encoding', acceptedEncodings],
  ]);
  for (const [name, value] of Object.entries(request.headers ?? {})) headers.set(name.toLowerCase(), value);
  return { url: parseUrl(address), method: request.method ?? 'GET', headers, body: request.body };
}

function stopError(isClosing: boolean, cause: unknown): AppError {
  if (isClosing) return clientError('client_closed', 'The program is stopping.', { status: 503, retryable: true, cause });
  return clientError('request_aborted', 'The request was called off.', { retryable: true, cause });
}
