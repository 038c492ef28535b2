import { defineJob } from '#platform/jobs';

/** Keyed: two roll-ups at once would only wait for each other. */
export const rollUpMetrics = defineJob<{ readonly at?: string }>('roll-up-metrics', { isKeyed: true, retryLimit: 3, expireInSeconds: 300 });
