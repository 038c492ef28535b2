import { defineJob } from '#platform/jobs';

/** Publishes what a rule approved. Keyed by the article. */
export const publishArticle = defineJob<{ readonly contentId: string }>('publish-article', { isKeyed: true, expireInSeconds: 60 });

/**
 * Publishes everything that is due. Comes every minute and, keyed by the time, at each time that an article is scheduled for;
 * after a pause of any length it catches up.
 */
export const publishScheduled = defineJob<object>('publish-scheduled', { isKeyed: true, expireInSeconds: 300 });

/**
 * After the workspace's threshold was changed: approves what waits in review and reaches it. Not keyed: one that runs may have
 * read the threshold of before.
 */
export const applyAutoApproval = defineJob<object>('apply-auto-approval', { expireInSeconds: 300 });
