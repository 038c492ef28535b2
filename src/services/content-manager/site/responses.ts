import { createHash } from 'node:crypto';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { pageSecurityHeaders } from '#platform/http-server';

/** How long a browser and a shared cache may keep an answer, in the words of Cache-Control. */
export const caching = {
  // Published articles appear within a minute; what is asked for meanwhile comes at once.
  page: 'public, max-age=60, stale-while-revalidate=600',
  feed: 'public, max-age=300, stale-while-revalidate=3600',
  artwork: 'public, max-age=604800, stale-while-revalidate=2592000',
  immutable: 'public, max-age=31536000, immutable',
  none: 'no-store',
} as const;

export type PublicAnswer = {
  readonly type: string;
  readonly body: string | Buffer;
  readonly cacheControl: string;
  readonly status?: number;
  /** Another policy than that of pages, for what is no page. */
  readonly contentSecurityPolicy?: string;
};

// Weak: the same content may travel compressed or not.
export const tagOf = (body: string | Buffer): string => `W/"${createHash('sha256').update(body).digest('base64url').slice(0, 27)}"`;

export function isKnown(ifNoneMatch: string | undefined, tag: string): boolean {
  if (ifNoneMatch === undefined) return false;
  const opaque = (value: string) => value.trim().replace(/^W\//, '');
  return ifNoneMatch.trim() === '*' || ifNoneMatch.split(',').some((value) => opaque(value) === opaque(tag));
}

export function publicHeaders({
  cacheControl,
  contentSecurityPolicy,
}: Pick<PublicAnswer, 'cacheControl' | 'contentSecurityPolicy'>): Record<string, string> {
  return {
    ...pageSecurityHeaders,
    'cache-control': cacheControl,
    ...(contentSecurityPolicy !== undefined && { 'content-security-policy': contentSecurityPolicy }),
  };
}

/** Sends a public read with its caching and security headers; 304 without a body when the reader has it already. */
export function sendPublic(request: FastifyRequest, reply: FastifyReply, answer: PublicAnswer): FastifyReply {
  const { status = 200 } = answer;
  reply.headers(publicHeaders(answer));
  if (status === 200) {
    const tag = tagOf(answer.body);
    reply.header('etag', tag);
    if (isKnown(request.headers['if-none-match'], tag)) return reply.code(304).send();
  }
  return reply.code(status).type(answer.type).send(answer.body);
}

export const pageAnswer = (html: string): PublicAnswer => ({ type: 'text/html; charset=utf-8', body: html, cacheControl: caching.page });

export function sendPage(request: FastifyRequest, reply: FastifyReply, html: string): FastifyReply {
  return sendPublic(request, reply, pageAnswer(html));
}
