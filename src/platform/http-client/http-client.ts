import type { Logger, Metrics } from '#platform/telemetry';
import { AppError } from '#shared/errors';
import { createSemaphore } from '#shared/semaphore';
import { createAddressGuard } from './address-guard.ts';
import { createConnections } from './connections.ts';
import { clientError, translateFailure } from './failure.ts';
import type { HttpClient, HttpRequest, HttpResponse } from './http-client-types.ts';
import { createNameCache, type LookUpName, lookUpBySystem } from './name-lookup.ts';
import { followRedirect, type Hop, isRedirect, parseUrl } from './redirect.ts';
import { acceptedEncodings, readBody } from './response-body.ts';

export type HttpClientOptions = {
  /** Hosts that may lead to a private address: `host`, `host:port`, `*.suffix` or `*.suffix:port`. */
  readonly allowedPrivateHosts: readonly string[];
  readonly userAgent: string;
  readonly metrics: Metrics;
  readonly logger: Logger;
  /** How names are resolved; by the operating system unless told. */
  readonly lookUp?: LookUpName;
  readonly connectTimeoutMs?: number;
  /** At most so many at once; those beyond wait. */
  readonly maxRequests?: number;
  /** No fewer than `maxRequests`. */
  readonly maxConnections?: number;
};

const defaults = { maxBytes: 10 * 1024 * 1024, totalTimeoutMs: 30_000, maxRedirects: 5 };
const maxWaitingRequests = 1000;
// The body of a redirect is of no use; a short one is read, so that the connection can be used again.
const redirectBodyBytes = 16 * 1024;

type Answer = { readonly status: number; readonly headers: Readonly<Record<string, string>>; readonly body: Buffer };

/** What one `fetch` may still take in all, and what ends it before. */
type Budget = { leftMs: number; readonly stops: AbortSignal[] };

/** Fetches what is on the internet, and what is not only where that is allowed. Nothing that a server does is unbounded. */
export function createHttpClient(options: HttpClientOptions): HttpClient {
  const { metrics, logger } = options;
  const guard = createAddressGuard({
    allowedPrivateHosts: options.allowedPrivateHosts,
    lookUp: createNameCache(options.lookUp ?? lookUpBySystem),
  });
  const maxRequests = options.maxRequests ?? 50;
  const connections = createConnections(guard, {
    maxConnections: Math.max(options.maxConnections ?? 100, maxRequests),
    maxConnectionsPerHost: 20,
    keepAliveMs: 30_000,
    connectTimeoutMs: options.connectTimeoutMs ?? 5000,
    maxHeaderBytes: 32 * 1024,
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
  const duration = metrics.histogram('aquascene_http_client_seconds', 'Time until the whole answer was read, over all redirects');
  metrics.gauge('aquascene_http_client_requests', 'Requests of this moment', ['state'], (gauge) => {
    gauge.set({ state: 'running' }, turns.active());
    gauge.set({ state: 'waiting' }, turns.waiting());
  });
  metrics.gauge('aquascene_http_client_connections', 'Open connections to other servers', [], (gauge) => gauge.set(connections.count()));

  /** Sends one request and reads its answer whole. */
  async function exchange(hop: Hop, maxBytes: number, signal: AbortSignal): Promise<Answer> {
    const { url, method } = hop;
    let hasAnswered = false;
    try {
      const response = await connections.dispatcher.request({
        origin: url.origin,
        path: `${url.pathname}${url.search}`,
        method,
        headers: Object.fromEntries(hop.headers),
        body: hop.body ?? null,
        signal,
      });
      hasAnswered = true;
      const headers = plainHeaders(response.headers);
      const status = response.statusCode;
      if (isRedirect(status, headers.location)) {
        await response.body.dump({ limit: redirectBodyBytes, signal });
        return { status, headers, body: Buffer.alloc(0) };
      }
      try {
        const body = await readBody(response.body, {
          contentEncoding: headers['content-encoding'] ?? '',
          contentLength: method === 'HEAD' ? undefined : headers['content-length'],
          maxBytes,
          host: url.host,
        });
        return { status, headers, body };
      } finally {
        response.body.destroy();
      }
    } catch (error) {
      throw translateFailure(error, url.host, hasAnswered);
    }
  }

  /** Waits for its turn, then has what is left of the budget for the exchange. */
  async function takeTurn(hop: Hop, maxBytes: number, budget: Budget): Promise<Answer> {
    const release = await turns.acquire(AbortSignal.any(budget.stops));
    const startedAt = performance.now();
    // Cleared afterwards, and joined to the others in one step: else each request would be remembered for 30 s.
    const limit = new AbortController();
    const timer = setTimeout(() => limit.abort(), Math.max(0, budget.leftMs));
    try {
      return await exchange(hop, maxBytes, AbortSignal.any([...budget.stops, limit.signal]));
    } catch (error) {
      if (!limit.signal.aborted) throw error;
      throw clientError('timed_out', `${hop.url.host} did not answer in time.`, { status: 504, retryable: true, cause: error });
    } finally {
      clearTimeout(timer);
      budget.leftMs -= performance.now() - startedAt;
      release();
    }
  }

  async function followAll(first: Hop, request: HttpRequest, budget: Budget): Promise<HttpResponse> {
    const { maxBytes, maxRedirects } = { ...defaults, ...request };
    const redirects: string[] = [];
    for (let hop = first; ; ) {
      const answer = await takeTurn(hop, maxBytes, budget);
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
      const budget = { leftMs: totalMs, stops };
      let outcome = 'failed';
      try {
        const response = await followAll(firstHop(address, request, options.userAgent), request, budget);
        outcome = `${Math.floor(response.status / 100)}xx`;
        return response;
      } catch (error) {
        const failure = stops.some((signal) => signal.aborted) ? stopError(closing.signal.aborted, error) : error;
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

function firstHop(address: string | URL, request: HttpRequest, userAgent: string): Hop {
  const headers = new Map([
    ['user-agent', userAgent],
    ['accept', '*/*'],
    ['accept-encoding', acceptedEncodings],
  ]);
  for (const [name, value] of Object.entries(request.headers ?? {})) headers.set(name.toLowerCase(), value);
  return { url: parseUrl(address), method: request.method ?? 'GET', headers, body: request.body };
}

function plainHeaders(headers: Readonly<Record<string, string | string[] | undefined>>): Record<string, string> {
  const entries = Object.entries(headers).map(([name, value]) => [name, Array.isArray(value) ? value.join(', ') : (value ?? '')]);
  return Object.fromEntries(entries) as Record<string, string>;
}

function stopError(isClosing: boolean, cause: unknown): AppError {
  if (isClosing) return clientError('client_closed', 'The program is stopping.', { status: 503, retryable: true, cause });
  return clientError('request_aborted', 'The request was called off.', { retryable: true, cause });
}
