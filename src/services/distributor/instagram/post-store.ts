import { type Queryable, sql } from '#platform/database';
import type { Position } from '#platform/http-server';
import { notFound } from '#shared/errors';
import type { InstagramPost, PostStatus } from './instagram-types.ts';

const columns = sql`
  id, content_id as "contentId", caption, media, status, status_reason as "statusReason", scheduled_at as "scheduledAt",
  child_container_ids as "childContainerIds", container_id as "containerId", container_made_at as "containerMadeAt",
  publish_begun_at as "publishBegunAt", media_id as "mediaId", permalink, published_at as "publishedAt", attempts,
  next_step_at as "nextStepAt", insights, insights_at as "insightsAt", created_by as "createdBy", created_at as "createdAt",
  updated_at as "updatedAt"`;

export function insertPost(
  tx: Queryable,
  post: Pick<InstagramPost, 'id' | 'contentId' | 'caption' | 'media' | 'createdBy' | 'createdAt'>,
): Promise<InstagramPost> {
  return tx.one(
    'instagram.insert',
    sql<InstagramPost>`insert into instagram_posts (id, content_id, caption, media, created_by, created_at, updated_at)
        values (${post.id}, ${post.contentId}, ${post.caption}, ${JSON.stringify(post.media)}::jsonb, ${post.createdBy},
                ${post.createdAt}, ${post.createdAt})
        returning ${columns}`,
  );
}

/** @throws AppError `not_found` */
export async function getPost(database: Queryable, id: string): Promise<InstagramPost> {
  const post = await database.maybeOne('instagram.find', sql<InstagramPost>`select ${columns} from instagram_posts where id = ${id}::uuid`);
  if (post === undefined) throw notFound('Instagram post', id);
  return post;
}

/** Holds the row until the transaction ends. @throws AppError `not_found` */
export async function lockPost(tx: Queryable, id: string): Promise<InstagramPost> {
  const post = await tx.maybeOne(
    'instagram.lock',
    sql<InstagramPost>`select ${columns} from instagram_posts where id = ${id}::uuid for update`,
  );
  if (post === undefined) throw notFound('Instagram post', id);
  return post;
}

export function listPosts(
  database: Queryable,
  filter: { readonly status?: PostStatus | undefined; readonly before?: Position | undefined; readonly limit: number },
): Promise<InstagramPost[]> {
  const { status, before, limit } = filter;
  return database.query(
    'instagram.list',
    sql<InstagramPost>`select ${columns} from instagram_posts
        where (${status ?? null}::text is null or status = ${status ?? null})
          and (${before?.at ?? null}::timestamptz is null
               or (created_at, id) < (${before?.at ?? null}::timestamptz, ${before?.id ?? null}::uuid))
        order by created_at desc, id desc limit ${limit + 1}`,
  );
}

/** Writes all that may change; ends the lease unless `keepsLease`. */
export function savePost(tx: Queryable, post: InstagramPost, at: Date, keepsLease = false): Promise<InstagramPost> {
  return tx.one(
    'instagram.save',
    sql<InstagramPost>`update instagram_posts
        set caption = ${post.caption}, media = ${JSON.stringify(post.media)}::jsonb, status = ${post.status},
            status_reason = ${post.statusReason}, scheduled_at = ${post.scheduledAt},
            child_container_ids = ${post.childContainerIds}::text[], container_id = ${post.containerId},
            container_made_at = ${post.containerMadeAt}, publish_begun_at = ${post.publishBegunAt}, media_id = ${post.mediaId},
            permalink = ${post.permalink}, published_at = ${post.publishedAt}, attempts = ${post.attempts},
            next_step_at = ${post.nextStepAt}, updated_at = ${at},
            lease_until = case when ${keepsLease}::boolean then lease_until end
        where id = ${post.id}::uuid returning ${columns}`,
  );
}

/** Takes a post whose next step is due, for one process until the lease ends. Undefined: somebody has it, or nothing is due. */
export function claimPost(database: Queryable, id: string, now: Date, leaseUntil: Date): Promise<InstagramPost | undefined> {
  return database.maybeOne(
    'instagram.claim',
    sql<InstagramPost>`update instagram_posts set lease_until = ${leaseUntil}
        where id = ${id}::uuid and status in ('scheduled', 'preparing', 'publishing') and next_step_at <= ${now}
          and (lease_until is null or lease_until <= ${now})
        returning ${columns}`,
  );
}

/** Posts with a step that should have been taken: their job was lost, or its process died. */
export async function listDuePosts(database: Queryable, now: Date, limit: number): Promise<string[]> {
  const rows = await database.query(
    'instagram.list-due',
    sql<{ id: string }>`select id from instagram_posts
        where status in ('scheduled', 'preparing', 'publishing') and next_step_at <= ${now} and (lease_until is null or lease_until <= ${now})
        order by next_step_at limit ${limit}`,
  );
  return rows.map(({ id }) => id);
}

/** Published posts whose figures are older than their age asks for: 6 hours in the first two days, then a day, for 30 days. */
export function listForInsights(database: Queryable, now: Date, limit: number): Promise<{ id: string; mediaId: string }[]> {
  return database.query(
    'instagram.list-for-insights',
    sql<{ id: string; mediaId: string }>`select id, media_id as "mediaId" from instagram_posts
        where status = 'published' and media_id is not null and published_at > ${now}::timestamptz - interval '30 days'
          and (insights_at is null
               or insights_at < ${now}::timestamptz - case when published_at > ${now}::timestamptz - interval '2 days'
                                                           then interval '6 hours' else interval '1 day' end)
        order by insights_at nulls first limit ${limit}`,
  );
}

export async function saveInsights(
  database: Queryable,
  postId: string,
  metrics: Readonly<Record<string, number>>,
  at: Date,
): Promise<void> {
  await database.execute(
    'instagram.save-insights',
    sql`with kept as (
          insert into instagram_insights (post_id, fetched_at, metrics) values (${postId}::uuid, ${at}, ${JSON.stringify(metrics)}::jsonb)
          on conflict do nothing
        )
        update instagram_posts set insights = ${JSON.stringify(metrics)}::jsonb, insights_at = ${at} where id = ${postId}::uuid`,
  );
}

export function listInsights(database: Queryable, postId: string): Promise<{ fetchedAt: Date; metrics: Record<string, number> }[]> {
  return database.query(
    'instagram.list-insights',
    sql<{ fetchedAt: Date; metrics: Record<string, number> }>`select fetched_at as "fetchedAt", metrics from instagram_insights
        where post_id = ${postId}::uuid order by fetched_at desc limit 200`,
  );
}
