import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox';
import type { FastifyBaseLogger, FastifyInstance, RawReplyDefaultExpression, RawRequestDefaultExpression, RawServerDefault } from 'fastify';
import { Type } from 'typebox';
import { invalid } from '#shared/errors';
import { closed } from '#shared/schema';
import type { InvalidationTarget } from './cache-types.ts';
import type { Caches } from './caches.ts';

/** The HTTP server's own type, which cannot be imported: the HTTP server uses the caches. */
type App = FastifyInstance<
  RawServerDefault,
  RawRequestDefaultExpression,
  RawReplyDefaultExpression,
  FastifyBaseLogger,
  TypeBoxTypeProvider
>;

const count = Type.Integer();
const levelCounts = { hits: count, misses: count, stale: count, errors: count };

const FiguresSchema = Type.Object({
  name: Type.String(),
  memory: Type.Object({
    ...levelCounts,
    entries: count,
    bytes: count,
    maxEntries: count,
    maxBytes: count,
    evictions: count,
    rejectedByAdmission: count,
    oldestAgeS: Type.Number(),
    meanAgeS: Type.Number(),
  }),
  redis: Type.Optional(
    Type.Object({
      ...levelCounts,
      state: Type.String({ description: 'ready, or out: in trouble, and done without.' }),
      writes: count,
      bytesRead: count,
      bytesWritten: count,
      pendingInvalidations: count,
      gaps: count,
    }),
  ),
  source: Type.Object({ calls: count, errors: count, timeouts: count, meanMs: Type.Number() }),
  invalidations: count,
});

const PurgeSchema = Type.Object(
  {
    cache: Type.String({ minLength: 1, maxLength: 100 }),
    key: Type.Optional(Type.String({ minLength: 1, maxLength: 1000, description: 'With `namespace`, the key in it.' })),
    tag: Type.Optional(Type.String({ minLength: 1, maxLength: 200 })),
    namespace: Type.Optional(Type.String({ pattern: '^[\\w.:-]{1,100}$', maxLength: 100 })),
    all: Type.Optional(Type.Literal(true)),
  },
  closed,
);

const PurgedSchema = Type.Object({
  cache: Type.String(),
  purged: Type.String({ description: 'key, tag, namespace or all.' }),
  key: Type.Optional(Type.String()),
  tag: Type.Optional(Type.String()),
  namespace: Type.Optional(Type.String()),
});

type Purge = { readonly key?: string; readonly tag?: string; readonly namespace?: string; readonly all?: true };

/** What is purged, and how it is called; exactly one thing. */
function targetOf({ key, tag, namespace, all }: Purge): { readonly purged: string; readonly target: InvalidationTarget } {
  const given = [key !== undefined, tag !== undefined, all === true, namespace !== undefined && key === undefined];
  if (given.filter(Boolean).length !== 1) {
    throw invalid('Give one of key, tag, namespace and all; a namespace may go with a key.', [
      { path: '/', message: 'must have exactly one of key, tag, namespace, all' },
    ]);
  }
  if (key !== undefined) return { purged: 'key', target: { keys: [key], ...(namespace !== undefined && { namespace }) } };
  if (tag !== undefined) return { purged: 'tag', target: { tags: [tag] } };
  return all === true
    ? { purged: 'all', target: { all: true } }
    : { purged: 'namespace', target: { ...(namespace !== undefined && { namespace }) } };
}

/** The figures of this process's caches, and purging in every process. */
export function createCacheRoutes(caches: Caches): (app: App) => void {
  return (app) => {
    app.get(
      '/api/v1/system/caches',
      {
        config: { access: 'system:read' },
        schema: {
          tags: ['system'],
          summary: 'Figures of every cache of this process, by level',
          response: { 200: Type.Object({ items: Type.Array(FiguresSchema) }) },
        },
      },
      async () => ({ items: caches.figures() }),
    );
    app.post(
      '/api/v1/system/caches/purge',
      {
        config: { access: 'system:write' },
        schema: {
          tags: ['system'],
          summary: 'Purge a cache by key, tag or namespace, or all of it, in every process',
          body: PurgeSchema,
          response: { 200: PurgedSchema },
        },
      },
      async (request) => {
        const { cache, ...what } = request.body;
        const { purged, target } = targetOf(what);
        await caches.invalidate(cache, target);
        const { key, tag, namespace } = what;
        return {
          cache,
          purged,
          ...(key !== undefined && { key }),
          ...(tag !== undefined && { tag }),
          ...(namespace !== undefined && { namespace }),
        };
      },
    );
  };
}
