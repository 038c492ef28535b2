import { Type } from 'typebox';
import type { Database } from '#platform/database';
import { actorOf, decodeCursor, type HttpServer, PageQuery, type RegisterRoutes, toPage } from '#platform/http-server';
import type { Clock } from '#shared/clock';
import { invalid } from '#shared/errors';
import { closed, IdParams, Uuid } from '#shared/schema';
import {
  deliveryStatus,
  EndpointChangeBody,
  EndpointPage,
  EndpointView,
  EndpointWithSecretView,
  endpointView,
  NewEndpointBody,
  ReplayBody,
  WebhookDeliveryPage,
  webhookDeliveryView,
} from './webhook-schema.ts';
import type { WebhookService } from './webhook-service.ts';
import { listEndpoints, listWebhookDeliveries } from './webhook-store.ts';

const defaultLimit = 20;
const read = { access: 'system:read' } as const;
const write = { access: 'system:write' } as const;
/** Its answer is kept nowhere, for no Idempotency-Key either. */
const withSecret = { ...write, hasSecretAnswer: true } as const;
const tagged = { tags: ['webhooks'] };
const base = '/api/v1/webhook-endpoints';

type Options = { readonly database: Database; readonly clock: Clock; readonly service: WebhookService };

export function webhookRoutes(options: Options): RegisterRoutes {
  return (app) => {
    registerEndpoints(app, options);
    registerActions(app, options);
    registerDeliveries(app, options);
  };
}

function registerEndpoints(app: HttpServer, { database, service }: Options): void {
  app.get(
    base,
    {
      schema: {
        ...tagged,
        summary: 'Endpoints that hear of events, newest first',
        querystring: Type.Object(PageQuery, closed),
        response: { 200: EndpointPage },
      },
      config: read,
    },
    async ({ query: { limit = defaultLimit, cursor } }) => {
      const page = toPage(await listEndpoints(database.reads, decodeCursor(cursor), limit), limit, ({ createdAt, id }) => ({
        at: createdAt,
        id,
      }));
      return { ...page, items: page.items.map(endpointView) };
    },
  );
  app.post(
    base,
    {
      schema: {
        ...tagged,
        summary: 'Add an endpoint',
        description: 'Messages follow the Standard Webhooks specification. The secret is in this answer only.',
        body: NewEndpointBody,
        response: { 201: EndpointWithSecretView },
      },
      config: withSecret,
    },
    async (request, reply) => {
      const { url, description = '', eventTypes = [] } = request.body;
      const { secret, ...endpoint } = await service.create({ url, description, eventTypes }, actorOf(request));
      return reply
        .code(201)
        .header('location', `${base}/${endpoint.id}`)
        .send({ ...endpointView(endpoint), secret });
    },
  );
  app.get(
    `${base}/:id`,
    { schema: { ...tagged, summary: 'An endpoint', params: IdParams, response: { 200: EndpointView } }, config: read },
    async ({ params: { id } }) => endpointView(await service.find(id)),
  );
  app.patch(
    `${base}/:id`,
    {
      schema: {
        ...tagged,
        summary: 'Change an endpoint, or switch it on or off',
        params: IdParams,
        body: EndpointChangeBody,
        response: { 200: EndpointView },
      },
      config: write,
    },
    async (request) => endpointView(await service.change(request.params.id, request.body, actorOf(request))),
  );
  app.delete(
    `${base}/:id`,
    {
      schema: { ...tagged, summary: 'Remove an endpoint and its messages', params: IdParams, response: { 204: Type.Null() } },
      config: write,
    },
    async (request, reply) => {
      await service.remove(request.params.id, actorOf(request));
      return reply.code(204).send(null);
    },
  );
}

function registerActions(app: HttpServer, { clock, service }: Options): void {
  app.post(
    `${base}/:id/rotate-secret`,
    {
      schema: {
        ...tagged,
        summary: 'Make a new secret; the one before signs beside it for a day',
        params: IdParams,
        response: { 200: EndpointWithSecretView },
      },
      config: withSecret,
    },
    async (request) => {
      const { secret, ...endpoint } = await service.rotateSecret(request.params.id, actorOf(request));
      return { ...endpointView(endpoint), secret };
    },
  );
  app.post(
    `${base}/:id/test`,
    {
      schema: {
        ...tagged,
        summary: 'Send a message to try the endpoint',
        params: IdParams,
        response: { 202: Type.Object({ messageId: Uuid }) },
      },
      config: write,
    },
    async (request, reply) => reply.code(202).send({ messageId: await service.sendTest(request.params.id, actorOf(request)) }),
  );
  app.post(
    `${base}/:id/replay`,
    {
      schema: {
        ...tagged,
        summary: 'Send past messages again, at most 10,000 at once',
        params: IdParams,
        body: ReplayBody,
        response: { 202: Type.Object({ queued: Type.Integer() }) },
      },
      config: write,
    },
    async (request, reply) => {
      const { from, to, types = [], onlyFailed = true } = request.body;
      const period = { from: new Date(from), to: to === undefined ? clock.now() : new Date(to) };
      if (period.from >= period.to)
        throw invalid('The period ends before it begins.', [{ path: '/to', message: `must be after from (${from})` }]);
      const queued = await service.replay({ endpointId: request.params.id, ...period, types, onlyFailed }, actorOf(request));
      return reply.code(202).send({ queued });
    },
  );
}

function registerDeliveries(app: HttpServer, { database, clock, service }: Options): void {
  app.get(
    `${base}/:id/deliveries`,
    {
      schema: {
        ...tagged,
        summary: 'What became of the messages to an endpoint, newest first',
        params: IdParams,
        querystring: Type.Object({ ...PageQuery, status: Type.Optional(deliveryStatus) }, closed),
        response: { 200: WebhookDeliveryPage },
      },
      config: read,
    },
    async ({ params: { id }, query: { status, cursor, limit = defaultLimit } }) => {
      await service.find(id);
      const rows = await listWebhookDeliveries(database.reads, { endpointId: id, status, before: decodeCursor(cursor), limit });
      const page = toPage(rows, limit, ({ occurredAt, messageId }) => ({ at: occurredAt, id: messageId }));
      return { ...page, items: page.items.map(webhookDeliveryView) };
    },
  );
  app.post(
    `${base}/:id/deliveries/:messageId/resend`,
    {
      schema: {
        ...tagged,
        summary: 'Send one message again',
        params: Type.Object({ id: Uuid, messageId: Uuid }),
        response: { 202: Type.Object({ queued: Type.Integer() }) },
      },
      config: write,
    },
    async (request, reply) => {
      const { id, messageId } = request.params;
      const filter = {
        endpointId: id,
        messageId,
        from: new Date(0),
        to: new Date(clock.now().getTime() + 1),
        types: [],
        onlyFailed: false,
      };
      return reply.code(202).send({ queued: await service.replay(filter, actorOf(request)) });
    },
  );
}
