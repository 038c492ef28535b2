import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Origin } from '../subscribers/subscriber-types.ts';
import type { PageView } from './page-parts.ts';

export type RenderPage = (page: { readonly title: string; readonly html: string }) => Promise<string>;

export type SendPage = (reply: FastifyReply, view: PageView, status?: number) => Promise<FastifyReply>;

const config = { access: 'public', isPage: true } as const;
export const pageOptions = { config, schema: { hide: true } } as const;
// Whoever wants to leave can, always; a mail provider asks for many from one address.
export const leaveOptions = { ...pageOptions, config: { ...config, rateLimit: false, cost: 'essential' } } as const;

/** Of what sends a mail: at most a few to one mailbox, whoever asks. */
export const mailingOptions = (rateSubject: (request: FastifyRequest) => string | undefined) =>
  ({ ...pageOptions, config: { ...config, rateLimit: 'subscribe', rateSubject } }) as const;

/** The address of these pages is a proof: it must reach no cache, no other site's log, and no frame that hides what is pressed. */
export function setPageHeaders(reply: FastifyReply, redirectHosts: readonly string[] = []): void {
  // A form that redirects is held to the hosts that it may lead to.
  const targets = ["'self'", ...redirectHosts.map((host) => `https://${host}`)].join(' ');
  reply
    .header('cache-control', 'no-store')
    .header('referrer-policy', 'no-referrer')
    .header('x-robots-tag', 'noindex')
    .header('x-frame-options', 'DENY')
    .header('content-security-policy', `script-src 'none'; form-action ${targets}; base-uri 'none'; frame-ancestors 'none'`);
}

export const createSendPage =
  (renderPage: RenderPage): SendPage =>
  async (reply, view, status = 200) =>
    reply
      .code(status)
      .type('text/html; charset=utf-8')
      .send(await renderPage(view));

export const originOf = (request: FastifyRequest, origin: string): Origin => ({
  origin,
  ip: request.ip,
  userAgent: request.headers['user-agent'],
});
