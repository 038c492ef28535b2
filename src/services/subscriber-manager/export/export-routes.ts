import { Readable } from 'node:stream';
import { Type } from 'typebox';
import { recordAudit } from '#platform/audit';
import type { Database } from '#platform/database';
import { actorOf, type RegisterRoutes } from '#platform/http-server';
import type { Clock } from '#shared/clock';
import { closed, Uuid } from '#shared/schema';
import { listDefinitions } from '../custom-fields/custom-field-store.ts';
import { subscriberStatuses } from '../subscribers/subscriber-types.ts';
import { type ExportOptions, exportSubscribers } from './export-subscribers.ts';

export function exportRoutes(options: {
  readonly database: Database;
  readonly clock: Clock;
  readonly segmentsOf: ExportOptions['segmentsOf'];
  /** @throws AppError `not_found` */
  readonly findSegment: (id: string) => Promise<unknown>;
}): RegisterRoutes {
  const { database, clock, segmentsOf, findSegment } = options;
  return (app) => {
    app.get(
      '/api/v1/subscribers/export',
      {
        schema: {
          tags: ['subscribers'],
          summary: 'All subscribers as a file',
          description:
            'CSV or NDJSON, streamed. Text that a spreadsheet would take for a formula begins with an apostrophe, which an import takes off again.',
          querystring: Type.Object(
            {
              format: Type.Optional(Type.Enum(['csv', 'ndjson'], { description: 'csv unless told.' })),
              status: Type.Optional(Type.Enum([...subscriberStatuses])),
              segmentId: Type.Optional(Type.String({ ...Uuid, description: 'Only those of them who may be written to and belong to it.' })),
            },
            closed,
          ),
          produces: ['text/csv', 'application/x-ndjson'],
          response: { 200: Type.Unsafe<Readable>({ type: 'string', description: 'The file.' }) },
        },
        config: { access: 'subscribers:read', cost: 'expensive' },
      },
      async (request, reply) => {
        const { format = 'csv', status, segmentId } = request.query;
        if (segmentId !== undefined) await findSegment(segmentId);
        const definitions = await listDefinitions(database.reads);
        await recordAudit(database, {
          ...{ id: clock.newId(), at: clock.now(), actor: actorOf(request), action: 'subscribers.exported', subject: 'subscribers:all' },
          details: { format, status, segmentId },
        });
        const day = clock.now().toISOString().slice(0, 10);
        reply
          .type(format === 'csv' ? 'text/csv; charset=utf-8' : 'application/x-ndjson')
          .header('content-disposition', `attachment; filename="subscribers-${day}.${format}"`)
          .header('cache-control', 'no-store');
        return reply.send(Readable.from(exportSubscribers(database, { format, status, segmentId, definitions, segmentsOf })));
      },
    );
  };
}
