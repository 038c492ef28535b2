import type { FastifyRequest } from 'fastify';
import type { Database } from '#platform/database';
import type { HttpServer } from '#platform/http-server';
import { leaveOptions, originOf, type SendPage } from '../pages/page-replies.ts';
import type { PageText, PageTextOf } from '../pages/page-text.ts';
import { findSubscriber } from '../subscribers/subscriber-store.ts';
import type { SubscriberLinks } from './subscriber-links.ts';
import * as pages from './subscription-pages.ts';
import { type SubscriptionService, type UnsubscribeReason, unsubscribeReasons } from './subscription-service.ts';

type Dependencies = {
  readonly database: Database;
  readonly links: SubscriberLinks;
  readonly service: SubscriptionService;
  readonly send: SendPage;
  readonly textOf: PageTextOf;
};

type WithToken = { Params: { token: string } };

/** By RFC 8058, `List-Unsubscribe=One-Click` in a urlencoded form or as a part of multipart/form-data. */
function isOneClick(body: unknown): boolean {
  return typeof body === 'string' && /List-Unsubscribe(=|"\s+)One-Click/i.test(body);
}

/** The page's form is urlencoded; whatever else came says no reason. */
function reasonIn(body: unknown): UnsubscribeReason | undefined {
  const given = typeof body === 'string' ? new URLSearchParams(body).get('reason') : null;
  return unsubscribeReasons.find((reason) => reason === given);
}

export function registerUnsubscription(app: HttpServer, { database, links, service, send, textOf }: Dependencies): void {
  const actionOf = (text: PageText, token: string, step = '') => text.to(`/unsubscribe/${encodeURIComponent(token)}${step}`);

  async function readLink(request: FastifyRequest<WithToken>) {
    const link = links.readUnsubscribeToken(request.params.token);
    const subscriber = link && (await findSubscriber(database, link.subscriberId));
    const isKnown = link !== undefined && subscriber !== undefined && subscriber.status !== 'erased';
    const text = textOf(request, isKnown ? subscriber.language : undefined);
    return isKnown ? ({ kind: 'known', link, subscriber, text } as const) : ({ kind: 'unknown', text } as const);
  }

  app.get<WithToken>('/unsubscribe/:token', leaveOptions, async (request, reply) => {
    const found = await readLink(request);
    if (found.kind === 'unknown') return send(reply, pages.unknownLinkPage(found.text), 404);
    return send(reply, pages.unsubscribePage(found.text, actionOf(found.text, request.params.token), found.subscriber.email));
  });

  app.post<WithToken>('/unsubscribe/:token', leaveOptions, async (request, reply) => {
    const oneClick = isOneClick(request.body);
    const found = await readLink(request);
    if (found.kind === 'unknown') {
      if (oneClick) return reply.code(404).type('text/plain; charset=utf-8').send('This link is not valid.\n');
      return send(reply, pages.unknownLinkPage(found.text), 404);
    }
    const { link, text } = found;
    const origin = originOf(request, oneClick ? 'one-click' : 'unsubscribe page');
    const reason = reasonIn(request.body);
    await database.transaction((tx) => service.unsubscribe(tx, link.subscriberId, { ...origin, issueId: link.issueId, reason }));
    if (oneClick) return reply.type('text/plain; charset=utf-8').send('Unsubscribed.\n');
    const canUndo = await service.canUndo(database, link.subscriberId);
    return send(reply, pages.unsubscribedPage(text, canUndo ? actionOf(text, request.params.token, '/undo') : undefined));
  });

  app.post<WithToken>('/unsubscribe/:token/undo', leaveOptions, async (request, reply) => {
    const found = await readLink(request);
    if (found.kind === 'unknown') return send(reply, pages.unknownLinkPage(found.text), 404);
    const outcome = await service.undoUnsubscribe(found.link.subscriberId, originOf(request, 'unsubscribe page'));
    if (outcome === 'unknown') return send(reply, pages.unknownLinkPage(found.text), 404);
    return outcome === 'too_late' ? send(reply, pages.tooLatePage(found.text), 410) : send(reply, pages.restoredPage(found.text));
  });
}
