import { defineJob } from '#platform/jobs';

/** `actor`: who asked, and in whose name the draft is made. Several providers may be asked in turn, each for up to a minute. */
export const generateArticle = defineJob<{ readonly requestId: string; readonly actor: string }>('generate-article', {
  retryLimit: 5,
  expireInSeconds: 900,
});

/** A request whose job died at its last try, or was removed, has nobody left to end it. Keyed: one look at a time. */
export const failOrphanedGenerations = defineJob<{ readonly at?: string }>('fail-orphaned-generations', {
  isKeyed: true,
  retryLimit: 3,
  expireInSeconds: 300,
});
