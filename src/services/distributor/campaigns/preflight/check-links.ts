import type { HttpClient } from '#platform/http-client';
import { AppError } from '#shared/errors';
import { createSemaphore } from '#shared/semaphore';
import type { Finding, PreflightReport } from './findings.ts';

const maxConcurrent = 8;
const linkTimeoutMs = 8000;
/** For all links of a mail; those that are left then are said to be unchecked. */
const totalTimeoutMs = 45_000;
/** Of a page nothing is read but that it is there. */
const maxBytes = 2 * 1024 * 1024;
const gone = new Set([404, 410]);
/** Answers of sites that do not let machines in, or do not speak HEAD. */
const askAgainWithGet = new Set([400, 401, 403, 404, 405, 406, 410, 429, 500, 501, 503]);

export type LinkCheckOptions = {
  readonly httpClient: HttpClient;
  /** Of our own site: it may be at a private address. */
  readonly ownBaseUrl: string;
  readonly signal?: AbortSignal;
};

/** Asks for every link, a few at a time. A page that is gone blocks; what cannot be reached may be reached by readers, and warns. */
export async function checkLinks(urls: readonly string[], options: LinkCheckOptions): Promise<Partial<PreflightReport>> {
  const slots = createSemaphore({
    limit: maxConcurrent,
    maxWaiting: Number.POSITIVE_INFINITY,
    overloadError: () => new Error('too many links'),
  });
  const timeUp = AbortSignal.timeout(totalTimeoutMs);
  const signal = options.signal === undefined ? timeUp : AbortSignal.any([options.signal, timeUp]);
  const verdicts = await Promise.all(
    [...new Set(urls)].map(async (url) => {
      const release = await slots.acquire();
      try {
        return await checkLink(url, options, signal);
      } finally {
        release();
      }
    }),
  );
  const of = (level: Verdict['level']) =>
    verdicts.flatMap((verdict) => (verdict.level !== 'fine' && verdict.level === level ? [verdict.finding] : []));
  return { blocking: of('blocking'), warnings: of('warning') };
}

type Verdict = { readonly level: 'fine' } | { readonly level: 'blocking' | 'warning'; readonly finding: Finding };

async function checkLink(url: string, { httpClient, ownBaseUrl }: LinkCheckOptions, signal: AbortSignal): Promise<Verdict> {
  const isOwn = new URL(url).origin === new URL(ownBaseUrl).origin;
  const request = { retries: 0, totalTimeoutMs: linkTimeoutMs, maxBytes, signal, ...(isOwn && { isToService: true }) };
  try {
    let { status } = await httpClient.fetch(url, { ...request, method: 'HEAD' });
    if (askAgainWithGet.has(status)) ({ status } = await httpClient.fetch(url, request));
    if (gone.has(status)) return blocking(url, `answers ${status}: the page is gone`);
    return status >= 400 ? warning(url, `answers ${status}`) : { level: 'fine' };
  } catch (error) {
    if (signal.aborted) return warning(url, 'was not checked: there was no time left');
    if (!(error instanceof AppError)) throw error;
    if (error.code === 'body_too_large') return { level: 'fine' };
    // Where our own site stands we know; whether it is up now says nothing of when the mail is read.
    if (isOwn) return warning(url, `cannot be reached from here: ${error.message}`);
    if (error.code === 'address_refused') return blocking(url, 'leads to a private address, which readers cannot reach');
    // Without a network no name is known for the time being, which may be tried again.
    if (error.code === 'dns_failed' && !error.retryable) return blocking(url, 'leads to a host that does not exist');
    if (error.code === 'invalid_url' || error.code === 'unsupported_scheme' || error.code === 'too_many_redirects') {
      return blocking(url, error.message);
    }
    return warning(url, `cannot be reached from here: ${error.message}`);
  }
}

const blocking = (url: string, what: string): Verdict => ({
  level: 'blocking',
  finding: { code: 'link_broken', message: `The link ${what}.`, where: url, howToMend: 'Correct the link, or take it out.' },
});
const warning = (url: string, what: string): Verdict => ({
  level: 'warning',
  finding: { code: 'link_unverified', message: `The link ${what}.`, where: url, howToMend: 'Open it in a browser before you send.' },
});
