import { defineJob } from '#platform/jobs';

const mailRetries = { retryLimit: 12, retryDelaySeconds: 5, retryDelayMaxSeconds: 600, expireInSeconds: 180 } as const;

/** Carries ids only: an address in it would outlive the erasure of its person. Tries for about an hour. */
export const sendConfirmationJob = defineJob<{
  readonly subscriberId: string;
  /** The request that the mail answers; names the message, so that a second copy is recognised as one. */
  readonly consentId: string;
}>('send-confirmation', mailRetries);

export type DataLinkRequest = { readonly subscriberId: string; readonly action: 'export' | 'erase'; readonly requestId: string };

export const sendDataLinkJob = defineJob<DataLinkRequest>('send-data-link', mailRetries);

/** Every night: requests that nobody confirmed, and suppressions that have run out. */
export const cleanSubscribersJob = defineJob('clean-subscribers', { isKeyed: true, retryLimit: 2 });
