import { Type } from 'typebox';
import type { Database, Transaction } from '#platform/database';
import { actorOf, decodeCursor, type HttpServer, type RegisterRoutes, toPage } from '#platform/http-server';
import { conflict, type FieldFault, invalid, notFound } from '#shared/errors';
import { IdParams } from '#shared/schema';
import type { PersonalData } from '../personal-data/personal-data.ts';
import type { BulkChanges } from './bulk-changes.ts';
import { listConsents, statements } from './consent-store.ts';
import { type Details, type ProfileInput, readEmail, readProfile } from './subscriber-fields.ts';
import {
  BulkBody,
  BulkView,
  ConfirmBody,
  NewSubscriberBody,
  PersonalDataView,
  SubscriberChangeBody,
  SubscriberPage,
  SubscriberQuery,
  SubscriberView,
  SubscriberWithConsents,
  viewOf,
  viewOfConsent,
} from './subscriber-schema.ts';
import type { GivenFields, SubscriberService } from './subscriber-service.ts';
import { findSubscriber, findSubscriberByEmail, listSubscribers } from './subscriber-store.ts';
import type { Origin, Statement, Subscriber } from './subscriber-types.ts';

type RequestOutcome =
  | { readonly kind: 'requested' | 'subscribed'; readonly subscriber: Subscriber; readonly isNew: boolean }
  | { readonly kind: 'domain_suppressed' };

type Dependencies = {
  readonly database: Database;
  readonly service: SubscriberService;
  readonly bulk: BulkChanges;
  readonly personalData: PersonalData;
  readonly topicSlugs: ReadonlySet<string>;
  readonly request: (
    request: {
      readonly email: string;
      readonly profile: Details;
      readonly given?: GivenFields;
      readonly source: string;
      readonly statement: Statement;
    },
    origin: Origin,
  ) => Promise<RequestOutcome>;
  readonly unsubscribe: (tx: Transaction, id: string, origin: Origin) => Promise<'unsubscribed' | 'unsubscribed_already' | 'unknown'>;
};

function checked(input: ProfileInput, topics: ReadonlySet<string>, otherFaults: readonly FieldFault[] = []): Details {
  const { profile, faults } = readProfile(input, topics);
  const all = [...otherFaults, ...faults];
  if (all.length > 0) throw invalid(`The subscriber is not valid: ${all.map((f) => `${f.path} ${f.message}`).join('; ')}.`, all);
  return profile;
}

const givenOf = (values: Readonly<Record<string, unknown>> | undefined) =>
  values === undefined ? {} : { given: { values, from: 'json' } as const };

const tagged = { tags: ['subscribers'] };

export function subscriberRoutes(dependencies: Dependencies): RegisterRoutes {
  return (app) => {
    registerList(app, dependencies);
    registerDetails(app, dependencies);
    registerDeparture(app, dependencies);
    registerConfirmation(app, dependencies);
    registerBulk(app, dependencies);
  };
}

function registerList(app: HttpServer, { database, service, topicSlugs, request: requestSubscription }: Dependencies): void {
  app.get(
    '/api/v1/subscribers',
    {
      schema: { ...tagged, summary: 'Subscribers, newest first', querystring: SubscriberQuery, response: { 200: SubscriberPage } },
      config: { access: 'subscribers:read' },
    },
    async ({ query: { limit = 20, cursor, status, tag, q, email } }) => {
      if (email !== undefined) return findByAddress(database, email, status);
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
      const { email: givenEmail, allowDisposable, confirmedBy, customFields, ...input } = request.body;
      const email = readEmail(givenEmail, { allowDisposable });
      const profile = checked(input, topicSlugs, 'fault' in email ? [{ path: '/email', message: email.fault }] : []);
      if ('fault' in email) throw invalid('The e-mail address is not valid.', [{ path: '/email', message: email.fault }]);
      const wish = { email: email.value, profile, ...givenOf(customFields), source: 'api' };
      const origin = { origin: actorOf(request) };
      if (confirmedBy !== undefined) {
        return reply.code(201).send(viewOf(await service.addConfirmed({ ...wish, statement: { text: confirmedBy } }, origin)));
      }
      const outcome = await requestSubscription({ ...wish, statement: { text: statements.requestedByPublisher } }, origin);
      if (outcome.kind === 'domain_suppressed') {
        throw conflict('address_suppressed', 'No mail is sent to this domain: it stands among the suppressions.');
      }
      if (outcome.subscriber.status === 'active') throw conflict('subscriber_exists', 'This address is subscribed already.');
      return reply.code(outcome.isNew ? 201 : 200).send(viewOf(outcome.subscriber));
    },
  );
}

async function findByAddress(database: Database, address: string, status: Subscriber['status'] | undefined) {
  const email = readEmail(address, { allowDisposable: true });
  const subscriber = 'fault' in email ? undefined : await findSubscriberByEmail(database.reads, email.value);
  const isMeant = subscriber !== undefined && (status === undefined || subscriber.status === status);
  return { items: isMeant ? [viewOf(subscriber)] : [], nextCursor: null };
}

function registerDetails(app: HttpServer, { database, service, topicSlugs }: Dependencies): void {
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
      const profile = checked(input, topicSlugs);
      return viewOf(await service.change(id, { ...profile, ...givenOf(customFields) }));
    },
  );
}

function registerDeparture(app: HttpServer, { database, service, unsubscribe, personalData }: Dependencies): void {
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
    async (request, reply) => {
      await service.erase(request.params.id, actorOf(request));
      return reply.code(204).send(null);
    },
  );

  app.post(
    '/api/v1/subscribers/:id/export',
    {
      schema: {
        ...tagged,
        summary: 'Everything that is kept about a person, to be handed to them',
        description: 'That it was asked for is kept in the audit log.',
        params: IdParams,
        response: { 200: PersonalDataView },
      },
      config: { access: 'subscribers:write', hasSecretAnswer: true },
    },
    async (request) => {
      const { id } = request.params;
      const data = await personalData.collect(id);
      if (data === undefined) throw notFound('subscriber', id);
      await personalData.recordExport(id, actorOf(request));
      return data;
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

function registerConfirmation(app: HttpServer, { service }: Dependencies): void {
  app.post(
    '/api/v1/subscribers/:id/confirm',
    {
      schema: {
        ...tagged,
        summary: 'Make a pending subscriber active with a statement of consent',
        description: 'Whoever left, bounced or was suppressed comes back only by confirming it themselves.',
        params: IdParams,
        body: ConfirmBody,
        response: { 200: SubscriberView },
      },
      config: { access: 'subscribers:write' },
    },
    async (request) =>
      viewOf(await service.confirmFor(request.params.id, { text: request.body.confirmedBy }, { origin: actorOf(request) })),
  );
}

function registerBulk(app: HttpServer, { bulk }: Dependencies): void {
  app.post(
    '/api/v1/subscribers/bulk',
    {
      schema: {
        ...tagged,
        summary: 'Tag, untag, unsubscribe or suppress many at once',
        description:
          'Ids and addresses, 1,000 of each at most. All that can be changed is changed together; each item says what became of it.',
        body: BulkBody,
        response: { 200: BulkView },
      },
      config: { access: 'subscribers:write' },
    },
    async (request) => {
      const { action, ids = [], emails = [], tags = [], reason } = request.body;
      const items = await bulk({ action, ids, emails, tags, reason }, { origin: actorOf(request) });
      return { changed: items.filter(({ outcome }) => outcome === 'changed').length, items: [...items] };
    },
  );
}
