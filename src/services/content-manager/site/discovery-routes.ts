import { Type } from 'typebox';
import type { HttpServer } from '#platform/http-server';
import { feeds } from './feeds.ts';
import { absolute, paths } from './links.ts';
import { type PageContext, pageRoute } from './page-routes.ts';
import { decodePosition, encodePosition, type Position } from './position.ts';
import { caching, sendPublic } from './responses.ts';
import { listNewestTexts, listSitemapEntries, listSitemapParts, listTopics } from './site-store.ts';
import { writeSitemap, writeSitemapIndex } from './sitemap.ts';

const feedLength = 30;
// The protocol allows 50,000 a file; this leaves room for the pages that are no articles.
const defaultSitemapSize = 45_000;

export type DiscoveryContext = Pick<PageContext, 'database' | 'site' | 'sendNotFound'> & {
  /** Articles that a sitemap may list before it becomes an index of several. */
  readonly sitemapSize?: number;
};

/** What other programs find the articles by: feeds, sitemap, robots.txt. */
export function registerDiscovery(app: HttpServer, context: DiscoveryContext): void {
  const { database, site } = context;
  for (const feed of feeds) {
    app.get(feed.path, pageRoute, async (request, reply) => {
      const body = feed.write(site, await listNewestTexts(database, feedLength));
      return sendPublic(request, reply, { type: feed.type, body, cacheControl: caching.feed });
    });
  }
  const rules = ['User-agent: *', 'Disallow: /t/', 'Disallow: /search', 'Disallow: /api/'];
  const robots = `${rules.join('\n')}\n\nSitemap: ${absolute(site, '/sitemap.xml')}\n`;
  app.get('/robots.txt', pageRoute, async (request, reply) =>
    sendPublic(request, reply, { type: 'text/plain; charset=utf-8', body: robots, cacheControl: caching.feed }),
  );
  registerSitemap(app, context);
}

function registerSitemap(app: HttpServer, context: DiscoveryContext): void {
  const { database, site, sendNotFound, sitemapSize = defaultSitemapSize } = context;
  const answer = { type: 'application/xml; charset=utf-8', cacheControl: caching.feed };

  async function listPages() {
    const topics = await listTopics(database);
    return ['/', '/articles', '/about', ...topics.map(({ slug }) => paths.category(slug))].map((path) => ({ url: absolute(site, path) }));
  }

  async function listArticlesFrom(position: Position | undefined) {
    const entries = await listSitemapEntries(database, position, sitemapSize);
    return entries.map(({ slug, updatedAt }) => ({ url: absolute(site, paths.article(slug)), updatedAt }));
  }

  app.get('/sitemap.xml', pageRoute, async (request, reply) => {
    const parts = await listSitemapParts(database, sitemapSize);
    if (parts.length <= 1) {
      const urls = [...(await listPages()), ...(await listArticlesFrom(undefined))];
      return sendPublic(request, reply, { ...answer, body: writeSitemap(urls) });
    }
    const names = ['pages', ...parts.map(encodePosition)];
    const body = writeSitemapIndex(names.map((name) => absolute(site, `/sitemaps/${name}.xml`)));
    return sendPublic(request, reply, { ...answer, body });
  });

  const params = Type.Object({ file: Type.String() });
  app.get('/sitemaps/:file', { ...pageRoute, schema: { hide: true, params } }, async (request, reply) => {
    const [, name = ''] = /^([\w-]{1,150})\.xml$/.exec(request.params.file) ?? [];
    const position = decodePosition(name);
    if (name !== 'pages' && position === undefined) return sendNotFound(request, reply);
    const urls = position === undefined ? await listPages() : await listArticlesFrom(position);
    return sendPublic(request, reply, { ...answer, body: writeSitemap(urls) });
  });
}
