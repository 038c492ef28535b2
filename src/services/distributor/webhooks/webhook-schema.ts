import { Type } from 'typebox';
import { PageOf } from '#platform/http-server';
import { closed, nullable, Uuid } from '#shared/schema';
import { type WebhookDelivery, type WebhookEndpoint, webhookEventTypes } from './webhook-types.ts';

const time = Type.String({ format: 'date-time' });
const status = Type.Enum(['active', 'disabled']);

const url = Type.String({ maxLength: 2000, description: 'Where messages are posted to; https:// unless it is your own network.' });
const description = Type.String({ maxLength: 200 });
const eventTypes = Type.Array(Type.Enum([...webhookEventTypes]), {
  maxItems: webhookEventTypes.length,
  description: 'What to hear of; none: everything.',
});

export const NewEndpointBody = Type.Object({ url, description: Type.Optional(description), eventTypes: Type.Optional(eventTypes) }, closed);
export const EndpointChangeBody = Type.Object(
  {
    url: Type.Optional(url),
    description: Type.Optional(description),
    eventTypes: Type.Optional(eventTypes),
    status: Type.Optional(status),
  },
  { ...closed, minProperties: 1 },
);

const endpointFields = {
  id: Uuid,
  url: Type.String(),
  description: Type.String(),
  eventTypes: Type.Array(Type.String()),
  status,
  statusReason: nullable(Type.String()),
  failingSince: nullable(Type.String({ format: 'date-time', description: 'Since when every attempt has failed.' })),
  createdAt: time,
  updatedAt: time,
};

export const EndpointView = Type.Object(endpointFields);
export const EndpointPage = PageOf(EndpointView);
export const EndpointWithSecretView = Type.Object({
  ...endpointFields,
  secret: Type.String({ description: 'Verifies the signatures (Standard Webhooks); shown now, and never again.' }),
});

export const deliveryStatus = Type.Enum(['pending', 'delivered', 'failed']);
export const WebhookDeliveryPage = PageOf(
  Type.Object({
    messageId: Uuid,
    type: Type.String(),
    occurredAt: time,
    status: deliveryStatus,
    attempts: Type.Integer(),
    nextAttemptAt: nullable(time),
    responseStatus: nullable(Type.Integer()),
    error: nullable(Type.String()),
    changedAt: time,
  }),
);

export const ReplayBody = Type.Object(
  {
    from: Type.String({ format: 'date-time', maxLength: 40, description: 'Of messages since then; they are kept for 30 days.' }),
    to: Type.Optional(Type.String({ format: 'date-time', maxLength: 40, description: 'Exclusive; now unless told.' })),
    types: Type.Optional(Type.Array(Type.String({ maxLength: 60 }), { maxItems: 20 })),
    onlyFailed: Type.Optional(Type.Boolean({ default: true, description: 'False: what was delivered is sent again as well.' })),
  },
  closed,
);

export function endpointView({ secretVersion: _version, previousSecretUntil: _until, ...endpoint }: WebhookEndpoint) {
  return {
    ...endpoint,
    eventTypes: [...endpoint.eventTypes],
    failingSince: endpoint.failingSince?.toISOString() ?? null,
    createdAt: endpoint.createdAt.toISOString(),
    updatedAt: endpoint.updatedAt.toISOString(),
  };
}

export function webhookDeliveryView(delivery: WebhookDelivery) {
  return {
    ...delivery,
    occurredAt: delivery.occurredAt.toISOString(),
    nextAttemptAt: delivery.nextAttemptAt?.toISOString() ?? null,
    changedAt: delivery.changedAt.toISOString(),
  };
}
