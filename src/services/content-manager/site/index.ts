import type { FastifyReply, FastifyRequest } from 'fastify';
import type { RegisterRoutes } from '#platform/http-server';
import { registerAssets } from './asset-routes.ts';
import { createCardView } from './card-view.ts';
import { registerDiscovery } from './discovery-routes.ts';
import { createKeptAnswers } from './kept-answers.ts';
import { createLabels } from './labels.ts';
import { type PageContext, registerPages } from './page-routes.ts';
import type { PreviewInput } from './preview-worker.ts';
import { caching, sendPublic } from './responses.ts';
import { registerSearch } from './search-routes.ts';
import { createSearchStore } from './search-store.ts';
import type { PageContent, SiteDependencies } from './site-types.ts';
import { createVocabulary } from './spelling.ts';
import { createTemplates, type Render, versionOf } from './templates.ts';

export type { PageContent, SiteConfig, SiteDependencies } from './site-types.ts';

export type Site = {
  readonly routes: RegisterRoutes;
  /** The site's layout around trusted HTML, for other services' public pages. They send it with their own headers. */
  renderPage(page: PageContent): Promise<string>;
  renderNotFound(path: string): Promise<string>;
  /** The picture of an article for a post on a social network: JPEG, 1080 × 1350. */
  renderSocialPicture(article: { readonly slug: string; readonly category: string | null }): Promise<Buffer>;
};

const longestPathShown = 120;
const socialPictureWorker = new URL('./social-picture-worker.ts', import.meta.url);
// Of CPU time.
const socialPictureLimitMs = 20_000;

/** `/articles/java-moss` asks for something like "java moss". */
function queryFrom(path: string): string {
  const name = path.split('/').findLast((part) => part !== '') ?? '';
  return name
    .replace(/\.\w+$/, '')
    .replace(/[^\p{L}\p{N}]+/gu, ' ')
    .trim()
    .slice(0, 80);
}

function decodePath(path: string): string {
  try {
    return decodeURI(path);
  } catch {
    // URIError: not well-formed; it is shown as it came.
    return path;
  }
}

function createNotFound(render: Render) {
  return (path: string): Promise<string> => {
    const readable = decodePath(path).replace(/\p{C}+/gu, ' ');
    const head = { kind: 'not-found', name: 'Page not found', robots: 'noindex' } as const;
    return render('not-found', head, { path: readable.slice(0, longestPathShown), query: queryFrom(readable) });
  };
}

/** The public site: reads what is published, and nothing else. */
export function createSite(deps: SiteDependencies): Site {
  const { logger, metrics, site, pack, compute, storage } = deps;
  const database = deps.database.latest;
  const render = createTemplates({ site, pack });
  const renderNotFound = createNotFound(render);

  async function sendNotFound(request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
    const body = await renderNotFound(request.url.split('?')[0] ?? '/');
    return sendPublic(request, reply, { status: 404, type: 'text/html; charset=utf-8', body, cacheControl: caching.none });
  }

  const kept = createKeptAnswers(deps.caches.named('content'), `${versionOf({ site, pack })}:`, sendNotFound);
  const context: PageContext = {
    database,
    kept,
    site,
    pack,
    render,
    sendNotFound,
    cardView: createCardView(site, createLabels(site.language)),
  };
  return {
    renderPage: ({ title, html, status, head }) =>
      render(
        'plain',
        { kind: 'plain', name: title, robots: 'noindex', ...(head !== undefined && { head }) },
        { html, isFailure: status !== undefined && status >= 400 },
      ),
    renderNotFound,
    async renderSocialPicture({ slug, category }) {
      const input = { category: category ?? 'general', slug };
      return Buffer.from(await compute.run<PreviewInput, Uint8Array>(socialPictureWorker, input, { timeoutMs: socialPictureLimitMs }));
    },
    routes: (app) => {
      registerPages(app, context);
      registerSearch(app, {
        ...context,
        metrics,
        store: createSearchStore(database, deps.caches.named('content')),
        vocabulary: createVocabulary(pack),
      });
      registerDiscovery(app, context);
      registerAssets(app, { ...context, compute, storage, logger });
    },
  };
}
