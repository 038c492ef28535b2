import { Type } from 'typebox';
import type { QueryFigures, QueryMonitor } from '#platform/database';
import type { RegisterRoutes } from '#platform/http-server';

const sorts = ['total', 'p95', 'count', 'errors'] as const;
type Sort = (typeof sorts)[number];

const StatementSchema = Type.Object({
  name: Type.String(),
  count: Type.Integer({ description: 'Runs, the failed ones too.' }),
  errors: Type.Integer(),
  slow: Type.Integer({ description: 'Runs over the threshold for slow ones.' }),
  rows: Type.Integer({ description: 'Returned or changed.' }),
  totalMs: Type.Number(),
  minMs: Type.Number(),
  meanMs: Type.Number(),
  p50Ms: Type.Number({ description: 'Percentiles are right within 1 %.' }),
  p95Ms: Type.Number(),
  p99Ms: Type.Number(),
  maxMs: Type.Number(),
  lastErrors: Type.Array(Type.Object({ at: Type.String(), code: Type.String(), message: Type.String() }), {
    description: 'The last ten, newest first, without the values of parameters.',
  }),
  lastPlan: Type.Union([Type.Object({ at: Type.String(), text: Type.String() }), Type.Null()], {
    description: 'Taken at most once a minute when a run was slow: the generic plan, with `$1` where a parameter stands.',
  }),
});

const sortKeys: Readonly<Record<Sort, (figures: QueryFigures) => number>> = {
  total: ({ totalMs }) => totalMs,
  p95: ({ p95Ms }) => p95Ms,
  count: ({ count }) => count,
  errors: ({ errors }) => errors,
};

const show = (figures: QueryFigures) => ({
  ...figures,
  lastErrors: figures.lastErrors.map(({ at, code, message }) => ({ at: at.toISOString(), code, message })),
  lastPlan: figures.lastPlan && { at: figures.lastPlan.at.toISOString(), text: figures.lastPlan.text },
});

/** The figures of the process that answers; the others' are in /metrics. */
export function createQueryRoutes(monitor: Pick<QueryMonitor, 'figures' | 'reset'>): RegisterRoutes {
  return (app) => {
    app.get(
      '/api/v1/system/queries',
      {
        config: { access: 'system:read' },
        schema: {
          tags: ['system'],
          summary: 'Figures of the named statements of this process, the heaviest first',
          querystring: Type.Object(
            {
              name: Type.Optional(Type.String({ minLength: 1, maxLength: 100, description: 'A part of the name.' })),
              sort: Type.Optional(
                Type.Union(
                  sorts.map((sort) => Type.Literal(sort)),
                  { default: 'total' },
                ),
              ),
              limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 1000, default: 100 })),
            },
            { additionalProperties: false },
          ),
          response: { 200: Type.Object({ items: Type.Array(StatementSchema) }) },
        },
      },
      async (request, reply) => {
        const { name, sort = 'total', limit = 100 } = request.query;
        const value = sortKeys[sort];
        const found = monitor.figures().filter((figures) => name === undefined || figures.name.includes(name));
        const sorted = found.sort((left, right) => value(right) - value(left) || left.name.localeCompare(right.name));
        return reply.header('cache-control', 'no-store').send({ items: sorted.slice(0, limit).map(show) });
      },
    );
    app.post(
      '/api/v1/system/queries/reset',
      {
        config: { access: 'system:write' },
        schema: {
          tags: ['system'],
          summary: 'Begin the figures of the statements of this process anew',
          response: { 200: Type.Object({ forgotten: Type.Integer({ description: 'Statements that had figures.' }) }) },
        },
      },
      async () => {
        const forgotten = monitor.figures().length;
        monitor.reset();
        return { forgotten };
      },
    );
  };
}
