import { Type } from 'typebox';
import type { HttpServer } from '#platform/http-server';
import { listsTag } from '../site-tags.ts';
import { feeds } from './feeds.ts';
import { absolute, paths } from './links.ts';
import { keptRoute, type PageContext, pageRoute } from './page-routes.ts';
import { decodePosition, encodePosition, type Position } from './position.ts';
import { caching, sendPublic } from './responses.ts';
import { listNewestTexts, listSitemapEntries, listSitemapParts, listTopics } from './site-store.ts';
import { writeSitemap, writeSitemapIndex } from './sitemap.ts';

const feedLength = 30;
// The protocol allows 50,000 a file, and as many files: half a megabyte is written, hashed and sent within milliseconds.
const defaultSitemapSize = 5000;

export type DiscoveryContext = Pick<PageContext, 'database' | 'kept' | 'site' | 'sendNotFound'> & {
  /** Articles that a sitemap may list before it becomes an index of several. */
  readonly sitemapSize?: number;
};

/** What other programs find the articles by: feeds, sitemap, robots.txt. */
export function registerDiscovery(app: HttpServer, context: DiscoveryContext): void {
  const { database, kept, site } = context;
  for (const feed of feeds) {
    app.get(feed.path, keptRoute, (request, reply) =>
      kept.send(request, reply, feed.path, [listsTag], async () => {
        const body = await feed.write(site, await listNewestTexts(database, feedLength));
        return { type: feed.type, body, cacheControl: caching.feed };
      }),
    );
  }
  const rules = ['User-agent: *', 'Disallow: /t/', 'Disallow: /search', 'Disallow: /api/'];
  const robots = `${rules.join('\n')}\n\nSitemap: ${absolute(site, '/sitemap.xml')}\n`;
  app.get('/robots.txt', pageRoute, async (request, reply) =>
    sendPublic(request, reply, { type: 'text/plain; charset=utf-8', body: robots, cacheControl: caching.feed }),
  );
  registerSitemap(app, context);
}

function registerSitemap(app: HttpServer, context: DiscoveryContext): void {
  const { database, kept, site, sendNotFound, sitemapSize = defaultSitemapSize } = context;
  const answer = { type: 'application/xml; charset=utf-8', cacheControl: caching.feed };

  async function listPages() {
    const topics = await listTopics(database);
    return ['/', '/articles', '/about', ...topics.map(({ slug }) => paths.category(slug))].map((path) => ({ url: absolute(site, path) }));
  }

  async function listArticlesFrom(position: Position | undefined) {
    const entries = await listSitemapEntries(database, position, sitemapSize);
    return entries.map(({ slug, updatedAt }) => ({ url: absolute(site, paths.article(slug)), updatedAt }));
  }

  async function makeSitemap() {
    const parts = await listSitemapParts(database, sitemapSize);
    if (parts.length <= 1) {
      const urls = [...(await listPages()), ...(await listArticlesFrom(undefined))];
      return { ...answer, body: await writeSitemap(urls) };
    }
    const names = ['pages', ...parts.map(encodePosition)];
    return { ...answer, body: await writeSitemapIndex(names.map((name) => absolute(site, `/sitemaps/${name}.xml`))) };
  }

  app.get('/sitemap.xml', keptRoute, (request, reply) => kept.send(request, reply, '/sitemap.xml', [listsTag], makeSitemap));

  const params = Type.Object({ file: Type.String() });
  // Asked for too seldom to be kept.
  app.get('/sitemaps/:file', { ...pageRoute, schema: { hide: true, params } }, async (request, reply) => {
    const [, name = ''] = /^([\w-]{1,150})\.xml$/.exec(request.params.file) ?? [];
    const position = decodePosition(name);
    if (name !== 'pages' && position === undefined) return sendNotFound(request, reply);
    const urls = position === undefined ? await listPages() : await listArticlesFrom(position);
    return sendPublic(request, reply, { ...answer, body: await writeSitemap(urls) });
  });
}
