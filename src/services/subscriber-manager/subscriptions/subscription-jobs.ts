import { defineJob } from '#platform/jobs';

/** Carries ids only: an address in it would outlive the erasure of its person. Tries for about an hour. */
export const sendConfirmationJob = defineJob<{
  readonly subscriberId: string;
  /** The request that the mail answers; names the message, so that a second copy is recognised as one. */
  readonly consentId: string;
}>('send-confirmation', { retryLimit: 12, retryDelaySeconds: 5, retryDelayMaxSeconds: 600, expireInSeconds: 180 });
