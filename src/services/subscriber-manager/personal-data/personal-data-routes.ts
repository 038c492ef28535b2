import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Database } from '#platform/database';
import type { HttpServer } from '#platform/http-server';
import type { Clock } from '#shared/clock';
import { pageOptions, type SendPage } from '../pages/page-replies.ts';
import type { PageText, PageTextOf } from '../pages/page-text.ts';
import { dataActionPage, dataExpiredPage, erasedPage, exportedPage } from '../preferences/preference-pages.ts';
import type { SubscriberService } from '../subscribers/subscriber-service.ts';
import { findSubscriber } from '../subscribers/subscriber-store.ts';
import type { Subscriber } from '../subscribers/subscriber-types.ts';
import type { DataAction, SubscriberLinks } from '../subscriptions/subscriber-links.ts';
import { unknownLinkPage } from '../subscriptions/subscription-pages.ts';
import type { PersonalData } from './personal-data.ts';

type Dependencies = {
  readonly database: Database;
  readonly clock: Clock;
  readonly links: SubscriberLinks;
  readonly subscribers: SubscriberService;
  readonly personalData: PersonalData;
  readonly send: SendPage;
  readonly textOf: PageTextOf;
};

type WithToken = { Params: { token: string } };
type Act = (reply: FastifyReply, subscriber: Subscriber, text: PageText, token: string) => Promise<FastifyReply>;

const reader = 'reader';

/** Where the links lead that were mailed to a person who asked for their data, or for its erasure: valid for a day, acted on by POST. */
export function registerPersonalData(app: HttpServer, dependencies: Dependencies): void {
  const { database, clock, links, subscribers, personalData, send, textOf } = dependencies;

  const withLink = (action: DataAction, act: Act) => async (request: FastifyRequest<WithToken>, reply: FastifyReply) => {
    const link = links.readDataToken(action, request.params.token);
    const subscriber = link && (await findSubscriber(database, link.subscriberId));
    if (subscriber === undefined || subscriber.status === 'erased') return send(reply, unknownLinkPage(textOf(request)), 404);
    const text = textOf(request, subscriber.language);
    // The link has been in a mail to this address: its holder may go on to ask for another.
    if (link === undefined || link.expiresAt <= clock.now()) {
      return send(reply, dataExpiredPage(text, links.preferencesUrl(subscriber.id)), 410);
    }
    return act(reply, subscriber, text, request.params.token);
  };

  for (const action of ['export', 'erase'] as const) {
    const show: Act = (reply, _subscriber, text, token) =>
      send(reply, dataActionPage(text, action, text.to(`/my-data/${action}/${encodeURIComponent(token)}`)));
    app.get<WithToken>(`/my-data/${action}/:token`, pageOptions, withLink(action, show));
  }

  app.post<WithToken>(
    '/my-data/export/:token',
    pageOptions,
    withLink('export', async (reply, subscriber, text) => {
      await personalData.recordExport(subscriber.id, reader);
      return send(reply, exportedPage(text, links.dataUrl('download', subscriber.id, clock.now())));
    }),
  );

  app.get<WithToken>(
    '/my-data/download/:token',
    pageOptions,
    withLink('download', async (reply, subscriber, text) => {
      const data = await personalData.collect(subscriber.id);
      if (data === undefined) return send(reply, unknownLinkPage(text), 404);
      return reply
        .type('application/json; charset=utf-8')
        .header('content-disposition', 'attachment; filename="my-data.json"')
        .header('x-content-type-options', 'nosniff')
        .send(JSON.stringify(data, undefined, 2));
    }),
  );

  app.post<WithToken>(
    '/my-data/erase/:token',
    pageOptions,
    withLink('erase', async (reply, subscriber, text) => {
      await subscribers.erase(subscriber.id, reader);
      return send(reply, erasedPage(text));
    }),
  );
}
