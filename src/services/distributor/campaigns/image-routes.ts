import { type Static, Type } from 'typebox';
import type { Database } from '#platform/database';
import { actorOf, decodeCursor, PageOf, PageQuery, type RegisterRoutes, toPage } from '#platform/http-server';
import type { Storage } from '#platform/storage';
import { AppError, invalid, notFound } from '#shared/errors';
import { closed } from '#shared/schema';
import { type Images, imageKey, imagePath, listImages, maxImageBytes, type NewsletterImage } from './images.ts';

const ImageView = Type.Object({
  id: Type.String({ format: 'uuid' }),
  url: Type.String({ description: 'Public, and never another content: ![what it shows](url) in a text, or src in a template.' }),
  contentType: Type.String(),
  sizeBytes: Type.Integer(),
  width: Type.Integer(),
  height: Type.Integer(),
  name: Type.String(),
  createdBy: Type.String(),
  createdAt: Type.String({ format: 'date-time' }),
});
// A name is shown in lists only; still it is one line.
const name = Type.String({ maxLength: 200, pattern: '^[^\\u0000-\\u001f\\u007f]*$' });
const defaultLimit = 20;
const root = '/api/v1/newsletter-images';
const tags = ['newsletter images'];
const types = ['image/png', 'image/jpeg', 'image/gif', 'application/octet-stream'];

export function imageRoutes(options: {
  readonly database: Database;
  readonly storage: Storage;
  readonly images: Images;
  readonly site: { readonly baseUrl: string };
}): RegisterRoutes {
  const { database, storage, images, site } = options;
  const viewOf = ({ file, createdAt, ...image }: NewsletterImage): Static<typeof ImageView> => ({
    ...image,
    url: site.baseUrl + imagePath(file),
    createdAt: createdAt.toISOString(),
  });

  return async (app) => {
    await app.register(async (scope) => {
      scope.removeAllContentTypeParsers();
      for (const type of types)
        scope.addContentTypeParser(type, { parseAs: 'buffer', bodyLimit: maxImageBytes }, (_request, body, done) => done(null, body));
      scope.post(
        root,
        {
          schema: {
            tags,
            summary: 'Upload a picture for newsletters',
            description: `The body is a PNG, JPEG or GIF of at most ${maxImageBytes / 1024 / 1024} MiB.`,
            consumes: types,
            querystring: Type.Object({ name: Type.Optional(name) }, closed),
            body: Type.Unsafe<Buffer>({ description: 'The picture.' }),
            response: { 201: ImageView },
          },
          config: { access: 'campaigns:write', cost: 'expensive' },
          bodyLimit: maxImageBytes,
        },
        async (request, reply) => {
          const { name: given = '' } = request.query as { readonly name?: string };
          if (!Buffer.isBuffer(request.body)) {
            const message = 'The body must be a picture.';
            throw new AppError('invalid_request', message, { status: 400, fields: [{ path: '/', message }] });
          }
          const image = await images.add(request.body, given, actorOf(request));
          return reply.code(201).header('location', imagePath(image.file)).send(viewOf(image));
        },
      );
    });
    app.post(
      `${root}/fetch`,
      {
        schema: {
          tags,
          summary: 'Have a picture for newsletters fetched, once',
          querystring: Type.Object({ name: Type.Optional(name) }, closed),
          body: Type.Object({ url: Type.String({ maxLength: 2000, description: 'Where the picture is.' }) }, closed),
          response: { 201: ImageView },
        },
        config: { access: 'campaigns:write', cost: 'expensive' },
      },
      async (request, reply) => {
        const image = await images.addFrom(checkUrl(request.body.url), request.query.name ?? '', actorOf(request)).catch(asFaultOfAddress);
        return reply.code(201).header('location', imagePath(image.file)).send(viewOf(image));
      },
    );
    app.get(
      root,
      {
        schema: {
          tags,
          summary: 'Pictures for newsletters, newest first',
          querystring: Type.Object(PageQuery, closed),
          response: { 200: PageOf(ImageView) },
        },
        config: { access: 'campaigns:read' },
      },
      async ({ query: { cursor, limit = defaultLimit } }) => {
        const page = toPage(await listImages(database.reads, { before: decodeCursor(cursor), limit }), limit, ({ createdAt, id }) => ({
          at: createdAt,
          id,
        }));
        return { ...page, items: page.items.map(viewOf) };
      },
    );
    app.get(
      '/newsletter-images/:file',
      {
        schema: { hide: true, params: Type.Object({ file: Type.String({ pattern: '^[0-9a-f]{40}\\.(png|jpg|gif)$', maxLength: 50 }) }) },
        config: { access: 'public' },
      },
      async ({ params: { file }, headers }, reply) => {
        // The name is the content's hash: who has it, has it for good.
        const etag = `"${file}"`;
        reply.headers({
          etag,
          'cache-control': 'public, max-age=31536000, immutable',
          'x-content-type-options': 'nosniff',
          'content-security-policy': "default-src 'none'; sandbox",
          // Mail programs on the web show it on pages of theirs.
          'cross-origin-resource-policy': 'cross-origin',
        });
        if (headers['if-none-match']?.includes(etag) === true) return reply.code(304).send();
        const found = await storage.get(imageKey(file));
        if (found.kind !== 'found') {
          reply.removeHeader('etag');
          reply.header('cache-control', 'no-store');
          throw notFound('picture', file);
        }
        return reply.type(found.contentType).header('content-length', found.sizeBytes).send(found.body);
      },
    );
  };
}

/** What keeps us from the picture lies with its address, not with this server. */
function asFaultOfAddress(error: unknown): never {
  if (!(error instanceof AppError) || error.status < 500 || /^(storage|client)_/.test(error.code)) throw error;
  throw new AppError('image_unreachable', `The picture cannot be fetched: ${error.message}`, {
    status: 422,
    fields: [{ path: '/url', message: error.message }],
    cause: error,
  });
}

function checkUrl(url: string): string {
  if (URL.canParse(url)) return url;
  throw invalid('The address cannot be used.', [{ path: '/url', message: 'must be an address' }]);
}
