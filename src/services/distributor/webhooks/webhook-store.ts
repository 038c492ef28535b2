import { type Queryable, sql } from '#platform/database';
import type { Position } from '#platform/http-server';
import type { WebhookAttempt, WebhookDelivery, WebhookEndpoint } from './webhook-types.ts';

const columns = sql`
  id, url, description, event_types as "eventTypes", status, status_reason as "statusReason", secret_version as "secretVersion",
  previous_secret_until as "previousSecretUntil", failing_since as "failingSince", created_at as "createdAt", updated_at as "updatedAt"`;

export type NewEndpoint = Pick<WebhookEndpoint, 'id' | 'url' | 'description' | 'eventTypes'>;

export function insertEndpoint(tx: Queryable, endpoint: NewEndpoint, at: Date): Promise<WebhookEndpoint> {
  return tx.one(
    'webhooks.insert-endpoint',
    sql<WebhookEndpoint>`insert into webhook_endpoints (id, url, description, event_types, created_at, updated_at)
        values (${endpoint.id}, ${endpoint.url}, ${endpoint.description}, ${endpoint.eventTypes}::text[], ${at}, ${at}) returning ${columns}`,
  );
}

export function findEndpoint(database: Queryable, id: string): Promise<WebhookEndpoint | undefined> {
  return database.maybeOne('webhooks.find-endpoint', sql<WebhookEndpoint>`select ${columns} from webhook_endpoints where id = ${id}::uuid`);
}

export function lockEndpoint(tx: Queryable, id: string): Promise<WebhookEndpoint | undefined> {
  return tx.maybeOne(
    'webhooks.lock-endpoint',
    sql<WebhookEndpoint>`select ${columns} from webhook_endpoints where id = ${id}::uuid for update`,
  );
}

export function listEndpoints(database: Queryable, before: Position | undefined, limit: number): Promise<WebhookEndpoint[]> {
  return database.query(
    'webhooks.list-endpoints',
    sql<WebhookEndpoint>`select ${columns} from webhook_endpoints
        where ${before?.at ?? null}::timestamptz is null
           or (created_at, id) < (${before?.at ?? null}::timestamptz, ${before?.id ?? null}::uuid)
        order by created_at desc, id desc limit ${limit + 1}`,
  );
}

/** Writes what may change of an endpoint. */
export function saveEndpoint(tx: Queryable, endpoint: WebhookEndpoint, at: Date): Promise<WebhookEndpoint> {
  return tx.one(
    'webhooks.save-endpoint',
    sql<WebhookEndpoint>`update webhook_endpoints
        set url = ${endpoint.url}, description = ${endpoint.description}, event_types = ${endpoint.eventTypes}::text[],
            status = ${endpoint.status}, status_reason = ${endpoint.statusReason}, secret_version = ${endpoint.secretVersion},
            previous_secret_until = ${endpoint.previousSecretUntil}, failing_since = ${endpoint.failingSince}, updated_at = ${at}
        where id = ${endpoint.id}::uuid returning ${columns}`,
  );
}

export function deleteEndpoint(tx: Queryable, id: string): Promise<number> {
  return tx.execute('webhooks.delete-endpoint', sql`delete from webhook_endpoints where id = ${id}::uuid`);
}

export type NewMessage = { readonly id: string; readonly type: string; readonly payload: object; readonly occurredAt: Date };

/** Keeps the message for those of the active endpoints that want it, or for the one named; returns their ids. Twice, it returns none. */
export async function insertMessage(tx: Queryable, message: NewMessage, at: Date, onlyEndpointId?: string): Promise<string[]> {
  const rows = await tx.query(
    'webhooks.insert-message',
    sql<{ endpointId: string }>`with wanted as (
          select id from webhook_endpoints
          where case when ${onlyEndpointId ?? null}::uuid is null
                     then status = 'active' and (event_types = '{}' or ${message.type}::text = any(event_types))
                     else id = ${onlyEndpointId ?? null}::uuid end
        ), message as (
          insert into webhook_messages (id, type, payload, occurred_at)
          select ${message.id}::uuid, ${message.type}, ${JSON.stringify(message.payload)}::jsonb, ${message.occurredAt}::timestamptz
          where exists (select 1 from wanted)
          on conflict (id) do nothing returning id
        )
        insert into webhook_deliveries (endpoint_id, message_id, next_attempt_at, changed_at)
        select wanted.id, message.id, ${at}::timestamptz, ${at}::timestamptz from wanted, message
        returning endpoint_id as "endpointId"`,
  );
  return rows.map(({ endpointId }) => endpointId);
}

export type DeliveryKey = { readonly endpointId: string; readonly messageId: string };

/**
 * Begins an attempt: it counts from here on, and nobody else begins one until `leaseUntil`. Undefined when it is not due, was
 * delivered already, or its endpoint is switched off.
 */
export async function beginAttempt(
  database: Queryable,
  { endpointId, messageId }: DeliveryKey,
  now: Date,
  leaseUntil: Date,
): Promise<WebhookAttempt | undefined> {
  const row = await database.maybeOne(
    'webhooks.begin-attempt',
    sql<Omit<WebhookAttempt, 'endpoint' | 'messageId'>>`
        update webhook_deliveries d set attempts = d.attempts + 1, next_attempt_at = ${leaseUntil}, changed_at = ${now}
        from webhook_messages m
        where d.endpoint_id = ${endpointId}::uuid and d.message_id = ${messageId}::uuid and m.id = d.message_id
          and d.status = 'pending' and d.next_attempt_at <= ${now}
          and exists (select 1 from webhook_endpoints where id = d.endpoint_id and status = 'active')
        returning m.type, m.payload, m.occurred_at as "occurredAt", d.attempts`,
  );
  if (row === undefined) return undefined;
  const endpoint = await findEndpoint(database, endpointId);
  return endpoint === undefined ? undefined : { ...row, endpoint, messageId };
}

export type AttemptResult = {
  readonly status: WebhookDelivery['status'];
  readonly responseStatus: number | null;
  readonly error: string | null;
  readonly nextAttemptAt: Date | null;
};

/** Keeps what came of the attempt of that number; a later one's result is not overwritten by an earlier one's. */
export async function endAttempt(
  tx: Queryable,
  { endpointId, messageId }: DeliveryKey,
  attempt: number,
  result: AttemptResult,
  now: Date,
): Promise<boolean> {
  const changed = await tx.execute(
    'webhooks.end-attempt',
    sql`update webhook_deliveries
        set status = ${result.status}, response_status = ${result.responseStatus}, error = ${result.error},
            next_attempt_at = ${result.nextAttemptAt}, changed_at = ${now}
        where endpoint_id = ${endpointId}::uuid and message_id = ${messageId}::uuid and status = 'pending' and attempts = ${attempt}`,
  );
  return changed > 0;
}

export async function failPending(tx: Queryable, endpointId: string, error: string, now: Date): Promise<number> {
  return tx.execute(
    'webhooks.fail-pending',
    sql`update webhook_deliveries set status = 'failed', error = ${error}, next_attempt_at = null, changed_at = ${now}
        where endpoint_id = ${endpointId}::uuid and status = 'pending'`,
  );
}

/** Deliveries that should long have been tried: their job was lost. */
export function listOverdue(database: Queryable, cutoff: Date, limit: number): Promise<DeliveryKey[]> {
  return database.query(
    'webhooks.list-overdue',
    sql<DeliveryKey>`select endpoint_id as "endpointId", message_id as "messageId" from webhook_deliveries
        where status = 'pending' and next_attempt_at < ${cutoff} order by next_attempt_at limit ${limit}`,
  );
}

export type ReplayFilter = {
  readonly endpointId: string;
  readonly from: Date;
  readonly to: Date;
  readonly types: readonly string[];
  /** False: what was delivered already is sent again as well. */
  readonly onlyFailed: boolean;
  readonly messageId?: string;
};

/** Puts past deliveries back to where they began; those whose attempt is under way stay. Returns which. */
export function requeueDeliveries(tx: Queryable, filter: ReplayFilter, now: Date, limit: number): Promise<DeliveryKey[]> {
  const { endpointId, from, to, types, onlyFailed, messageId } = filter;
  return tx.query(
    'webhooks.requeue',
    sql<DeliveryKey>`with chosen as (
          select d.message_id from webhook_deliveries d join webhook_messages m on m.id = d.message_id
          where d.endpoint_id = ${endpointId}::uuid and d.status <> 'pending' and (not ${onlyFailed}::boolean or d.status = 'failed')
            and m.occurred_at >= ${from} and m.occurred_at < ${to}
            and (${types}::text[] = '{}' or m.type = any(${types}::text[]))
            and (${messageId ?? null}::uuid is null or m.id = ${messageId ?? null}::uuid)
          order by m.occurred_at limit ${limit} for update of d
        )
        update webhook_deliveries d
        set status = 'pending', attempts = 0, next_attempt_at = ${now}, response_status = null, error = null, changed_at = ${now}
        from chosen where d.endpoint_id = ${endpointId}::uuid and d.message_id = chosen.message_id
        returning d.endpoint_id as "endpointId", d.message_id as "messageId"`,
  );
}

export async function hasDelivery(database: Queryable, { endpointId, messageId }: DeliveryKey): Promise<boolean> {
  const { found } = await database.one<{ found: boolean }>(
    'webhooks.has-delivery',
    sql`select exists (select 1 from webhook_deliveries where endpoint_id = ${endpointId}::uuid and message_id = ${messageId}::uuid) as found`,
  );
  return found;
}

export function listWebhookDeliveries(
  database: Queryable,
  filter: {
    readonly endpointId: string;
    readonly status?: WebhookDelivery['status'] | undefined;
    readonly before?: Position | undefined;
    readonly limit: number;
  },
): Promise<WebhookDelivery[]> {
  const { endpointId, status, before, limit } = filter;
  return database.query(
    'webhooks.list-deliveries',
    sql<WebhookDelivery>`select d.message_id as "messageId", m.type, m.occurred_at as "occurredAt", d.status, d.attempts,
               d.next_attempt_at as "nextAttemptAt", d.response_status as "responseStatus", d.error, d.changed_at as "changedAt"
        from webhook_deliveries d join webhook_messages m on m.id = d.message_id
        where d.endpoint_id = ${endpointId}::uuid and (${status ?? null}::text is null or d.status = ${status ?? null})
          and (${before?.id ?? null}::uuid is null or d.message_id < ${before?.id ?? null}::uuid)
        order by d.message_id desc limit ${limit + 1}`,
  );
}

/** Messages that nobody will ask for again. */
export async function deleteOldMessages(database: Queryable, before: Date, limit: number): Promise<number> {
  return database.execute(
    'webhooks.delete-old',
    sql`delete from webhook_messages where id in (
          select m.id from webhook_messages m
          where m.occurred_at < ${before} and not exists (select 1 from webhook_deliveries where message_id = m.id and status = 'pending')
          limit ${limit})`,
  );
}
