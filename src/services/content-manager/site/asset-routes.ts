import { Type } from 'typebox';
import type { HttpServer } from '#platform/http-server';
import { composeArtwork, composeShore, type Format, formats, renderSvg } from './artwork/index.ts';
import { type PageContext, pageRoute } from './page-routes.ts';
import { createPreviewPictures, type PreviewDependencies } from './preview-pictures.ts';
import { isSlugLike } from './request-text.ts';
import { caching, sendPublic } from './responses.ts';
import { findCard } from './site-store.ts';
import { deepColor, stylesheet, stylesheetHash } from './stylesheet.ts';

const svg = 'image/svg+xml';
// A picture that is opened by itself may carry no more than its own shapes.
const picturePolicy = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'";
const longestSeed = 200;

const favicon = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 40 40"><path d="M20 1c8.5 9.5 14 16 14 23.5a14 14 0 0 1-28 0C6 17 11.5 10.5 20 1z" fill="#0f6b56"/><path d="M20 35V19m0 10c-5.5 0-7.5-3.5-7.5-7.5 5.5 0 7.5 3.5 7.5 7.5zm0-5.5c0-4.5 2-6.5 6.5-6.5 0 4.5-2 6.5-6.5 6.5z" fill="#d9f0dc" stroke="#d9f0dc" stroke-width="1.6"/></svg>`;

const isFormat = (name: string): name is Format => Object.hasOwn(formats, name);

type AssetContext = Pick<PageContext, 'database' | 'sendNotFound'> & PreviewDependencies;

/** Style, pictures and icons: everything that a page brings along comes from here. */
export function registerAssets(app: HttpServer, context: AssetContext): void {
  const { database, sendNotFound } = context;
  app.get(
    '/assets/:file',
    { ...pageRoute, schema: { hide: true, params: Type.Object({ file: Type.String({ maxLength: 200 }) }) } },
    async (request, reply) => {
      const [, hash] = /^site-([0-9a-f]{16})\.css$/.exec(request.params.file) ?? [];
      if (hash === undefined) return sendNotFound(request, reply);
      // While a new version is rolled out, a page of the one may ask a process of the other: it gets a style, but not to keep.
      const cacheControl = hash === stylesheetHash ? caching.immutable : caching.none;
      return sendPublic(request, reply, { type: 'text/css; charset=utf-8', body: stylesheet, cacheControl });
    },
  );

  const picture = (body: string) => ({ type: svg, body, cacheControl: caching.artwork, contentSecurityPolicy: picturePolicy });
  const shore = renderSvg(composeShore(deepColor));
  app.get('/artwork/shore.svg', pageRoute, async (request, reply) => sendPublic(request, reply, picture(shore)));

  const params = Type.Object({ format: Type.String(), category: Type.String(), file: Type.String() });
  app.get('/artwork/:format/:category/:file', { ...pageRoute, schema: { hide: true, params } }, async (request, reply) => {
    const { format, category, file } = request.params;
    const seed = file.replace(/\.svg$/, '');
    if (!isFormat(format) || seed === file || seed.length > longestSeed || category.length > longestSeed)
      return sendNotFound(request, reply);
    return sendPublic(request, reply, picture(renderSvg(composeArtwork(format, category, seed))));
  });

  const previews = createPreviewPictures(context);
  app.get('/og/:file', { ...pageRoute, schema: { hide: true, params: Type.Object({ file: Type.String() }) } }, async (request, reply) => {
    const { file } = request.params;
    const slug = file.replace(/\.png$/, '');
    const article = slug !== file && isSlugLike(slug) ? await findCard(database, slug) : undefined;
    if (article === undefined) return sendNotFound(request, reply);
    const body = await previews.get(article.category ?? 'general', slug);
    return sendPublic(request, reply, { type: 'image/png', body, cacheControl: caching.artwork, contentSecurityPolicy: picturePolicy });
  });

  app.get('/favicon.svg', pageRoute, async (request, reply) => sendPublic(request, reply, picture(favicon)));
  app.get('/favicon.ico', pageRoute, async (_request, reply) =>
    reply.header('cache-control', caching.artwork).redirect('/favicon.svg', 301),
  );
}
