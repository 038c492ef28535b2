import { createHmac } from 'node:crypto';
import { Webhook } from 'standardwebhooks';
import type { WebhookEndpoint } from './webhook-types.ts';

const prefix = 'whsec_';

/** The secret of an endpoint, as its owner puts it into a library: `whsec_` and 32 bytes in base64. */
export function secretOf(appSecret: string, { id, secretVersion }: Pick<WebhookEndpoint, 'id' | 'secretVersion'>): string {
  return `${prefix}${createHmac('sha256', appSecret).update(`webhook-secret\n${id}\n${secretVersion}`).digest('base64')}`;
}

export type SignedHeaders = {
  readonly 'webhook-id': string;
  /** Unix time in seconds. */
  readonly 'webhook-timestamp': string;
  /** One or more signatures, separated by spaces: a receiver that knows one of the secrets is content. */
  readonly 'webhook-signature': string;
};

/** By the Standard Webhooks specification 1.0.0. While a secret is being replaced, the one before signs as well. */
export function signMessage(
  appSecret: string,
  endpoint: WebhookEndpoint,
  message: { readonly id: string; readonly body: string },
  now: Date,
): SignedHeaders {
  const isReplacing = endpoint.previousSecretUntil !== null && endpoint.previousSecretUntil > now;
  const versions = [endpoint.secretVersion, ...(isReplacing ? [endpoint.secretVersion - 1] : [])];
  const signatures = versions.map((secretVersion) =>
    new Webhook(secretOf(appSecret, { id: endpoint.id, secretVersion })).sign(message.id, now, message.body),
  );
  return {
    'webhook-id': message.id,
    'webhook-timestamp': String(Math.floor(now.getTime() / 1000)),
    'webhook-signature': signatures.join(' '),
  };
}
