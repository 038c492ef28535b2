import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Database } from '#platform/database';
import type { HttpServer, RegisterRoutes } from '#platform/http-server';
import type { FieldFault } from '#shared/errors';
import { statements } from '../subscribers/consent-store.ts';
import { maxEmailLength, maxNameLength, readEmail, readName } from '../subscribers/subscriber-fields.ts';
import { findSubscriber } from '../subscribers/subscriber-store.ts';
import type { SubscriberLinks } from './subscriber-links.ts';
import * as pages from './subscription-pages.ts';
import type { SubscriptionService } from './subscription-service.ts';

export type RenderPage = (page: { readonly title: string; readonly html: string }) => Promise<string>;

type Dependencies = {
  readonly database: Database;
  readonly links: SubscriberLinks;
  readonly service: SubscriptionService;
  readonly renderPage: RenderPage;
};

const config = { access: 'public', isPage: true } as const;
const options = { config, schema: { hide: true } } as const;
// Each request sends a mail to whom the form names.
const subscribeOptions = {
  ...options,
  config: { ...config, rateLimit: 'subscribe', rateSubject: ({ body }: FastifyRequest) => mailboxOf(body) },
} as const;
// Whoever wants to leave can, always; a mail provider asks for many from one address.
const leaveOptions = { ...options, config: { ...config, rateLimit: false, cost: 'essential' } } as const;
const maxOneClickBytes = 16_384;

/** The pages by which readers come and go. Mail programs and scanners follow links by themselves, so that a GET changes nothing. */
export function subscriptionRoutes(dependencies: Dependencies): RegisterRoutes {
  return async (app) => {
    await app.register(async (scope) => {
      scope.addHook('onRequest', async (_request, reply) => setPageHeaders(reply));
      registerForm(scope, dependencies);
      registerConfirmation(scope, dependencies);
    });
    await app.register(async (scope) => {
      scope.addHook('onRequest', async (_request, reply) => setPageHeaders(reply));
      // RFC 8058 has mail providers send multipart/form-data or a urlencoded form: the body is only looked at, never needed.
      scope.removeAllContentTypeParsers();
      scope.addContentTypeParser('*', { parseAs: 'string', bodyLimit: maxOneClickBytes }, (_request, body, done) => done(null, body));
      registerUnsubscription(scope, dependencies);
    });
  };
}

/** The address of these pages is a proof: it must reach no cache, no other site's log, and no frame that hides what is pressed. */
function setPageHeaders(reply: FastifyReply): void {
  reply
    .header('cache-control', 'no-store')
    .header('referrer-policy', 'no-referrer')
    .header('x-robots-tag', 'noindex')
    .header('x-frame-options', 'DENY')
    .header('content-security-policy', "script-src 'none'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'");
}

function createSender(renderPage: RenderPage) {
  return async (reply: FastifyReply, view: pages.PageView, status = 200) =>
    reply
      .code(status)
      .type('text/html; charset=utf-8')
      .send(await renderPage(view));
}

const originOf = (request: FastifyRequest, origin: string) => ({ origin, ip: request.ip });

/** What a form sent is no schema's: a fault is shown on the page with the form, not as a problem for programs. */
function readForm(body: unknown) {
  const fields: Readonly<Record<string, unknown>> = typeof body === 'object' && body !== null ? { ...body } : {};
  const textOf = (name: string) => (typeof fields[name] === 'string' ? fields[name] : '');
  const values = { email: textOf('email'), name: textOf('name') };
  const email = readEmail(values.email);
  const name = readName(values.name);
  const faults: FieldFault[] = [];
  if ('fault' in email) faults.push({ path: '/email', message: email.fault });
  if ('fault' in name) faults.push({ path: '/name', message: name.fault });
  return { values, faults, email, name, isTrapped: textOf('website') !== '' };
}

/** Whose mailbox the form is about, or undefined when no mail will go out. */
function mailboxOf(body: unknown): string | undefined {
  const { email, isTrapped } = readForm(body);
  return isTrapped || 'fault' in email ? undefined : email.value.toLowerCase();
}

const shorten = ({ email, name }: pages.FormValues): pages.FormValues => ({
  email: email.slice(0, maxEmailLength),
  name: name.slice(0, maxNameLength),
});

function registerForm(app: HttpServer, { service, renderPage }: Dependencies): void {
  const send = createSender(renderPage);
  app.get('/subscribe', options, (_request, reply) => send(reply, pages.formPage({ email: '', name: '' })));
  app.post('/subscribe', subscribeOptions, async (request, reply) => {
    const { values, faults, email, name, isTrapped } = readForm(request.body);
    if (isTrapped) return send(reply, pages.requestedPage());
    if ('fault' in email || 'fault' in name) return send(reply, pages.formPage(shorten(values), faults), 422);
    const profile = name.value === null ? {} : { name: name.value };
    await service.request({ email: email.value, profile, source: 'form', statement: statements.requested }, originOf(request, 'form'));
    return send(reply, pages.requestedPage());
  });
}

function registerConfirmation(app: HttpServer, { database, links, service, renderPage }: Dependencies): void {
  const send = createSender(renderPage);
  app.get<{ Params: { token: string } }>('/confirm/:token', options, async (request, reply) => {
    const { token } = request.params;
    const subscriberId = links.readConfirmToken(token);
    const subscriber = subscriberId === undefined ? undefined : await findSubscriber(database, subscriberId);
    if (subscriber === undefined || subscriber.status === 'erased') return send(reply, pages.unknownLinkPage(), 404);
    return send(reply, pages.confirmPage(`/confirm/${encodeURIComponent(token)}`));
  });
  app.post<{ Params: { token: string } }>('/confirm/:token', options, async (request, reply) => {
    const subscriberId = links.readConfirmToken(request.params.token);
    const outcome = subscriberId === undefined ? 'unknown' : await service.confirm(subscriberId, originOf(request, 'confirmation page'));
    if (outcome === 'unknown') return send(reply, pages.unknownLinkPage(), 404);
    return outcome === 'outdated' ? send(reply, pages.outdatedPage(), 410) : send(reply, pages.confirmedPage());
  });
}

/** By RFC 8058, `List-Unsubscribe=One-Click` in a urlencoded form or as a part of multipart/form-data. */
function isOneClick(body: unknown): boolean {
  return typeof body === 'string' && /List-Unsubscribe(=|"\s+)One-Click/i.test(body);
}

function registerUnsubscription(app: HttpServer, { database, links, service, renderPage }: Dependencies): void {
  const send = createSender(renderPage);
  const actionOf = (token: string) => `/unsubscribe/${encodeURIComponent(token)}`;

  app.get<{ Params: { token: string } }>('/unsubscribe/:token', leaveOptions, async (request, reply) => {
    const { token } = request.params;
    const subscriberId = links.readUnsubscribeToken(token)?.subscriberId;
    const subscriber = subscriberId === undefined ? undefined : await findSubscriber(database, subscriberId);
    if (subscriber === undefined || subscriber.status === 'erased') return send(reply, pages.unknownLinkPage(), 404);
    return send(reply, pages.unsubscribePage(actionOf(token), subscriber.email));
  });

  app.post<{ Params: { token: string } }>('/unsubscribe/:token', leaveOptions, async (request, reply) => {
    const { token } = request.params;
    const link = links.readUnsubscribeToken(token);
    const oneClick = isOneClick(request.body);
    const origin = originOf(request, oneClick ? 'one-click' : 'unsubscribe page');
    const outcome = link
      ? await database.transaction((tx) => service.unsubscribe(tx, link.subscriberId, { ...origin, issueId: link.issueId }))
      : 'unknown';
    if (oneClick) {
      return reply
        .code(outcome === 'unknown' ? 404 : 200)
        .type('text/plain; charset=utf-8')
        .send(outcome === 'unknown' ? 'This link is not valid.\n' : 'Unsubscribed.\n');
    }
    if (link === undefined || outcome === 'unknown') return send(reply, pages.unknownLinkPage(), 404);
    const canUndo = await service.canUndo(database, link.subscriberId);
    return send(reply, pages.unsubscribedPage(canUndo ? `${actionOf(token)}/undo` : undefined));
  });

  app.post<{ Params: { token: string } }>('/unsubscribe/:token/undo', leaveOptions, async (request, reply) => {
    const link = links.readUnsubscribeToken(request.params.token);
    const outcome = link ? await service.undoUnsubscribe(link.subscriberId, originOf(request, 'unsubscribe page')) : 'unknown';
    if (outcome === 'unknown') return send(reply, pages.unknownLinkPage(), 404);
    return outcome === 'too_late' ? send(reply, pages.tooLatePage(), 410) : send(reply, pages.restoredPage());
  });
}
