import type { Database } from '#platform/database';
import type { RegisterRoutes } from '#platform/http-server';
import type { Jobs } from '#platform/jobs';
import type { Clock } from '#shared/clock';
import type { PersonalData } from '../personal-data/personal-data.ts';
import { registerPersonalData } from '../personal-data/personal-data-routes.ts';
import { registerPreferences } from '../preferences/preference-routes.ts';
import type { SubscriberService } from '../subscribers/subscriber-service.ts';
import { registerConfirmation } from '../subscriptions/confirmation-pages.ts';
import { registerForms } from '../subscriptions/form-pages.ts';
import type { SubscriberLinks } from '../subscriptions/subscriber-links.ts';
import type { SubscriptionService } from '../subscriptions/subscription-service.ts';
import { registerUnsubscription } from '../subscriptions/unsubscribe-pages.ts';
import { createSendPage, type RenderPage, setPageHeaders } from './page-replies.ts';
import { createPageTextOf } from './page-text.ts';
import type { Topic } from './reader-fields.ts';

export type PageDependencies = {
  readonly database: Database;
  readonly jobs: Jobs;
  readonly clock: Clock;
  readonly links: SubscriberLinks;
  readonly subscriptions: SubscriptionService;
  readonly subscribers: SubscriberService;
  readonly personalData: PersonalData;
  readonly renderPage: RenderPage;
  readonly siteTitle: string;
  readonly siteLanguage: string;
  readonly topics: readonly Topic[];
  readonly redirectHosts: readonly string[];
};

const maxOneClickBytes = 16_384;

/** The pages by which readers come, choose and go. Mail programs and scanners follow links by themselves, so that a GET changes nothing. */
export function pageRoutes(dependencies: PageDependencies): RegisterRoutes {
  const { subscriptions: service, renderPage, redirectHosts } = dependencies;
  const shared = { ...dependencies, service, send: createSendPage(renderPage), textOf: createPageTextOf(dependencies.siteLanguage) };
  return async (app) => {
    await app.register(async (scope) => {
      scope.addHook('onRequest', async (_request, reply) => setPageHeaders(reply, redirectHosts));
      registerForms(scope, shared);
    });
    await app.register(async (scope) => {
      scope.addHook('onRequest', async (_request, reply) => setPageHeaders(reply));
      registerConfirmation(scope, shared);
      registerPreferences(scope, shared);
      registerPersonalData(scope, shared);
    });
    await app.register(async (scope) => {
      scope.addHook('onRequest', async (_request, reply) => setPageHeaders(reply));
      // RFC 8058 has mail providers send multipart/form-data or a urlencoded form: the body is only looked at, never needed.
      scope.removeAllContentTypeParsers();
      scope.addContentTypeParser('*', { parseAs: 'string', bodyLimit: maxOneClickBytes }, (_request, body, done) => done(null, body));
      registerUnsubscription(scope, shared);
    });
  };
}
