import { defineJob } from '#platform/jobs';

/** `actor`: who asked, and in whose name the draft is made. Several providers may be asked in turn, each for up to a minute. */
export const generateArticle = defineJob<{ readonly requestId: string; readonly actor: string }>('generate-article', {
  retryLimit: 5,
  expireInSeconds: 900,
});
