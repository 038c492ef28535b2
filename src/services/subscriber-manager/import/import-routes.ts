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
      scope.addContentTypeParser('text/csv', { parseAs: 'string' }, (_request, body, done) => done(null, body));
      scope.post(
        '/api/v1/subscribers/import',
        {
          schema: {
            tags: ['subscribers'],
            summary: 'Import subscribers from CSV',
            description: `The body is text/csv in UTF-8. Its first line names the columns, of ${importColumns.join(', ')}; tags are parted by semicolons. Import only people who asked for the newsletter: it is recorded as your statement. Whoever left is never brought back.`,
            consumes: ['text/csv'],
            body: Type.String({ description: 'CSV.' }),
            querystring: Type.Object(
              { source: Type.Optional(Type.String({ pattern: '^[\\w .:@/-]{1,100}$', description: 'Where the list comes from.' })) },
              closed,
            ),
            response: { 200: ImportOutcome },
          },
          config: { access: 'subscribers:write', rateLimit: 'ingest', cost: 'expensive' },
        },
        async (request) => {
          if (typeof request.body !== 'string') throw new AppError('csv_invalid', 'The body must be CSV.', { status: 422 });
          const result = await importer.importCsv([request.body], { source: request.query.source ?? 'import', actor: actorOf(request) });
          return { ...result, faults: [...result.faults] };
        },
      );
    });
  };
}
