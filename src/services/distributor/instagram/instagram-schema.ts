import { Type } from 'typebox';
import { PageOf } from '#platform/http-server';
import { closed, nullable, Uuid } from '#shared/schema';
import { type InstagramPost, postStatuses } from './instagram-types.ts';

const time = Type.String({ format: 'date-time' });

export const PostStatusSchema = Type.Enum([...postStatuses]);

const caption = Type.String({ maxLength: 5000, description: 'At most 2,200 characters, 30 hashtags and 20 mentions.' });

export const NewPostBody = Type.Object(
  {
    contentId: Type.Optional(
      Type.String({ ...Uuid, description: 'A published article: caption, hashtags and first picture are made from it.' }),
    ),
    caption: Type.Optional(caption),
    hashtags: Type.Optional(
      Type.Array(Type.String({ maxLength: 100 }), {
        maxItems: 30,
        description: "Instead of the article's tags; ignored beside a caption.",
      }),
    ),
  },
  closed,
);

export const PostChangeBody = Type.Object(
  {
    caption: Type.Optional(caption),
    altTexts: Type.Optional(Type.Array(Type.String({ maxLength: 1000 }), { maxItems: 10, description: 'In the order of the pictures.' })),
  },
  { ...closed, minProperties: 1 },
);

export const ScheduleBody = Type.Object(
  { at: Type.Optional(Type.String({ format: 'date-time', maxLength: 40, description: 'Now unless told.' })) },
  closed,
);

const insights = Type.Record(Type.String(), Type.Number());

export const PostView = Type.Object({
  id: Uuid,
  contentId: nullable(Uuid),
  caption: Type.String(),
  media: Type.Array(Type.Object({ url: Type.String({ description: 'Good for a day.' }), altText: Type.String() })),
  status: PostStatusSchema,
  statusReason: nullable(Type.String()),
  scheduledAt: nullable(time),
  publishedAt: nullable(time),
  permalink: nullable(Type.String()),
  insights: nullable(insights),
  insightsAt: nullable(time),
  createdBy: Type.String(),
  createdAt: time,
  updatedAt: time,
});
export const PostPage = PageOf(PostView);

export const InsightsView = Type.Object({ items: Type.Array(Type.Object({ fetchedAt: time, metrics: insights })) });

export const AccountView = Type.Object({
  isConfigured: Type.Boolean(),
  callsInLastHour: Type.Integer(),
  callLimitPerHour: Type.Integer(),
});

/** `urls`: of the pictures, in their order. */
export function postView(post: InstagramPost, urls: readonly string[]) {
  const { id, contentId, caption: text, media, status, statusReason, permalink, createdBy } = post;
  return {
    ...{ id, contentId, caption: text, status, statusReason, permalink, createdBy },
    media: media.map(({ altText }, index) => ({ url: urls[index] ?? '', altText })),
    insights: post.insights === null ? null : { ...post.insights },
    scheduledAt: post.scheduledAt?.toISOString() ?? null,
    publishedAt: post.publishedAt?.toISOString() ?? null,
    insightsAt: post.insightsAt?.toISOString() ?? null,
    createdAt: post.createdAt.toISOString(),
    updatedAt: post.updatedAt.toISOString(),
  };
}
