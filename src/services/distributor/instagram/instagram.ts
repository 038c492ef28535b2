import type { HttpClient } from '#platform/http-client';
import type { RegisterRoutes } from '#platform/http-server';
import { type JobRegistration, registerJob } from '#platform/jobs';
import type { Schedule, ServiceDependencies } from '#platform/service';
import type { Storage } from '#platform/storage';
import { CallLimitReached, createAdvancePost } from './advance-post.ts';
import { createCallLedger } from './call-ledger.ts';
import { createGraphApi } from './graph-api.ts';
import { advancePostJob, tendInstagramJob } from './instagram-jobs.ts';
import { instagramRoutes } from './instagram-routes.ts';
import type { InstagramAccount, InstagramArticle } from './instagram-types.ts';
import { createPostService } from './post-service.ts';

export type InstagramDependencies = ServiceDependencies & {
  readonly httpClient: HttpClient;
  readonly storage: Pick<Storage, 'put' | 'remove' | 'signedUrl'>;
  /** Undefined when none is connected: posts can be drafted, and not published. */
  readonly account: InstagramAccount | undefined;
  readonly findArticle: (id: string) => Promise<InstagramArticle | undefined>;
  /** A JPEG from 4:5 to 1.91:1. */
  readonly renderPicture: (article: InstagramArticle) => Promise<Buffer>;
};

export type Instagram = {
  readonly routes: RegisterRoutes;
  readonly jobs: readonly JobRegistration[];
  readonly schedules: readonly Schedule[];
};

/** Posts and carousels from articles, published over Instagram's Graph API at their time, with the figures that it gives. */
export function createInstagram(dependencies: InstagramDependencies): Instagram {
  const { account } = dependencies;
  const calls = createCallLedger(dependencies);
  const service = createPostService({ ...dependencies, isConfigured: account !== undefined });
  const routes = instagramRoutes({ ...dependencies, service, calls, isConfigured: account !== undefined });
  if (account === undefined) return { routes, jobs: [], schedules: [] };
  const beforeCall = async () => {
    const until = await calls.take();
    if (until !== undefined) throw new CallLimitReached(until);
  };
  const api = createGraphApi({ ...dependencies, account, beforeCall });
  const { advance, tend } = createAdvancePost({ ...dependencies, api, calls });
  return {
    routes,
    jobs: [registerJob(advancePostJob, ({ postId }) => advance(postId), 2), registerJob(tendInstagramJob, tend)],
    schedules: [{ definition: tendInstagramJob, cron: '*/5 * * * *' }],
  };
}
