import { Readable } from 'node:stream';
import { Type } from 'typebox';
import { type Database, readByKeyset } from '#platform/database';
import { actorOf, decodeCursor, type HttpServer, PageQuery, type RegisterRoutes, toPage } from '#platform/http-server';
import { csvLine } from '#shared/csv-text';
import { AppError, invalid } from '#shared/errors';
import { closed, IdParams } from '#shared/schema';
import { readTags } from '../subscribers/subscriber-fields.ts';
import { faultsAfter, getImport, listImports } from './import-job-store.ts';
import { ImportPage, ImportQuery, ImportView, importView } from './import-schema.ts';
import type { ImportService } from './import-service.ts';
import { maxListBytes } from './import-service.ts';
import type { ImportOptions } from './import-types.ts';

const defaultLimit = 20;
const maxMappedColumns = 200;
const read = { access: 'subscribers:read' } as const;
const write = { access: 'subscribers:write' } as const;
const tagged = { tags: ['subscribers'] };
const base = '/api/v1/subscriber-imports';

type Options = { readonly database: Database; readonly service: ImportService };
type Query = {
  format?: 'csv' | 'ndjson';
  mode?: ImportOptions['mode'];
  dryRun?: boolean;
  delimiter?: string;
  encoding?: string;
  mapping?: string;
  tags?: string;
  allowDisposable?: boolean;
  source?: string;
};

export function importRoutes(options: Options): RegisterRoutes {
  return async (app) => {
    registerReading(app, options);
    registerVerbs(app, options);
    await app.register(async (plain) => registerUpload(plain as HttpServer, options));
  };
}

/** @throws AppError `invalid_request` */
function readMapping(text: string | undefined): ImportOptions['mapping'] {
  if (text === undefined) return {};
  const refuse = (message: string) => invalid('The mapping cannot be used.', [{ path: '/querystring/mapping', message }]);
  let given: unknown;
  try {
    given = JSON.parse(text);
  } catch (error) {
    if (error instanceof SyntaxError) throw refuse(`is not JSON: ${error.message.slice(0, 100)}`);
    throw error;
  }
  if (typeof given !== 'object' || given === null || Array.isArray(given)) throw refuse('must be a JSON object');
  const entries = Object.entries(given);
  if (entries.length > maxMappedColumns) throw refuse(`names ${entries.length} columns; at most ${maxMappedColumns} are accepted`);
  const faulty = entries.find(([, column]) => column !== null && typeof column !== 'string');
  if (faulty !== undefined) throw refuse(`maps "${faulty[0].slice(0, 50)}" to something else than a column or null`);
  return Object.fromEntries(entries) as Record<string, string | null>;
}

function readOptions(query: Query, contentType: string): Partial<ImportOptions> {
  const tags = readTags((query.tags ?? '').split(';'));
  if ('fault' in tags) throw invalid('The tags cannot be used.', [{ path: '/querystring/tags', message: tags.fault }]);
  return {
    format: query.format ?? (/ndjson|jsonl|json-seq/.test(contentType) ? 'ndjson' : 'csv'),
    mapping: readMapping(query.mapping),
    tags: tags.value,
    isDryRun: query.dryRun ?? false,
    ...(query.mode !== undefined && { mode: query.mode }),
    ...(query.delimiter !== undefined && { delimiter: query.delimiter }),
    ...(query.encoding !== undefined && { encoding: query.encoding }),
    ...(query.allowDisposable !== undefined && { allowDisposable: query.allowDisposable }),
    ...(query.source !== undefined && { source: query.source }),
  };
}

function registerUpload(app: HttpServer, { service }: Options): void {
  app.removeAllContentTypeParsers();
  // Not gathered: it goes into storage as it comes.
  for (const type of ['text/csv', 'application/x-ndjson', 'application/gzip', 'application/octet-stream']) {
    app.addContentTypeParser(type, { bodyLimit: maxListBytes }, (_request, payload, done) => done(null, payload));
  }
  app.post(
    base,
    {
      bodyLimit: maxListBytes,
      schema: {
        ...tagged,
        summary: 'Import subscribers from a list',
        description:
          'CSV or NDJSON, also as gzip, of at most 2 GB. The first line of CSV names the columns; tags and topics are parted by semicolons. Import only people who asked for the newsletter: it is recorded as your statement. Whoever left, bounced or complained is never brought back.',
        consumes: ['text/csv', 'application/x-ndjson', 'application/gzip', 'application/octet-stream'],
        body: Type.Unsafe<Readable>({ description: 'The list.' }),
        querystring: ImportQuery,
        response: { 202: ImportView },
      },
      config: { ...write, rateLimit: 'ingest', cost: 'expensive' },
    },
    async (request, reply) => {
      const { body, query, headers } = request;
      if (!(body instanceof Readable)) {
        const message = 'The body must be CSV or NDJSON, plain or as gzip.';
        throw new AppError('invalid_request', message, { status: 400, fields: [{ path: '/', message }] });
      }
      const options = readOptions(query as Query, headers['content-type'] ?? '');
      const created = await service.upload({ fileName: query.fileName ?? '', body, options }, actorOf(request));
      return reply.code(202).header('location', `${base}/${created.id}`).send(importView(created));
    },
  );
}

function registerReading(app: HttpServer, { database }: Options): void {
  app.get(
    base,
    {
      schema: { ...tagged, summary: 'Imports, newest first', querystring: Type.Object(PageQuery, closed), response: { 200: ImportPage } },
      config: read,
    },
    async ({ query: { limit = defaultLimit, cursor } }) => {
      const page = toPage(await listImports(database.reads, decodeCursor(cursor), limit), limit, ({ createdAt, id }) => ({
        at: createdAt,
        id,
      }));
      return { ...page, items: page.items.map(importView) };
    },
  );
  app.get(
    `${base}/:id`,
    { schema: { ...tagged, summary: 'An import and how far it is', params: IdParams, response: { 200: ImportView } }, config: read },
    async ({ params: { id } }) => importView(await getImport(database.reads, id)),
  );
  app.get(
    `${base}/:id/faults`,
    {
      schema: {
        ...tagged,
        summary: 'The faulty rows of an import, as CSV',
        description: 'Line, column, what is wrong and what stood there; the first 100,000.',
        params: IdParams,
        produces: ['text/csv'],
        response: { 200: Type.Unsafe<Readable>({ type: 'string', description: 'CSV.' }) },
      },
      config: { ...read, cost: 'expensive' },
    },
    async ({ params: { id } }, reply) => {
      await getImport(database.reads, id);
      reply
        .type('text/csv; charset=utf-8')
        .header('content-disposition', `attachment; filename="import-${id}-faults.csv"`)
        .header('x-content-type-options', 'nosniff');
      return reply.send(Readable.from(faultLines(database, id)));
    },
  );
}

async function* faultLines(database: Database, id: string): AsyncGenerator<string> {
  yield csvLine(['line', 'column', 'fault', 'value']);
  const pages = readByKeyset(database.reads, 'imports.read-faults', {
    toStatement: (after: { line: number; ordinal: number } | undefined, limit) => faultsAfter(id, after, limit),
    keyOf: ({ line, ordinal }) => ({ line, ordinal }),
  });
  for await (const rows of pages) yield rows.map(({ line, field, message, value }) => csvLine([line, field, message, value])).join('');
}

function registerVerbs(app: HttpServer, { service }: Options): void {
  const verbs = {
    cancel: { summary: 'End an import; what it has written stays', run: service.cancel },
    resume: { summary: 'Go on with an import that failed or was cancelled', run: service.resume },
  };
  for (const [verb, { summary, run }] of Object.entries(verbs)) {
    app.post(
      `${base}/:id/${verb}`,
      { schema: { ...tagged, summary, params: IdParams, response: { 200: ImportView } }, config: write },
      async (request) => importView(await run((request.params as { id: string }).id, actorOf(request))),
    );
  }
}
