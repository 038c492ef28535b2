import { recordAudit } from '#platform/audit';
import type { Queryable, Transaction } from '#platform/database';
import type { ServiceDependencies } from '#platform/service';
import type { Storage } from '#platform/storage';
import { AppError, conflict, invalid } from '#shared/errors';
import { captionOf, checkCaption } from './caption.ts';
import { advancePostJob } from './instagram-jobs.ts';
import type { InstagramArticle, InstagramPost, PostStatus } from './instagram-types.ts';
import { checkPicture } from './jpeg-check.ts';
import { getPost, insertPost, lockPost, savePost } from './post-store.ts';

export const maxPictures = 10;
const pictureType = 'image/jpeg';
const maxAltTextLength = 1000;

export type NewPost = {
  /** A published article, which the caption, the hashtags and a picture are made from unless they are given. */
  readonly contentId?: string;
  readonly caption?: string;
  readonly hashtags?: readonly string[];
};

export type PostService = {
  /** A draft; with an article, the article's picture is its first. */
  create(post: NewPost, actor: string): Promise<InstagramPost>;
  change(id: string, change: { readonly caption?: string; readonly altTexts?: readonly string[] }, actor: string): Promise<InstagramPost>;
  addPicture(id: string, bytes: Buffer, altText: string, actor: string): Promise<InstagramPost>;
  /** @param position from 0 */
  removePicture(id: string, position: number, actor: string): Promise<InstagramPost>;
  /** At `at`; now unless given. */
  schedule(id: string, at: Date | undefined, actor: string): Promise<InstagramPost>;
  /** Back to a draft, for what has not begun to be published. */
  unschedule(id: string, actor: string): Promise<InstagramPost>;
  cancel(id: string, actor: string): Promise<InstagramPost>;
  /** Tries a failed one again, from the beginning. */
  retry(id: string, actor: string): Promise<InstagramPost>;
};

type Dependencies = Pick<ServiceDependencies, 'database' | 'jobs' | 'clock'> & {
  readonly storage: Pick<Storage, 'put' | 'remove'>;
  readonly isConfigured: boolean;
  readonly findArticle: (id: string) => Promise<InstagramArticle | undefined>;
  readonly renderPicture: (article: InstagramArticle) => Promise<Buffer>;
};

const open = { childContainerIds: [], containerId: null, containerMadeAt: null, publishBegunAt: null, attempts: 0, statusReason: null };

export function createPostService(dependencies: Dependencies): PostService {
  const { database, jobs, clock, storage, isConfigured, findArticle, renderPicture } = dependencies;

  const audit = (tx: Queryable, id: string, action: string, actor: string) =>
    recordAudit(tx, { id: clock.newId(), at: clock.now(), actor, action: `instagram-post.${action}`, subject: `instagram-post:${id}` });

  function changePost(
    id: string,
    actor: string,
    action: string,
    from: readonly PostStatus[],
    apply: (post: InstagramPost, tx: Transaction) => InstagramPost | Promise<InstagramPost>,
  ): Promise<InstagramPost> {
    return database.transaction(async (tx) => {
      const post = await lockPost(tx, id);
      if (!from.includes(post.status)) {
        throw conflict(`instagram_post_${post.status}`, `The post is ${post.status}: it cannot be ${action}.`);
      }
      await audit(tx, id, action, actor);
      return savePost(tx, await apply(post, tx), clock.now());
    });
  }

  /** Undefined where no article with the id is published. */
  async function findPublished(contentId: string): Promise<InstagramArticle | undefined> {
    try {
      return await findArticle(contentId);
    } catch (error) {
      if (error instanceof AppError && error.code === 'not_found') return undefined;
      throw error;
    }
  }

  async function store(id: string, bytes: Buffer): Promise<string> {
    const key = `instagram/${id}/${clock.newId()}.jpg`;
    await storage.put(key, bytes, { contentType: pictureType, cacheControl: 'private, max-age=86400' });
    return key;
  }

  async function begin(post: InstagramPost, at: Date, tx: Transaction): Promise<InstagramPost> {
    if (!isConfigured) {
      throw new AppError(
        'instagram_not_configured',
        'No Instagram account is connected: set INSTAGRAM_ACCOUNT_ID and INSTAGRAM_ACCESS_TOKEN.',
        {
          status: 409,
        },
      );
    }
    if (post.media.length === 0) throw invalid('A post needs a picture.', [{ path: '/media', message: 'must hold 1 to 10 pictures' }]);
    checkCaption(post.caption);
    await jobs.send(tx, advancePostJob, { postId: post.id }, { startAfter: at });
    return { ...post, ...open, status: 'scheduled', scheduledAt: at, nextStepAt: at };
  }

  const checkAltText = (altText: string) => {
    const text = altText.trim();
    if (text.length <= maxAltTextLength && !/\p{Cc}/u.test(text)) return text;
    throw invalid('The description of the picture cannot be used.', [
      { path: '/altText', message: `must be one line of at most ${maxAltTextLength} characters` },
    ]);
  };

  return {
    async create({ contentId, caption, hashtags }, actor) {
      const article = contentId === undefined ? undefined : await findPublished(contentId);
      if (contentId !== undefined && article === undefined) {
        throw invalid('There is no such article.', [{ path: '/contentId', message: 'is not the id of a published article' }]);
      }
      const text = caption ?? (article === undefined ? '' : captionOf(article, hashtags));
      const id = clock.newId();
      const media =
        article === undefined ? [] : [{ key: await store(id, await renderPicture(article)), altText: checkAltText(article.title) }];
      return database.transaction(async (tx) => {
        await audit(tx, id, 'created', actor);
        const given = { id, contentId: contentId ?? null, caption: checkCaption(text), media, createdBy: actor, createdAt: clock.now() };
        return insertPost(tx, given);
      });
    },

    change: (id, { caption, altTexts }, actor) =>
      changePost(id, actor, 'changed', ['draft', 'scheduled', 'failed'], (post) => ({
        ...post,
        ...(caption !== undefined && { caption: checkCaption(caption) }),
        media: post.media.map((picture, index) => ({ ...picture, altText: checkAltText(altTexts?.[index] ?? picture.altText) })),
      })),

    async addPicture(id, bytes, altText, actor) {
      checkPicture(bytes);
      const description = checkAltText(altText);
      await getPost(database, id);
      const key = await store(id, bytes);
      try {
        return await changePost(id, actor, 'changed', ['draft', 'scheduled', 'failed'], (post) => {
          if (post.media.length >= maxPictures) {
            throw invalid('The post is full.', [{ path: '/media', message: `holds ${maxPictures} pictures, which is the most` }]);
          }
          return { ...post, ...(post.status === 'failed' && open), media: [...post.media, { key, altText: description }] };
        });
      } catch (error) {
        await storage.remove(key);
        throw error;
      }
    },

    async removePicture(id, position, actor) {
      let removed: string | undefined;
      const post = await changePost(id, actor, 'changed', ['draft', 'scheduled', 'failed'], (current) => {
        removed = current.media[position]?.key;
        if (removed === undefined) throw new AppError('not_found', `The post has no picture ${position}.`, { status: 404 });
        if (current.status === 'scheduled' && current.media.length === 1) {
          throw conflict('instagram_post_needs_picture', 'A post that is scheduled keeps its last picture: add another one first.');
        }
        return { ...current, ...(current.status === 'failed' && open), media: current.media.filter((_, index) => index !== position) };
      });
      if (removed !== undefined) await storage.remove(removed);
      return post;
    },

    schedule: (id, at, actor) =>
      changePost(id, actor, 'scheduled', ['draft', 'scheduled'], (post, tx) => {
        if (at !== undefined && at < clock.now()) throw invalid('The time is past.', [{ path: '/at', message: 'must lie in the future' }]);
        return begin(post, at ?? clock.now(), tx);
      }),

    unschedule: (id, actor) =>
      changePost(id, actor, 'unscheduled', ['scheduled'], (post) => ({ ...post, status: 'draft', scheduledAt: null, nextStepAt: null })),

    cancel: (id, actor) =>
      changePost(id, actor, 'cancelled', ['draft', 'scheduled', 'preparing', 'failed'], (post) => ({
        ...post,
        status: 'cancelled',
        nextStepAt: null,
      })),

    retry: (id, actor) => changePost(id, actor, 'retried', ['failed'], (post, tx) => begin(post, clock.now(), tx)),
  };
}
