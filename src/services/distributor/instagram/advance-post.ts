import type { ServiceDependencies } from '#platform/service';
import type { Storage } from '#platform/storage';
import { type CallLedger, maxCallsPerHour } from './call-ledger.ts';
import { type GraphApi, GraphError } from './graph-api.ts';
import { advancePostJob } from './instagram-jobs.ts';
import type { InstagramPost } from './instagram-types.ts';
import { claimPost, listDuePosts, listForInsights, saveInsights, savePost } from './post-store.ts';

/*
 *   scheduled ──▶ preparing ──▶ publishing ──▶ published        any ──refused──▶ failed ──retry──▶ scheduled
 *                 containers     committed before the call
 *                 made, fetched  that publishes
 *
 * Each step is one call, saved before the next. `publishing` with a call whose answer was lost: the container says whether it
 * was published; a container is published once at most, so nothing appears twice.
 */

const leaseMs = 120_000;
const containerLifeMs = 23 * 3600_000;
const firstPollMs = 3000;
const maxPollMs = 60_000;
const maxAttempts = 8;
const firstRetryMs = 60_000;
const maxRetryMs = 3600_000;
const unauthorisedRetryMs = 3600_000;
const pictureUrlSeconds = 24 * 3600;
const dueAtOnce = 100;
const insightsAtOnce = 40;
/** Figures may wait: posts have half of the calls for themselves. */
const callsLeftToPosts = maxCallsPerHour / 2;
/** The post's own clock and the API's may differ by so much. */
const clockSkewMs = 5 * 60_000;

export type AdvanceDependencies = Pick<ServiceDependencies, 'database' | 'jobs' | 'clock' | 'logger' | 'metrics'> & {
  readonly api: GraphApi;
  readonly calls: CallLedger;
  readonly storage: Pick<Storage, 'signedUrl'>;
};

type Step = { readonly post: InstagramPost; readonly waitMs?: number };

/** Thrown by the ledger of calls. */
export class CallLimitReached extends Error {
  readonly until: Date;

  constructor(until: Date) {
    super('the calls of this hour are used up');
    this.name = 'CallLimitReached';
    this.until = until;
  }
}

export function createAdvancePost({ database, jobs, clock, logger, metrics, api, calls, storage }: AdvanceDependencies) {
  const published = metrics.counter('aquascene_instagram_posts_total', 'Instagram posts that came to an end', ['outcome']);

  async function prepare(post: InstagramPost): Promise<Step> {
    const now = clock.now();
    const isStale = post.containerMadeAt !== null && now.getTime() - post.containerMadeAt.getTime() > containerLifeMs;
    const current = isStale ? { ...post, childContainerIds: [], containerId: null, containerMadeAt: null } : post;
    const { media, caption, childContainerIds } = current;
    const next = media[media.length === 1 ? 0 : childContainerIds.length];
    const imageUrl = async (key: string) => storage.signedUrl(key, { method: 'GET', expiresInS: pictureUrlSeconds });
    const made = { ...current, status: 'preparing' as const, containerMadeAt: current.containerMadeAt ?? now };
    if (media.length === 1 && next !== undefined) {
      const containerId = await api.createPicture({ imageUrl: await imageUrl(next.key), altText: next.altText, caption });
      return { post: { ...made, containerId }, waitMs: firstPollMs };
    }
    if (next !== undefined) {
      const child = await api.createPicture({ imageUrl: await imageUrl(next.key), altText: next.altText });
      return { post: { ...made, childContainerIds: [...childContainerIds, child] } };
    }
    const containerId = await api.createCarousel({ children: childContainerIds, caption });
    return { post: { ...made, containerId }, waitMs: firstPollMs };
  }

  async function poll(post: InstagramPost, containerId: string): Promise<Step> {
    const { status, detail } = await api.readContainer(containerId);
    if (status === 'FINISHED') return { post: { ...post, status: 'publishing', publishBegunAt: null } };
    if (status === 'PUBLISHED') return findPublished(post);
    if (status === 'EXPIRED') return { post: { ...post, childContainerIds: [], containerId: null, containerMadeAt: null } };
    if (status === 'ERROR') throw new GraphError('refused', `Instagram could not use the pictures: ${detail || 'no reason given'}`);
    const ageMs = clock.now().getTime() - (post.containerMadeAt?.getTime() ?? 0);
    return { post, waitMs: Math.min(maxPollMs, Math.max(firstPollMs, ageMs)) };
  }

  /** The call was made, and its answer lost: the post is among the account's newest. */
  async function findPublished(post: InstagramPost): Promise<Step> {
    const since = (post.publishBegunAt?.getTime() ?? 0) - clockSkewMs;
    const found = (await api.listMedia(25)).find(
      ({ caption, timestamp }) => caption.trim() === post.caption && timestamp.getTime() >= since,
    );
    const now = clock.now();
    const ended = { ...post, status: 'published' as const, publishedAt: found?.timestamp ?? now, statusReason: null };
    if (found === undefined) return { post: { ...ended, statusReason: 'published; Instagram does not show it among the newest posts' } };
    return { post: { ...ended, mediaId: found.id, permalink: found.permalink } };
  }

  async function publish(post: InstagramPost, containerId: string): Promise<Step> {
    // Begun already: a process ended, or the answer was lost, on the way. The container knows.
    if (post.publishBegunAt !== null) {
      const step = await poll(post, containerId);
      if (step.post.status !== 'publishing' || step.waitMs !== undefined) return step;
    }
    const begun = await savePost(database, { ...post, publishBegunAt: post.publishBegunAt ?? clock.now() }, clock.now(), true);
    try {
      const mediaId = await api.publish(containerId);
      return { post: { ...begun, status: 'published', mediaId, publishedAt: clock.now(), statusReason: null } };
    } catch (error) {
      if (!(error instanceof GraphError) || error.kind !== 'refused') throw error;
      // An earlier call that nobody heard the answer of may have been carried out only now: then this one is refused.
      if ((await api.readContainer(containerId)).status !== 'PUBLISHED') throw error;
      return findPublished(begun);
    }
  }

  function step(post: InstagramPost): Promise<Step> {
    if (post.containerId === null) return prepare(post);
    return post.status === 'publishing' ? publish(post, post.containerId) : poll(post, post.containerId);
  }

  function afterFailure(post: InstagramPost, error: unknown): Step {
    const now = clock.now();
    if (error instanceof CallLimitReached) {
      return { post: { ...post, statusReason: error.message }, waitMs: Math.max(1000, error.until.getTime() - now.getTime()) };
    }
    if (!(error instanceof GraphError)) throw error;
    const { kind, message } = error;
    if (kind === 'refused') return { post: { ...post, status: 'failed', statusReason: message } };
    if (kind === 'limited') return { post: { ...post, statusReason: message }, waitMs: maxRetryMs };
    if (kind === 'unauthorised')
      return { post: { ...post, statusReason: `the access token is not accepted: ${message}` }, waitMs: unauthorisedRetryMs };
    const attempts = post.attempts + 1;
    if (attempts >= maxAttempts)
      return { post: { ...post, status: 'failed', attempts, statusReason: `given up after ${attempts} attempts: ${message}` } };
    return { post: { ...post, attempts, statusReason: message }, waitMs: Math.min(maxRetryMs, firstRetryMs * 2 ** (attempts - 1)) };
  }

  async function takeStep(post: InstagramPost): Promise<Step> {
    try {
      const taken = await step(post);
      return { ...taken, post: { ...taken.post, attempts: 0 } };
    } catch (error) {
      // What the failed step had saved by itself stands.
      const publishBegunAt = post.status === 'publishing' ? (post.publishBegunAt ?? clock.now()) : post.publishBegunAt;
      return afterFailure({ ...post, publishBegunAt }, error);
    }
  }

  /** Takes one step after the other until one has to wait, or the post is at its end. */
  async function advance(postId: string): Promise<void> {
    const startedAt = clock.now();
    let post = await claimPost(database, postId, startedAt, new Date(startedAt.getTime() + leaseMs));
    while (post !== undefined) {
      const { post: next, waitMs } = await takeStep(post);
      const now = clock.now();
      const isOver = !['scheduled', 'preparing', 'publishing'].includes(next.status);
      const nextStepAt = isOver ? null : new Date(now.getTime() + (waitMs ?? 0));
      const hasToWait = isOver || waitMs !== undefined;
      post = await database.transaction(async (tx) => {
        const saved = await savePost(tx, { ...next, nextStepAt }, now, !hasToWait);
        if (hasToWait && nextStepAt !== null) await jobs.send(tx, advancePostJob, { postId }, { startAfter: nextStepAt });
        return saved;
      });
      if (isOver) {
        published.inc({ outcome: post.status });
        if (post.status === 'failed') logger.warn({ postId, reason: post.statusReason }, 'an Instagram post failed');
      }
      if (isOver && post.status === 'published') await addPermalink(post);
      if (hasToWait || now.getTime() - startedAt.getTime() > leaseMs / 2) return;
    }
  }

  async function addPermalink(post: InstagramPost): Promise<void> {
    if (post.mediaId === null || post.permalink !== null) return;
    try {
      const { permalink } = await api.readMedia(post.mediaId);
      await savePost(database, { ...post, permalink }, clock.now());
    } catch (error) {
      if (!(error instanceof GraphError || error instanceof CallLimitReached)) throw error;
      logger.warn({ err: error, postId: post.id }, 'the address of an Instagram post could not be read');
    }
  }

  async function fetchInsights(): Promise<void> {
    for (const { id, mediaId } of await listForInsights(database, clock.now(), insightsAtOnce)) {
      if ((await calls.count()) >= callsLeftToPosts) return;
      try {
        await saveInsights(database, id, await api.readInsights(mediaId), clock.now());
      } catch (error) {
        if (!(error instanceof GraphError || error instanceof CallLimitReached)) throw error;
        logger.warn({ err: error, postId: id }, 'the figures of an Instagram post could not be read');
        if (error instanceof CallLimitReached || error.kind !== 'refused') return;
      }
    }
  }

  async function tend(): Promise<void> {
    const due = await listDuePosts(database, clock.now(), dueAtOnce);
    await jobs.sendMany(
      database,
      advancePostJob,
      due.map((postId) => ({ data: { postId } })),
    );
    await fetchInsights();
  }

  return { advance, tend };
}
