import { defineJob } from '#platform/jobs';

/** One attempt. What is not due, or was delivered already, is left alone. */
export const deliverWebhookJob = defineJob<{ endpointId: string; messageId: string }>('deliver-webhook', {
  retryLimit: 2,
  expireInSeconds: 120,
});

/** Gives a new job to what lost its own, and forgets what is long past. */
export const tendWebhooksJob = defineJob<object>('tend-webhooks', { retryLimit: 0, expireInSeconds: 300 });
