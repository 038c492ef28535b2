import type { Database } from '#platform/database';
import { type HttpClient, type HttpResponse, retryAfterMs } from '#platform/http-client';
import { AppError } from '#shared/errors';
import { addHost, findRobots, returnUnused, saveRobots, saveRobotsError, type Turn } from './host-store.ts';
import { decodeRobots, productTokenOf, type RobotsRules, readRobots } from './robots.ts';
import { type HeldTurn, holdTurn, waitForTurn } from './turnstile.ts';

export type FetchOutcome =
  | { readonly kind: 'fetched'; readonly response: HttpResponse }
  /** The host's turn did not come in time, and will not for so long; nothing was sent. */
  | { readonly kind: 'busy'; readonly waitMs: number }
  | { readonly kind: 'disallowed'; readonly reason: string }
  | FetchFailure;

export type FetchFailure = {
  readonly kind: 'failed';
  readonly reason: string;
  readonly httpStatus?: number;
  readonly isRetryable: boolean;
  /** What the host asks for. */
  readonly retryAfterMs?: number;
};

export type PoliteFetch = (url: string, signal?: AbortSignal) => Promise<FetchOutcome>;

export type PoliteFetchDependencies = {
  readonly database: Database;
  readonly httpClient: Pick<HttpClient, 'fetch'>;
  readonly userAgent: string;
};

/** How long a page waits for its turn before it goes back to the queue. */
const patienceMs = 1500;
/** A redirect waits longer: to come back would mean to begin the chain again. */
const redirectPatienceMs = 90_000;
const maxBytes = 10 * 1024 * 1024;
const totalTimeoutMs = 30_000;
const robotsTimeoutMs = 15_000;
const maxRobotsDownloadBytes = 5 * 1024 * 1024;
const maxPauseMs = 3600_000;
const accept =
  'text/html, application/xhtml+xml, application/rss+xml, application/atom+xml, application/feed+json, application/xml;q=0.9, */*;q=0.5';

/** Ends a fetch at a redirect; never leaves this file. */
class Veto extends Error {
  readonly outcome: FetchOutcome;
  constructor(outcome: FetchOutcome) {
    super(outcome.kind);
    this.outcome = outcome;
  }
}

type Permission = { readonly kind: 'allowed'; readonly rules: RobotsRules } | Exclude<FetchOutcome, { kind: 'fetched' }>;

/**
 * Fetches pages as robots.txt and the crawl delay of each host along the way allow. Every request, also for robots.txt and
 * after redirects, takes the turn of its host; that is why the client itself repeats none.
 */
export function createPoliteFetch({ database, httpClient, userAgent }: PoliteFetchDependencies): PoliteFetch {
  const productToken = productTokenOf(userAgent);

  async function followTo(url: string, held: HeldTurn, signal: AbortSignal | undefined): Promise<void> {
    const { origin } = new URL(url);
    await held.release();
    await addHost(database, origin);
    const outcome = await waitForTurn(database, origin, redirectPatienceMs, signal);
    if (outcome.kind === 'busy') throw new Veto(outcome);
    held.pass(outcome.turn);
  }

  async function fetchRobots(origin: string, turn: Turn, signal: AbortSignal | undefined): Promise<FetchFailure | undefined> {
    const held = holdTurn(database, turn);
    try {
      const response = await httpClient.fetch(`${origin}/robots.txt`, {
        maxBytes: maxRobotsDownloadBytes,
        totalTimeoutMs: robotsTimeoutMs,
        retries: 0,
        ...(signal !== undefined && { signal }),
        onRedirect: (url) => followTo(url, held, signal),
      });
      const { status } = response;
      if (status >= 500 || status === 429) {
        const reason = `robots.txt of ${origin} cannot be read (HTTP ${status}), so nothing may be fetched.`;
        await saveRobotsError(database, origin, reason, status);
        return { kind: 'failed', reason, isRetryable: true };
      }
      // Where there is none (4xx), everything is allowed.
      const text = status >= 200 && status < 300 ? decodeRobots(response.body) : '';
      const { crawlDelayMs } = readRobots(origin, text, productToken);
      await saveRobots(database, origin, { text, status, crawlDelayMs });
      return undefined;
    } catch (error) {
      if (error instanceof Veto) return undefined;
      if (!(error instanceof AppError) || isStopping(error)) throw error;
      // Too many redirects count as no robots.txt (RFC 9309, 2.3.1.2).
      if (error.code === 'too_many_redirects') {
        await saveRobots(database, origin, { text: '', status: 404, crawlDelayMs: readRobots(origin, '', productToken).crawlDelayMs });
        return undefined;
      }
      await saveRobotsError(database, origin, error.message, undefined);
      return { kind: 'failed', reason: error.message, isRetryable: error.retryable };
    } finally {
      await held.release();
    }
  }

  async function askPermission(url: string, waitMs: number, signal: AbortSignal | undefined): Promise<Permission> {
    const { origin } = new URL(url);
    await addHost(database, origin);
    let robots = await findRobots(database, origin);
    if (robots?.isFresh !== true) {
      const outcome = await waitForTurn(database, origin, waitMs, signal);
      if (outcome.kind === 'busy') return outcome;
      // Whoever had the turn before may have fetched it.
      robots = await findRobots(database, origin);
      if (robots?.isFresh === true) await returnUnused(database, outcome.turn);
      else {
        const failure = await fetchRobots(origin, outcome.turn, signal);
        robots = await findRobots(database, origin);
        // An older robots.txt serves while a newer one cannot be read.
        if (failure !== undefined && robots?.robotsText === null) return failure;
      }
    }
    if (robots === undefined || (robots.robotsText === null && robots.robotsError === null)) return { kind: 'busy', waitMs: 0 };
    if (robots.robotsText === null) return { kind: 'failed', reason: robots.robotsError ?? '', isRetryable: true };
    const rules = readRobots(origin, robots.robotsText, productToken);
    if (rules.isAllowed(url)) return { kind: 'allowed', rules };
    return { kind: 'disallowed', reason: `robots.txt of ${origin} does not allow ${new URL(url).pathname}.` };
  }

  async function send(url: string, turn: Turn, signal: AbortSignal | undefined): Promise<FetchOutcome> {
    const held = holdTurn(database, turn);
    let pauseMs = 0;
    try {
      const response = await httpClient.fetch(url, {
        headers: { accept },
        maxBytes,
        totalTimeoutMs,
        retries: 0,
        ...(signal !== undefined && { signal }),
        async onRedirect(next) {
          await held.release();
          const permission = await askPermission(next, redirectPatienceMs, signal);
          if (permission.kind !== 'allowed') throw new Veto(permission);
          await followTo(next, held, signal);
        },
      });
      const outcome = judgeResponse(response);
      if (outcome.kind === 'failed') pauseMs = Math.min(maxPauseMs, outcome.retryAfterMs ?? 0);
      return outcome;
    } catch (error) {
      if (error instanceof Veto) return error.outcome;
      if (!(error instanceof AppError) || isStopping(error)) throw error;
      return {
        kind: 'failed',
        reason: error.message,
        isRetryable: error.retryable,
        ...(error.retryAfterSeconds !== undefined && { retryAfterMs: error.retryAfterSeconds * 1000 }),
      };
    } finally {
      await held.release(pauseMs);
    }
  }

  return async (url, signal) => {
    const permission = await askPermission(url, patienceMs, signal);
    if (permission.kind !== 'allowed') return permission;
    const outcome = await waitForTurn(database, new URL(url).origin, patienceMs, signal);
    return outcome.kind === 'busy' ? outcome : send(url, outcome.turn, signal);
  };
}

const isStopping = (error: AppError): boolean => error.code === 'request_aborted' || error.code === 'client_closed';

function judgeResponse(response: HttpResponse): FetchOutcome {
  const { status, headers } = response;
  if (status >= 200 && status < 300 && status !== 204 && status !== 205) return { kind: 'fetched', response };
  const isRetryable = status === 408 || status === 425 || status === 429 || status >= 500;
  const pauseMs = isRetryable ? retryAfterMs(headers['retry-after']) : undefined;
  return {
    kind: 'failed',
    reason: `The host answered with HTTP ${status}${names[status] === undefined ? '' : ` (${names[status]})`}.`,
    httpStatus: status,
    isRetryable,
    ...(pauseMs !== undefined && { retryAfterMs: pauseMs }),
  };
}

const names: Readonly<Record<number, string>> = {
  204: 'no content',
  401: 'not authorised',
  403: 'forbidden',
  404: 'not found',
  410: 'gone',
  429: 'too many requests',
  500: 'internal error',
  503: 'not available',
};
