import { Type } from 'typebox';
import type { Database } from '#platform/database';
import { decodeCursor, type HttpServer, PageOf, PageQuery, type RegisterRoutes, toPage } from '#platform/http-server';
import { jobLocation, QueuedSchema } from '#platform/jobs';
import { notFound } from '#shared/errors';
import { closed, IdParams, Uuid } from '#shared/schema';
import { listPages, readCrawlStatus } from './page-store.ts';
import { listRawContent } from './raw-content-store.ts';
import {
  CrawlPageSchema,
  LanguageQuery,
  NewSource,
  PageStatusSchema,
  presentPage,
  presentRawContent,
  presentSource,
  presentSummary,
  RawContentSchema,
  RawContentSummarySchema,
  SourceKind,
  SourceSchema,
  SourceWithCounts,
} from './scraper-schema.ts';
import type { SourceVerbs } from './scraper-types.ts';
import { deleteTarget, findTarget, listTargets } from './target-store.ts';

export type RouteOptions = { readonly database: Database } & SourceVerbs;

const defaultLimit = 20;

export function scraperRoutes(options: RouteOptions): RegisterRoutes {
  return (app) => {
    registerSources(app, options);
    registerSource(app, options);
    registerPages(app, options);
    registerRawContent(app, options);
  };
}

function registerSources(app: HttpServer, { database, addTarget }: RouteOptions): void {
  app.get(
    '/api/v1/sources',
    {
      schema: {
        tags: ['sources'],
        summary: 'List the sources, newest first',
        querystring: Type.Object({ ...PageQuery, kind: Type.Optional(SourceKind) }, closed),
        response: { 200: PageOf(SourceSchema) },
      },
      config: { access: 'sources:read' },
    },
    async ({ query: { kind, cursor, limit = defaultLimit } }) => {
      const rows = await listTargets(database.reads, { kind, before: decodeCursor(cursor), limit });
      const page = toPage(rows, limit, ({ createdAt, id }) => ({ at: createdAt, id }));
      return { ...page, items: page.items.map(presentSource) };
    },
  );

  app.post(
    '/api/v1/sources',
    {
      schema: {
        tags: ['sources'],
        summary: 'Add a page, feed or sitemap; the same address gives the same source',
        body: NewSource,
        response: { 201: SourceSchema },
      },
      config: { access: 'sources:write', rateLimit: 'ingest' },
    },
    async ({ body }, reply) => {
      const target = await addTarget(body.url, body.kind);
      return reply.code(201).send(presentSource(target));
    },
  );
}

function registerSource(app: HttpServer, { database, crawlAgain }: RouteOptions): void {
  app.get(
    '/api/v1/sources/:id',
    {
      schema: {
        tags: ['sources'],
        summary: 'One source and how far its pages are',
        params: IdParams,
        response: { 200: SourceWithCounts },
      },
      config: { access: 'sources:read' },
    },
    async ({ params: { id } }) => {
      const target = await findTarget(database.reads, id);
      if (target === undefined) throw notFound('source', id);
      const { pending, done, failed, skipped } = await readCrawlStatus(database.reads, [id]);
      return { ...presentSource(target), pages: { pending, done, failed, skipped } };
    },
  );

  app.delete(
    '/api/v1/sources/:id',
    {
      schema: {
        tags: ['sources'],
        summary: 'Delete a source and its pages; gathered texts stay',
        params: IdParams,
        response: { 204: Type.Null() },
      },
      config: { access: 'sources:write' },
    },
    async ({ params: { id } }, reply) => {
      if (!(await deleteTarget(database, id))) throw notFound('source', id);
      return reply.code(204).send(null);
    },
  );

  app.post(
    '/api/v1/sources/:id/crawl',
    {
      schema: {
        tags: ['sources'],
        summary: 'Crawl a source again',
        description: 'Answers at once; Location leads to the job that begins with it. The pages follow in jobs of their own.',
        params: IdParams,
        response: { 202: QueuedSchema },
      },
      config: { access: 'sources:write', rateLimit: 'ingest', cost: 'expensive' },
    },
    async ({ params: { id } }, reply) => {
      const queued = await crawlAgain(id);
      return reply.code(202).header('location', jobLocation(queued.jobId)).send(queued);
    },
  );
}

function registerPages(app: HttpServer, { database }: RouteOptions): void {
  app.get(
    '/api/v1/sources/pages',
    {
      schema: {
        tags: ['sources'],
        summary: 'List the addresses that were or are to be fetched, newest first, with what came of each',
        querystring: Type.Object(
          {
            ...PageQuery,
            status: Type.Optional(PageStatusSchema),
            sourceId: Type.Optional(Uuid),
          },
          closed,
        ),
        response: { 200: PageOf(CrawlPageSchema) },
      },
      config: { access: 'sources:read' },
    },
    async ({ query: { status, sourceId, cursor, limit = defaultLimit } }) => {
      const rows = await listPages(database.reads, { status, targetId: sourceId, before: decodeCursor(cursor), limit });
      const page = toPage(rows, limit, ({ createdAt, id }) => ({ at: createdAt, id }));
      return { ...page, items: page.items.map(presentPage) };
    },
  );
}

function registerRawContent(app: HttpServer, { database, getRawContent }: RouteOptions): void {
  app.get(
    '/api/v1/raw-content',
    {
      schema: {
        tags: ['sources'],
        summary: 'List the gathered texts, newest first',
        querystring: Type.Object({ ...PageQuery, language: LanguageQuery }, closed),
        response: { 200: PageOf(RawContentSummarySchema) },
      },
      config: { access: 'sources:read' },
    },
    async ({ query: { language, cursor, limit = defaultLimit } }) => {
      const rows = await listRawContent(database.reads, { language, before: decodeCursor(cursor), limit });
      const page = toPage(rows, limit, ({ fetchedAt, id }) => ({ at: fetchedAt, id }));
      return { ...page, items: page.items.map(presentSummary) };
    },
  );

  app.get(
    '/api/v1/raw-content/:id',
    {
      schema: { tags: ['sources'], summary: 'One gathered text', params: IdParams, response: { 200: RawContentSchema } },
      config: { access: 'sources:read' },
    },
    async ({ params: { id } }) => presentRawContent(await getRawContent(id)),
  );
}
