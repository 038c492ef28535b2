import type { HttpClient, HttpRequest } from './http-client-types.ts';

export type FetchOptions = Pick<HttpRequest, 'totalTimeoutMs' | 'maxBytes' | 'maxRedirects' | 'retries' | 'isToService'>;

const methods = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE'] as const;
// The Fetch standard allows no body with these, not even an empty one.
const statusesWithoutBody = new Set([204, 205, 304]);
// They describe what was sent, and the body is decompressed by now.
const headersOfTransfer = new Set(['content-encoding', 'content-length', 'transfer-encoding']);

/**
 * `fetch` as the web defines it, for libraries that take one: their requests then keep to the same limits, guard and circuit breakers as
 * all others. The answer is read whole before it is given. Failures are a TypeError, as the standard says, with the AppError as its cause;
 * an aborted request fails with its signal's reason. `redirect: 'manual'` is not supported.
 */
export function createFetch(httpClient: Pick<HttpClient, 'fetch'>, options: FetchOptions = {}): typeof globalThis.fetch {
  return async (input, init) => {
    const request = new Request(input, init);
    const method = methods.find((known) => known === request.method);
    if (method === undefined || request.redirect === 'manual') {
      throw new TypeError(`Neither ${request.method} nor redirects by hand can be asked for here: GET, HEAD, POST, PUT, PATCH, DELETE.`);
    }
    const body = request.body === null ? undefined : new Uint8Array(await request.arrayBuffer());
    try {
      const answer = await httpClient.fetch(request.url, {
        ...options,
        method,
        headers: Object.fromEntries(request.headers),
        signal: request.signal,
        ...(body !== undefined && { body }),
        ...(request.redirect === 'error' && { maxRedirects: 0 }),
      });
      const headers = Object.entries(answer.headers).filter(([name]) => !headersOfTransfer.has(name));
      const response = new Response(statusesWithoutBody.has(answer.status) ? null : new Uint8Array(answer.body), {
        status: answer.status,
        headers,
      });
      return Object.defineProperty(response, 'url', { value: answer.url });
    } catch (error) {
      if (request.signal.aborted) throw request.signal.reason;
      // Word for word what Node's own says: libraries tell a failed connection by it.
      throw new TypeError('fetch failed', { cause: error });
    }
  };
}
