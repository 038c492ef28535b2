import type { FastifyRequest } from 'fastify';
import type { Database } from '#platform/database';
import type { HttpServer } from '#platform/http-server';
import type { Clock } from '#shared/clock';
import { mailingOptions, originOf, pageOptions, type SendPage } from '../pages/page-replies.ts';
import type { PageText, PageTextOf } from '../pages/page-text.ts';
import { findLastConsent } from '../subscribers/consent-store.ts';
import { findSubscriber } from '../subscribers/subscriber-store.ts';
import type { SubscriberLinks } from './subscriber-links.ts';
import * as pages from './subscription-pages.ts';
import type { SubscriptionService } from './subscription-service.ts';

type Dependencies = {
  readonly database: Database;
  readonly clock: Clock;
  readonly links: SubscriberLinks;
  readonly service: SubscriptionService;
  readonly send: SendPage;
  readonly textOf: PageTextOf;
  readonly siteTitle: string;
};

type WithToken = { Params: { token: string } };

/** The second half of double opt-in. A link is valid for a week; then its page offers to send another to the same address. */
export function registerConfirmation(app: HttpServer, dependencies: Dependencies): void {
  const { database, clock, links, service, send, textOf, siteTitle } = dependencies;
  const actionOf = (text: PageText, token: string, step = '') => text.to(`/confirm/${encodeURIComponent(token)}${step}`);

  async function readLink(request: FastifyRequest<WithToken>) {
    const link = links.readConfirmToken(request.params.token);
    const subscriber = link && (await findSubscriber(database, link.subscriberId));
    const isKnown = subscriber !== undefined && subscriber.status !== 'erased';
    const text = textOf(request, isKnown ? subscriber.language : undefined);
    if (link === undefined || !isKnown) return { kind: 'unknown', text } as const;
    // Whoever is subscribed has nothing to renew.
    const isExpired = link.expiresAt <= clock.now() && subscriber.status !== 'active';
    return { kind: isExpired ? 'expired' : 'valid', subscriber, text } as const;
  }

  app.get<WithToken>('/confirm/:token', pageOptions, async (request, reply) => {
    const link = await readLink(request);
    const { text } = link;
    const { token } = request.params;
    if (link.kind === 'unknown') return send(reply, pages.unknownLinkPage(text), 404);
    if (link.kind === 'expired') return send(reply, pages.expiredPage(text, actionOf(text, token, '/renew')), 410);
    const requested = await findLastConsent(database, link.subscriber.id, 'requested');
    const shown = requested?.language ? requested.statement : text.t('form.statement', { site: siteTitle });
    return send(reply, pages.confirmPage(text, actionOf(text, token), shown));
  });

  app.post<WithToken>('/confirm/:token', pageOptions, async (request, reply) => {
    const link = await readLink(request);
    const { text } = link;
    if (link.kind === 'unknown') return send(reply, pages.unknownLinkPage(text), 404);
    if (link.kind === 'expired') return send(reply, pages.expiredPage(text, actionOf(text, request.params.token, '/renew')), 410);
    const shown = { text: text.t('form.statement', { site: siteTitle }), language: text.language };
    const outcome = await service.confirm(link.subscriber.id, shown, originOf(request, 'confirmation page'));
    if (outcome === 'unknown') return send(reply, pages.unknownLinkPage(text), 404);
    if (outcome === 'outdated') return send(reply, pages.outdatedPage(text), 410);
    return send(reply, pages.confirmedPage(text, links.preferencesUrl(link.subscriber.id)));
  });

  const renewOptions = mailingOptions(({ params }) => links.readConfirmToken((params as WithToken['Params']).token)?.subscriberId);
  app.post<WithToken>('/confirm/:token/renew', renewOptions, async (request, reply) => {
    const link = await readLink(request);
    if (link.kind === 'unknown') return send(reply, pages.unknownLinkPage(link.text), 404);
    await service.renew(link.subscriber.id, originOf(request, 'confirmation page'));
    return send(reply, pages.requestedPage(link.text, link.text.to('/subscribe')));
  });
}
