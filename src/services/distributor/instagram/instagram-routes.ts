import { Type } from 'typebox';
import type { Database } from '#platform/database';
import { actorOf, decodeCursor, type HttpServer, PageQuery, type RegisterRoutes, toPage } from '#platform/http-server';
import type { Storage } from '#platform/storage';
import { AppError } from '#shared/errors';
import { closed, IdParams } from '#shared/schema';
import { type CallLedger, maxCallsPerHour } from './call-ledger.ts';
import {
  AccountView,
  InsightsView,
  NewPostBody,
  PostChangeBody,
  PostPage,
  PostStatusSchema,
  PostView,
  postView,
  ScheduleBody,
} from './instagram-schema.ts';
import type { InstagramPost } from './instagram-types.ts';
import { maxPictureBytes } from './jpeg-check.ts';
import type { PostService } from './post-service.ts';
import { getPost, listInsights, listPosts } from './post-store.ts';

const defaultLimit = 20;
const pictureUrlSeconds = 24 * 3600;
const read = { access: 'campaigns:read' } as const;
const write = { access: 'campaigns:write' } as const;
const tagged = { tags: ['instagram'] };
const base = '/api/v1/instagram-posts';

type Options = {
  readonly database: Database;
  readonly storage: Pick<Storage, 'signedUrl'>;
  readonly service: PostService;
  readonly calls: CallLedger;
  readonly isConfigured: boolean;
};

type Show = (post: InstagramPost) => Promise<ReturnType<typeof postView>>;

export function instagramRoutes(options: Options): RegisterRoutes {
  const show: Show = async (post) => {
    const sign = ({ key }: { key: string }) => options.storage.signedUrl(key, { method: 'GET', expiresInS: pictureUrlSeconds });
    return postView(post, await Promise.all(post.media.map(sign)));
  };
  return async (app) => {
    registerReading(app, options, show);
    registerWriting(app, options, show);
    registerVerbs(app, options, show);
    await app.register(async (plain) => registerPictures(plain as HttpServer, options, show));
  };
}

function registerReading(app: HttpServer, { database, calls, isConfigured }: Options, show: Show): void {
  app.get(
    base,
    {
      schema: {
        ...tagged,
        summary: 'Instagram posts, newest first',
        querystring: Type.Object({ ...PageQuery, status: Type.Optional(PostStatusSchema) }, closed),
        response: { 200: PostPage },
      },
      config: read,
    },
    async ({ query: { status, cursor, limit = defaultLimit } }) => {
      const posts = await listPosts(database.reads, { status, before: decodeCursor(cursor), limit });
      const page = toPage(posts, limit, ({ createdAt, id }) => ({ at: createdAt, id }));
      return { ...page, items: await Promise.all(page.items.map(show)) };
    },
  );
  app.get(
    `${base}/:id`,
    { schema: { ...tagged, summary: 'An Instagram post', params: IdParams, response: { 200: PostView } }, config: read },
    async ({ params: { id } }) => show(await getPost(database.reads, id)),
  );
  app.get(
    `${base}/:id/insights`,
    {
      schema: { ...tagged, summary: 'Its figures as they were fetched, newest first', params: IdParams, response: { 200: InsightsView } },
      config: read,
    },
    async ({ params: { id } }) => {
      await getPost(database.reads, id);
      const rows = await listInsights(database.reads, id);
      return { items: rows.map(({ fetchedAt, metrics }) => ({ fetchedAt: fetchedAt.toISOString(), metrics })) };
    },
  );
  app.get(
    '/api/v1/instagram-account',
    {
      schema: { ...tagged, summary: 'Whether an account is connected, and the calls that are left', response: { 200: AccountView } },
      config: read,
    },
    async () => ({ isConfigured, callsInLastHour: await calls.count(), callLimitPerHour: maxCallsPerHour }),
  );
}

function registerWriting(app: HttpServer, { service }: Options, show: Show): void {
  app.post(
    base,
    {
      schema: { ...tagged, summary: 'Draft a post, from an article or from nothing', body: NewPostBody, response: { 201: PostView } },
      config: write,
    },
    async (request, reply) => {
      const post = await show(await service.create(request.body, actorOf(request)));
      return reply.code(201).header('location', `${base}/${post.id}`).send(post);
    },
  );
  app.patch(
    `${base}/:id`,
    {
      schema: {
        ...tagged,
        summary: 'Change a post that is not being published yet',
        params: IdParams,
        body: PostChangeBody,
        response: { 200: PostView },
      },
      config: write,
    },
    async (request) => show(await service.change(request.params.id, request.body, actorOf(request))),
  );
  app.delete(
    `${base}/:id/pictures/:position`,
    {
      schema: {
        ...tagged,
        summary: 'Take a picture out of a post',
        params: Type.Object({ id: IdParams.properties.id, position: Type.Integer({ minimum: 0, maximum: 9 }) }),
        response: { 200: PostView },
      },
      config: write,
    },
    async (request) => show(await service.removePicture(request.params.id, request.params.position, actorOf(request))),
  );
}

function registerVerbs(app: HttpServer, { service }: Options, show: Show): void {
  app.post(
    `${base}/:id/schedule`,
    {
      schema: { ...tagged, summary: 'Publish a post, now or at a time', params: IdParams, body: ScheduleBody, response: { 200: PostView } },
      config: write,
    },
    async (request) => {
      const { at } = request.body;
      return show(await service.schedule(request.params.id, at === undefined ? undefined : new Date(at), actorOf(request)));
    },
  );
  const verbs = {
    unschedule: { summary: 'Make a scheduled post a draft again', run: service.unschedule },
    cancel: { summary: 'Give a post up for good', run: service.cancel },
    retry: { summary: 'Try a failed post again', run: service.retry },
  };
  for (const [verb, { summary, run }] of Object.entries(verbs)) {
    app.post(
      `${base}/:id/${verb}`,
      { schema: { ...tagged, summary, params: IdParams, response: { 200: PostView } }, config: write },
      async (request) => show(await run((request.params as { id: string }).id, actorOf(request))),
    );
  }
}

function registerPictures(app: HttpServer, { service }: Options, show: Show): void {
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('image/jpeg', { parseAs: 'buffer', bodyLimit: maxPictureBytes }, (_request, body, done) => done(null, body));
  app.post(
    `${base}/:id/pictures`,
    {
      bodyLimit: maxPictureBytes,
      schema: {
        ...tagged,
        summary: 'Add a picture to a post',
        description: 'The body is a JPEG of at most 8 MB, from 4:5 to 1.91:1, at least 320 pixels wide.',
        consumes: ['image/jpeg'],
        params: IdParams,
        body: Type.Unsafe<Buffer>({ description: 'JPEG.' }),
        querystring: Type.Object(
          { altText: Type.String({ minLength: 1, maxLength: 1000, description: 'What is to be seen, for those who do not see it.' }) },
          closed,
        ),
        response: { 200: PostView },
      },
      config: { ...write, rateLimit: 'ingest' },
    },
    async (request) => {
      const { body, params, query } = request;
      if (!Buffer.isBuffer(body)) {
        const message = 'The body must be a JPEG.';
        throw new AppError('invalid_request', message, { status: 400, fields: [{ path: '/', message }] });
      }
      return show(await service.addPicture(params.id, body, query.altText, actorOf(request)));
    },
  );
}
