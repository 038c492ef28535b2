import { recordAudit } from '#platform/audit';
import type { Queryable, Transaction } from '#platform/database';
import type { StoredEvent } from '#platform/events';
import type { ServiceDependencies } from '#platform/service';
import { conflict, invalid, notFound } from '#shared/errors';
import { deliverWebhookJob } from './webhook-jobs.ts';
import { secretOf } from './webhook-secrets.ts';
import {
  type DeliveryKey,
  deleteEndpoint,
  failPending,
  findEndpoint,
  hasDelivery,
  insertEndpoint,
  insertMessage,
  lockEndpoint,
  type NewEndpoint,
  type ReplayFilter,
  requeueDeliveries,
  saveEndpoint,
} from './webhook-store.ts';
import { testEventType, type WebhookEndpoint } from './webhook-types.ts';

/** How long the secret before goes on signing after a new one was made. */
const overlapMs = 24 * 3600_000;
const maxReplayed = 10_000;

export type EndpointChange = Partial<Pick<WebhookEndpoint, 'url' | 'description' | 'eventTypes' | 'status'>>;
export type EndpointWithSecret = WebhookEndpoint & { readonly secret: string };

export type WebhookService = {
  /** @throws AppError `invalid_request` for an address that no message can be sent to */
  create(endpoint: Omit<NewEndpoint, 'id'>, actor: string): Promise<EndpointWithSecret>;
  find(id: string): Promise<WebhookEndpoint>;
  /** Switched on again, an endpoint begins without its past failures; what failed meanwhile can be replayed. */
  change(id: string, change: EndpointChange, actor: string): Promise<WebhookEndpoint>;
  remove(id: string, actor: string): Promise<void>;
  /** Makes a new secret; the one before signs beside it for a day. */
  rotateSecret(id: string, actor: string): Promise<EndpointWithSecret>;
  /** Sends a message that means nothing; returns its id. */
  sendTest(id: string, actor: string): Promise<string>;
  /** Sends past messages again, oldest first, at most 10,000; returns how many. @throws AppError `not_found` for a `messageId` that never went there */
  replay(filter: ReplayFilter, actor: string): Promise<number>;
  /** For the event subscription: keeps the message for every endpoint that wants it. Twice, it does nothing. */
  announce(event: StoredEvent, tx: Transaction): Promise<void>;
};

function checkUrl(url: string): string {
  const parsed = URL.canParse(url) ? new URL(url) : undefined;
  const fault = (message: string) => invalid('The address cannot be used.', [{ path: '/url', message }]);
  if (parsed === undefined || !/^https?:$/.test(parsed.protocol))
    throw fault('must be a whole address that begins with https:// or http://');
  if (parsed.username !== '' || parsed.password !== '') throw fault('must not hold a name and password: messages are signed instead');
  parsed.hash = '';
  return parsed.href;
}

export function createWebhookService(
  dependencies: Pick<ServiceDependencies, 'database' | 'jobs' | 'clock'> & { readonly secret: string },
): WebhookService {
  const { database, jobs, clock, secret } = dependencies;

  const audit = (tx: Queryable, id: string, action: string, actor: string, details: object = {}) =>
    recordAudit(tx, {
      id: clock.newId(),
      at: clock.now(),
      actor,
      action: `webhook-endpoint.${action}`,
      subject: `webhook-endpoint:${id}`,
      details,
    });

  async function locked(tx: Transaction, id: string): Promise<WebhookEndpoint> {
    const endpoint = await lockEndpoint(tx, id);
    if (endpoint === undefined) throw notFound('webhook endpoint', id);
    return endpoint;
  }

  const sendJobs = (tx: Transaction, keys: readonly DeliveryKey[]) =>
    jobs.sendMany(
      tx,
      deliverWebhookJob,
      keys.map((data) => ({ data })),
    );

  return {
    async create({ url, description, eventTypes }, actor) {
      const id = clock.newId();
      const endpoint = await database.transaction(async (tx) => {
        await audit(tx, id, 'created', actor);
        return insertEndpoint(tx, { id, url: checkUrl(url), description, eventTypes: [...new Set(eventTypes)] }, clock.now());
      });
      return { ...endpoint, secret: secretOf(secret, endpoint) };
    },

    async find(id) {
      const endpoint = await findEndpoint(database, id);
      if (endpoint === undefined) throw notFound('webhook endpoint', id);
      return endpoint;
    },

    change: (id, change, actor) =>
      database.transaction(async (tx) => {
        const current = await locked(tx, id);
        const next = { ...current, ...change, ...(change.url !== undefined && { url: checkUrl(change.url) }) };
        if (change.status === 'active') Object.assign(next, { statusReason: null, failingSince: null });
        if (change.status === 'disabled' && current.status === 'active') {
          Object.assign(next, { statusReason: `switched off by ${actor}` });
          await failPending(tx, id, 'the endpoint was disabled', clock.now());
        }
        await audit(tx, id, 'changed', actor, { fields: Object.keys(change) });
        return saveEndpoint(tx, next, clock.now());
      }),

    remove: (id, actor) =>
      database.transaction(async (tx) => {
        if ((await deleteEndpoint(tx, id)) === 0) throw notFound('webhook endpoint', id);
        await audit(tx, id, 'removed', actor);
      }),

    async rotateSecret(id, actor) {
      const endpoint = await database.transaction(async (tx) => {
        const current = await locked(tx, id);
        await audit(tx, id, 'secret-rotated', actor);
        const previousSecretUntil = new Date(clock.now().getTime() + overlapMs);
        return saveEndpoint(tx, { ...current, secretVersion: current.secretVersion + 1, previousSecretUntil }, clock.now());
      });
      return { ...endpoint, secret: secretOf(secret, endpoint) };
    },

    sendTest: (id, actor) =>
      database.transaction(async (tx) => {
        const { status } = await locked(tx, id);
        if (status === 'disabled') throw conflict('webhook_endpoint_disabled', 'The endpoint is switched off: switch it on first.');
        const now = clock.now();
        const messageId = clock.newId();
        await insertMessage(tx, { id: messageId, type: testEventType, payload: { requestedBy: actor }, occurredAt: now }, now, id);
        await sendJobs(tx, [{ endpointId: id, messageId }]);
        return messageId;
      }),

    replay: (filter, actor) =>
      database.transaction(async (tx) => {
        const { status } = await locked(tx, filter.endpointId);
        if (status === 'disabled') throw conflict('webhook_endpoint_disabled', 'The endpoint is switched off: switch it on first.');
        const { endpointId, messageId } = filter;
        if (messageId !== undefined && !(await hasDelivery(tx, { endpointId, messageId }))) throw notFound('message', messageId);
        const keys = await requeueDeliveries(tx, filter, clock.now(), maxReplayed);
        await sendJobs(tx, keys);
        await audit(tx, filter.endpointId, 'replayed', actor, { messages: keys.length, from: filter.from, to: filter.to });
        return keys.length;
      }),

    async announce({ id, type, payload, occurredAt }, tx) {
      const endpointIds = await insertMessage(tx, { id, type, payload, occurredAt }, clock.now());
      await sendJobs(
        tx,
        endpointIds.map((endpointId) => ({ endpointId, messageId: id })),
      );
    },
  };
}
