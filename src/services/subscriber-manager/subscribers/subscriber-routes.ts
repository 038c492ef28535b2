import { Type } from 'typebox';
import type { Database, Transaction } from '#platform/database';
import { actorOf, decodeCursor, type HttpServer, type RegisterRoutes, toPage } from '#platform/http-server';
import { conflict, type FieldFault, invalid, notFound } from '#shared/errors';
import { IdParams } from '#shared/schema';
import { listConsents, statements } from './consent-store.ts';
import { type ProfileInput, readEmail, readProfile } from './subscriber-fields.ts';
import {
  NewSubscriberBody,
  SubscriberChangeBody,
  SubscriberPage,
  SubscriberQuery,
  SubscriberView,
  SubscriberWithConsents,
  viewOf,
  viewOfConsent,
} from './subscriber-schema.ts';
import type { SubscriberService } from './subscriber-service.ts';
import { findSubscriber, listSubscribers } from './subscriber-store.ts';
import type { Origin, Profile, Subscriber } from './subscriber-types.ts';

type RequestOutcome =
  | { readonly kind: 'requested'; readonly subscriber: Subscriber; readonly isNew: boolean }
  | { readonly kind: 'domain_suppressed' };

type Dependencies = {
  readonly database: Database;
  readonly service: SubscriberService;
  readonly request: (
    request: { readonly email: string; readonly profile: Partial<Profile>; readonly source: string; readonly statement: string },
    origin: Origin,
  ) => Promise<RequestOutcome>;
  readonly unsubscribe: (tx: Transaction, id: string, origin: Origin) => Promise<'unsubscribed' | 'unsubscribed_already' | 'unknown'>;
};

function checked(input: ProfileInput, otherFaults: readonly FieldFault[] = []): Partial<Profile> {
  const { profile, faults } = readProfile(input);
  const all = [...otherFaults, ...faults];
  if (all.length > 0) throw invalid(`The subscriber is not valid: ${all.map((f) => `${f.path} ${f.message}`).join('; ')}.`, all);
  return profile;
}

const tagged = { tags: ['subscribers'] };

export function subscriberRoutes(dependencies: Dependencies): RegisterRoutes {
  return (app) => {
    registerList(app, dependencies);
    registerDetails(app, dependencies);
    registerDeparture(app, dependencies);
  };
}

function registerList(app: HttpServer, { database, service, request: requestSubscription }: Dependencies): void {
  app.get(
    '/api/v1/subscribers',
    {
      schema: { ...tagged, summary: 'Subscribers, newest first', querystring: SubscriberQuery, response: { 200: SubscriberPage } },
      config: { access: 'subscribers:read' },
    },
    async ({ query: { limit = 20, cursor, status, tag, q } }) => {
      const before = decodeCursor(cursor);
      const rows = await listSubscribers(database.reads, { status, tag: tag?.trim().toLowerCase(), q: q?.trim(), before, limit });
      return toPage(rows.map(viewOf), limit, ({ createdAt, id }) => ({ at: new Date(createdAt), id }));
    },
  );

  app.post(
    '/api/v1/subscribers',
    {
      schema: {
        ...tagged,
        summary: 'Add a subscriber, by a confirmation mail or with a statement of consent',
        description: '200 when the address is known and was asked to confirm again; 201 when it is new.',
        body: NewSubscriberBody,
        response: { 200: SubscriberView, 201: SubscriberView },
      },
      config: { access: 'subscribers:write' },
    },
    async (request, reply) => {
      const { email: givenEmail, confirmedBy, ...input } = request.body;
      const email = readEmail(givenEmail);
      const profile = checked(input, 'fault' in email ? [{ path: '/email', message: email.fault }] : []);
      if ('fault' in email) throw invalid('The e-mail address is not valid.');
      const wish = { email: email.value, profile, source: 'api' };
      const origin = { origin: actorOf(request) };
      if (confirmedBy !== undefined) {
        return reply.code(201).send(viewOf(await service.addConfirmed({ ...wish, statement: confirmedBy }, origin)));
      }
      const outcome = await requestSubscription({ ...wish, statement: statements.requestedByPublisher }, origin);
      if (outcome.kind === 'domain_suppressed') {
        throw conflict('address_suppressed', 'No mail is sent to this domain: it stands among the suppressions.');
      }
      if (outcome.subscriber.status === 'active') throw conflict('subscriber_exists', 'This address is subscribed already.');
      return reply.code(outcome.isNew ? 201 : 200).send(viewOf(outcome.subscriber));
    },
  );
}

function registerDetails(app: HttpServer, { database, service }: Dependencies): void {
  app.get(
    '/api/v1/subscribers/:id',
    {
      schema: {
        ...tagged,
        summary: 'A subscriber with the trail of consents',
        params: IdParams,
        response: { 200: SubscriberWithConsents },
      },
      config: { access: 'subscribers:read' },
    },
    async ({ params: { id } }) => {
      const subscriber = await findSubscriber(database.reads, id);
      if (subscriber === undefined) throw notFound('subscriber', id);
      return { ...viewOf(subscriber), consents: (await listConsents(database.reads, id)).map(viewOfConsent) };
    },
  );

  app.patch(
    '/api/v1/subscribers/:id',
    {
      schema: {
        ...tagged,
        summary: 'Change what is known of a subscriber',
        description: 'The address and the status are no details: they change by consent only.',
        params: IdParams,
        body: SubscriberChangeBody,
        response: { 200: SubscriberView },
      },
      config: { access: 'subscribers:write' },
    },
    async ({ params: { id }, body: { customFields, ...input } }) => {
      const profile = checked(input);
      return viewOf(await service.change(id, { ...profile, ...(customFields !== undefined && { customFields }) }));
    },
  );
}

function registerDeparture(app: HttpServer, { database, service, unsubscribe }: Dependencies): void {
  app.delete(
    '/api/v1/subscribers/:id',
    {
      schema: {
        ...tagged,
        summary: 'Erase a person',
        description: 'Removes what names the person and keeps the proof of consent. The address cannot be imported again.',
        params: IdParams,
        response: { 204: Type.Null() },
      },
      config: { access: 'subscribers:write' },
    },
    async ({ params: { id } }, reply) => {
      await service.erase(id);
      return reply.code(204).send(null);
    },
  );

  app.post(
    '/api/v1/subscribers/:id/unsubscribe',
    {
      schema: { ...tagged, summary: 'Unsubscribe somebody who asked for it', params: IdParams, response: { 200: SubscriberView } },
      config: { access: 'subscribers:write' },
    },
    async (request) => {
      const { id } = request.params;
      const subscriber = await database.transaction(async (tx) => {
        await unsubscribe(tx, id, { origin: actorOf(request) });
        return findSubscriber(tx, id);
      });
      if (subscriber === undefined) throw notFound('subscriber', id);
      return viewOf(subscriber);
    },
  );
}
