import { defineJob } from '#platform/jobs';

/** Keyed by the import. Killed, it is run again and goes on behind what was committed. */
export const importSubscribersJob = defineJob<{ importId: string }>('import-subscribers', {
  isKeyed: true,
  retryLimit: 20,
  expireInSeconds: 6 * 3600,
});
/** Gives lists a job that lost theirs, and removes the files of those that ended a week ago. */
export const tendImportsJob = defineJob<object>('tend-imports', { retryLimit: 0, expireInSeconds: 600 });
