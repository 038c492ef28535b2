import type { Dispatcher } from 'undici';
import { translateFailure } from './failure.ts';
import { type Hop, isRedirect } from './redirect.ts';
import { readBody } from './response-body.ts';

export type Answer = { readonly status: number; readonly headers: Readonly<Record<string, string>>; readonly body: Buffer };

// The body of a redirect is of no use; a short one is read, so that the connection can be used again.
const redirectBodyBytes = 16 * 1024;

/** Sends one request and reads its answer whole. @throws AppError, whatever went wrong */
export async function exchange(dispatcher: Dispatcher, hop: Hop, maxBytes: number, signal: AbortSignal): Promise<Answer> {
  const { url, method } = hop;
  let hasAnswered = false;
  try {
    const response = await dispatcher.request({
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

function plainHeaders(headers: Readonly<Record<string, string | string[] | undefined>>): Record<string, string> {
  const entries = Object.entries(headers).map(([name, value]) => [name, Array.isArray(value) ? value.join(', ') : (value ?? '')]);
  return Object.fromEntries(entries) as Record<string, string>;
}
