import { Readable } from 'node:stream';
import { Type } from 'typebox';
import { actorOf, type HttpServer, type RegisterRoutes } from '#platform/http-server';
import { AppError } from '#shared/errors';
import { closed } from '#shared/schema';
import { importColumns } from './import-rows.ts';
import type { Importer } from './importer.ts';

const ImportOutcome = Type.Object({
  created: Type.Integer(),
  updated: Type.Integer(),
  skipped: Type.Integer({ description: 'Unchanged, or not to be written to: unsubscribed, bounced, complained, suppressed or erased.' }),
  faulty: Type.Integer({ description: 'Rows with a fault. They changed nothing.' }),
  faults: Type.Array(
    Type.Object({
      line: Type.Integer(),
      field: Type.Union([Type.String(), Type.Null()]),
      message: Type.String(),
      value: Type.String(),
    }),
    { description: 'The first 100 faults.' },
  ),
});

export function importRoutes({ importer }: { readonly importer: Importer }): RegisterRoutes {
  return async (app) => {
    await app.register(async (plain) => {
      const scope = plain as HttpServer;
      scope.removeAllContentTypeParsers();
      scope.addContentTypeParser('text/csv', { parseAs: 'buffer' }, (_request, body, done) => done(null, body));
      scope.post(
        '/api/v1/subscribers/import',
        {
          schema: {
            tags: ['subscribers'],
            summary: 'Import subscribers from CSV',
            description: `The body is text/csv in UTF-8, also as gzip, which may not be larger unpacked than a body may be. Its first line names the columns, of ${importColumns.join(', ')}; tags are parted by semicolons. Import only people who asked for the newsletter: it is recorded as your statement. Whoever left is never brought back.`,
            consumes: ['text/csv'],
            body: Type.Unsafe<Buffer>({ description: 'CSV, or gzip of it.' }),
            querystring: Type.Object(
              {
                source: Type.Optional(Type.String({ pattern: '^[\\w .:@/-]{1,100}$', description: 'Where the list comes from.' })),
                delimiter: Type.Optional(Type.Enum([',', ';', '|', '\t'], { description: 'What parts the fields; a comma unless told.' })),
              },
              closed,
            ),
            response: { 200: ImportOutcome },
          },
          config: { access: 'subscribers:write', rateLimit: 'ingest', cost: 'expensive' },
        },
        async (request) => {
          const { body, query, routeOptions } = request;
          if (!Buffer.isBuffer(body)) {
            const message = 'The body must be CSV.';
            throw new AppError('invalid_request', message, { status: 400, fields: [{ path: '/', message }] });
          }
          const { source = 'import', delimiter = ',' } = query;
          // A body that is small only as long as it is packed would be work without end.
          const options = { delimiter, maxBytes: routeOptions.bodyLimit };
          const result = await importer.importCsv(Readable.from([body]), { source, actor: actorOf(request) }, options);
          return { ...result, faults: [...result.faults] };
        },
      );
    });
  };
}
