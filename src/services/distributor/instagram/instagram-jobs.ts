import { defineJob } from '#platform/jobs';

/** Takes the steps of a post that are due, and stands ready for the next. */
export const advancePostJob = defineJob<{ postId: string }>('advance-instagram-post', { retryLimit: 3, expireInSeconds: 300 });
/** Goes on with posts that lost their job, and fetches figures. */
export const tendInstagramJob = defineJob<object>('tend-instagram', { retryLimit: 0, expireInSeconds: 600 });
