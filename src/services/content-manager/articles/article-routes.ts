import type { Database } from '#platform/database';
import { actorOf, decodeCursor, type HttpServer, PageOf, toPage } from '#platform/http-server';
import { notFound } from '#shared/errors';
import { IdParams } from '#shared/schema';
import { etagOf, expectedVersionOf, hasCurrent, showArticle, showSummary } from './article-answers.ts';
import { listArticles } from './article-list-store.ts';
import {
  ArticleEditBody,
  ArticleQuery,
  ArticleShape,
  ArticleSummaryShape,
  CategoryList,
  NewArticle,
  NotModified,
  TagList,
} from './article-schema.ts';
import { findArticleById } from './article-store.ts';
import type { Editing } from './editing.ts';
import type { CreateManually } from './manual-articles.ts';
import type { Taxonomy } from './taxonomy.ts';

const tags = ['content'];

export type ArticleRoutesDependencies = {
  readonly database: Database;
  readonly taxonomy: Taxonomy;
  readonly editing: Editing;
  readonly createManually: CreateManually;
};

export function registerArticles(app: HttpServer, dependencies: ArticleRoutesDependencies): void {
  registerList(app, dependencies);
  registerTaxonomy(app, dependencies);
  registerReading(app, dependencies);
  registerWriting(app, dependencies);
}

function registerList(app: HttpServer, { database }: ArticleRoutesDependencies): void {
  app.get(
    '/api/v1/content',
    {
      config: { access: 'content:read' },
      schema: {
        tags,
        summary: 'Articles of any status, newest first',
        querystring: ArticleQuery,
        response: { 200: PageOf(ArticleSummaryShape) },
      },
    },
    async (request) => {
      const { limit = 20, cursor, ...filter } = request.query;
      const rows = await listArticles(database.reads, { ...filter, limit, before: decodeCursor(cursor) });
      const page = toPage(rows, limit, ({ createdAt, id }) => ({ at: createdAt, id }));
      return { ...page, items: page.items.map(showSummary) };
    },
  );
}

function registerTaxonomy(app: HttpServer, { database, taxonomy }: ArticleRoutesDependencies): void {
  app.get(
    '/api/v1/content/categories',
    {
      config: { access: 'content:read' },
      schema: { tags, summary: 'Categories, with the number of their articles', response: { 200: CategoryList } },
    },
    async () => ({ items: await taxonomy.listCategories(database.reads) }),
  );
  app.get(
    '/api/v1/content/tags',
    {
      config: { access: 'content:read' },
      schema: { tags, summary: 'Tags, with the number of their articles', response: { 200: TagList } },
    },
    async () => ({ items: await taxonomy.listTags(database.reads) }),
  );
}

function registerReading(app: HttpServer, { database }: ArticleRoutesDependencies): void {
  app.get(
    '/api/v1/content/:id',
    {
      config: { access: 'content:read' },
      schema: {
        tags,
        summary: 'One article, with its text, citations and checks',
        description: 'Answers 304 to an If-None-Match with the current ETag.',
        params: IdParams,
        response: { 200: ArticleShape, 304: NotModified },
      },
    },
    async (request, reply) => {
      const article = await findArticleById(database.reads, request.params.id);
      if (article === undefined) throw notFound('article', request.params.id);
      reply.header('etag', etagOf(article)).header('cache-control', 'private, no-cache');
      if (hasCurrent(request, article)) return reply.code(304).send(undefined);
      // It is of the shape that is described, and long: writing it by the description takes several times as long.
      return reply.serializer(JSON.stringify).send(showArticle(article));
    },
  );
}

function registerWriting(app: HttpServer, { editing, createManually }: ArticleRoutesDependencies): void {
  app.post(
    '/api/v1/content',
    {
      config: { access: 'content:write' },
      schema: {
        tags,
        summary: 'Write an article as a person: a draft, with citations where it has them',
        body: NewArticle,
        response: { 201: ArticleShape },
      },
    },
    async (request, reply) => {
      const article = await createManually(request.body, actorOf(request));
      return reply.code(201).header('location', `/api/v1/content/${article.id}`).header('etag', etagOf(article)).send(showArticle(article));
    },
  );
  app.patch(
    '/api/v1/content/:id',
    {
      config: { access: 'content:write' },
      schema: {
        tags,
        summary: 'Change the text, tags or category of an article',
        description:
          'With If-Match, or `version`, the change is made only to the version that was read: else 409 version_conflict. A changed text has ' +
          'no quality score until it is checked again. The address stays.',
        params: IdParams,
        body: ArticleEditBody,
        response: { 200: ArticleShape },
      },
    },
    async (request, reply) => {
      const { reason, version, ...edit } = request.body;
      const expectedVersion = expectedVersionOf(request, version);
      const article = await editing.edit(request.params.id, edit, actorOf(request), { reason, expectedVersion });
      return reply.header('etag', etagOf(article)).send(showArticle(article));
    },
  );
}
