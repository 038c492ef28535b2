import type { Database } from '#platform/database';
import { actorOf, type HttpServer, PageOf } from '#platform/http-server';
import { notFound } from '#shared/errors';
import { IdParams } from '#shared/schema';
import { etagOf, expectedVersionOf, showArticle, showText, showVersion } from './article-answers.ts';
import { ArticleShape, StepBody, VersionParams, VersionQuery, VersionShape, VersionSummaryShape } from './article-schema.ts';
import type { Editing } from './editing.ts';
import { findVersion, listVersions } from './version-store.ts';

const tags = ['content'];

export function registerVersions(app: HttpServer, { database, editing }: { readonly database: Database; readonly editing: Editing }): void {
  app.get(
    '/api/v1/content/:id/versions',
    {
      config: { access: 'content:read' },
      schema: {
        tags,
        summary: 'Every change of an article: who, when, what, why; the last first',
        params: IdParams,
        querystring: VersionQuery,
        response: { 200: PageOf(VersionSummaryShape) },
      },
    },
    async (request) => {
      const { limit = 20, cursor } = request.query;
      const { id } = request.params;
      const rows = await listVersions(database.reads, id, cursor === undefined ? undefined : Number(cursor), limit);
      // Every article has a version, from the transaction that made it.
      if (rows.length === 0 && cursor === undefined) throw notFound('article', id);
      const items = rows.slice(0, limit).map(showVersion);
      return { items, nextCursor: rows.length > limit ? String(items.at(-1)?.version) : null };
    },
  );
  app.get(
    '/api/v1/content/:id/versions/:version',
    {
      config: { access: 'content:read' },
      schema: { tags, summary: 'An article as it stood after a change', params: VersionParams, response: { 200: VersionShape } },
    },
    async (request) => {
      const { id, version: number } = request.params;
      const version = await findVersion(database.reads, id, number);
      if (version === undefined) throw notFound('version', `${id} ${number}`);
      const { snapshot } = version;
      return { ...showVersion(version), snapshot: { ...snapshot, ...showText(snapshot), tags: [...snapshot.tags] } };
    },
  );
  app.post(
    '/api/v1/content/:id/versions/:version/restore',
    {
      config: { access: 'content:write' },
      schema: {
        tags,
        summary: 'Bring back the text of a former version, as a new version',
        params: VersionParams,
        body: StepBody,
        response: { 200: ArticleShape },
      },
    },
    async (request, reply) => {
      const { reason, version } = request.body ?? {};
      const options = { reason, expectedVersion: expectedVersionOf(request, version) };
      const article = await editing.restore(request.params.id, request.params.version, actorOf(request), options);
      return reply.header('etag', etagOf(article)).send(showArticle(article));
    },
  );
}
