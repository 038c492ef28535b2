/** What others can hear of. Payloads carry ids, and nothing that names a person. */
export const webhookEventTypes = [
  'article.published',
  'article.archived',
  'article.edited',
  'generation.finished',
  'issue.started',
  'issue.finished',
  'subscriber.confirmed',
  'subscriber.changed',
  'subscriber.unsubscribed',
  'subscriber.bounced',
  'subscriber.complained',
  'subscriber.erased',
] as const;

/** Sent on request, to try an endpoint. */
export const testEventType = 'webhook.test';

export type WebhookEndpoint = {
  readonly id: string;
  readonly url: string;
  readonly description: string;
  /** None: all that are offered. */
  readonly eventTypes: readonly string[];
  readonly status: 'active' | 'disabled';
  readonly statusReason: string | null;
  readonly secretVersion: number;
  readonly previousSecretUntil: Date | null;
  /** Since when every attempt has failed. */
  readonly failingSince: Date | null;
  readonly createdAt: Date;
  readonly updatedAt: Date;
};

export type WebhookDelivery = {
  readonly messageId: string;
  readonly type: string;
  readonly occurredAt: Date;
  readonly status: 'pending' | 'delivered' | 'failed';
  readonly attempts: number;
  readonly nextAttemptAt: Date | null;
  readonly responseStatus: number | null;
  readonly error: string | null;
  readonly changedAt: Date;
};

/** What an attempt needs. */
export type WebhookAttempt = {
  readonly endpoint: WebhookEndpoint;
  readonly messageId: string;
  readonly type: string;
  readonly payload: object;
  readonly occurredAt: Date;
  readonly attempts: number;
};
