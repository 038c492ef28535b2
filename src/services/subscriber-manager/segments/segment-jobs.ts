import { defineJob } from '#platform/jobs';

/** Brings the segment index up to what changed. Keyed: one run at a time takes all there is. */
export const indexSubscribersJob = defineJob<Record<string, never>>('index-subscribers', {
  retryLimit: 3,
  isKeyed: true,
  expireInSeconds: 3600,
});
