import type { FastifyReply, FastifyRequest } from 'fastify';
import { Type } from 'typebox';
import type { HttpServer } from '#platform/http-server';
import type { Metrics } from '#platform/telemetry';
import { splitMarked } from './highlight.ts';
import { paths } from './links.ts';
import { type PageContext, pageRoute } from './page-routes.ts';
import { encodePosition } from './position.ts';
import { positionOf, textOf } from './request-text.ts';
import { sendPage } from './responses.ts';
import type { SearchHit, SearchPage, SearchStore } from './search-store.ts';
import { suggestQuery, type Vocabulary } from './spelling.ts';

const pageSize = 10;
const longestQuery = 200;
const nothing: SearchPage = { hits: [], total: 0 };

export function registerSearch(
  app: HttpServer,
  context: Pick<PageContext, 'render' | 'cardView' | 'sendNotFound'> & {
    readonly store: SearchStore;
    readonly vocabulary: Vocabulary;
    readonly metrics: Metrics;
  },
): void {
  const { render, cardView, store, vocabulary } = context;
  const searches = context.metrics.counter('aquascene_site_searches_total', 'Searches of readers', ['outcome']);

  /** Only what finds something is suggested. */
  async function suggest(query: string) {
    const suggestion = suggestQuery(query, vocabulary);
    if (suggestion === undefined || (await store.count(suggestion)) === 0) return null;
    return { query: suggestion, url: paths.search(suggestion) };
  }

  const viewHit = (hit: SearchHit) => ({ card: cardView(hit), title: splitMarked(hit.markedTitle), text: splitMarked(hit.markedText) });

  async function answer(request: FastifyRequest<{ Querystring: { q?: unknown; cursor?: unknown } }>, reply: FastifyReply) {
    const query = textOf(request.query.q, longestQuery);
    const after = positionOf(request.query.cursor);
    if (after === null) return context.sendNotFound(request, reply);
    const { hits, total } = query === '' ? nothing : await store.search(query, { limit: pageSize, after });
    if (query !== '' && after === undefined) searches.inc({ outcome: total === 0 ? 'empty' : 'found' });
    const shown = hits.slice(0, pageSize);
    const last = shown.at(-1);
    const view = {
      query,
      total,
      hits: shown.map(viewHit),
      suggestion: query !== '' && total === 0 ? await suggest(query) : null,
      newestUrl: after === undefined ? null : paths.search(query),
      olderUrl:
        hits.length > pageSize && last !== undefined
          ? `${paths.search(query)}&cursor=${encodePosition({ value: last.rank, id: last.id })}`
          : null,
    };
    const head = { kind: 'search', name: query === '' ? 'Search' : `Search: ${query}`, robots: 'noindex, follow' } as const;
    return sendPage(request, reply, await render('search', head, view));
  }

  const querystring = Type.Object({ q: Type.Optional(Type.Unknown()), cursor: Type.Optional(Type.Unknown()) });
  app.get('/search', { config: { ...pageRoute.config, cost: 'expensive' }, schema: { hide: true, querystring } }, answer);
}
