import { clientError } from './failure.ts';

/** One request of a chain of redirects. Header names are in lower case. */
export type Hop = {
  readonly url: URL;
  readonly method: string;
  readonly headers: ReadonlyMap<string, string>;
  readonly body: string | Uint8Array | undefined;
};

const redirectStatuses = new Set([301, 302, 303, 307, 308]);
// What only the first host was meant to see (Fetch standard, and cookies, which this client never sets by itself).
const secretHeaders = ['authorization', 'proxy-authorization', 'cookie', 'host'];

export function isRedirect(status: number, location: string | undefined): location is string {
  return redirectStatuses.has(status) && location !== undefined;
}

/** @throws AppError `invalid_url`, `unsupported_scheme` */
export function parseUrl(text: string | URL): URL {
  if (!URL.canParse(String(text))) throw clientError('invalid_url', `"${String(text).slice(0, 200)}" is no address.`, { status: 422 });
  const url = new URL(text);
  if (url.protocol !== 'http:' && url.protocol !== 'https:') {
    throw clientError('unsupported_scheme', `Only http and https are fetched, not ${url.protocol} (${url.href.slice(0, 200)}).`, {
      status: 422,
    });
  }
  // A name and password in an address are never sent, a fragment neither.
  url.username = '';
  url.password = '';
  url.hash = '';
  return url;
}

/** Servers write UTF-8 into the header, though HTTP says Latin-1: read as UTF-8 wherever it is valid UTF-8. */
function decodeLocation(location: string): string {
  const text = Buffer.from(location, 'latin1').toString('utf8');
  return text.includes('\uFFFD') ? location : text;
}

/** The request that a redirect asks for (RFC 9110, 15.4). @throws AppError `response_invalid`, `unsupported_scheme` */
export function followRedirect(hop: Hop, status: number, location: string): Hop {
  const target = decodeLocation(location);
  if (!URL.canParse(target, hop.url.href)) {
    throw clientError('response_invalid', `${hop.url.host} redirects to something that is no address: "${target.slice(0, 200)}".`);
  }
  const url = parseUrl(new URL(target, hop.url));
  const becomesGet = (status === 303 && hop.method !== 'HEAD') || ((status === 301 || status === 302) && hop.method === 'POST');
  const isOtherOrigin = url.origin !== hop.url.origin;
  const headers = new Map(
    [...hop.headers].filter(([name]) => !(isOtherOrigin && secretHeaders.includes(name)) && !(becomesGet && name.startsWith('content-'))),
  );
  return { url, headers, method: becomesGet ? 'GET' : hop.method, body: becomesGet ? undefined : hop.body };
}
