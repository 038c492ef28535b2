import { Type } from 'typebox';
import { actorOf, checkScopes, createApiKey, listApiKeys, type RegisterRoutes, revokeApiKey } from '#platform/http-server';
import { IdParams } from '#shared/schema';
import type { Context } from './context.ts';

const NullableString = Type.Union([Type.String(), Type.Null()]);

const ApiKeySchema = Type.Object({
  id: Type.String(),
  name: Type.String(),
  prefix: Type.String(),
  scopes: Type.Array(Type.String()),
  createdAt: Type.String(),
  lastUsedAt: NullableString,
  revokedAt: NullableString,
});

const isoOrNull = (time: Date | null): string | null => time?.toISOString() ?? null;

export function createKeyRoutes({
  database,
  caches,
  clock,
  logger,
}: Pick<Context, 'database' | 'caches' | 'clock' | 'logger'>): RegisterRoutes {
  return (app) => {
    const show = (key: Awaited<ReturnType<typeof listApiKeys>>[number]) => ({
      ...key,
      scopes: [...key.scopes],
      createdAt: key.createdAt.toISOString(),
      lastUsedAt: isoOrNull(key.lastUsedAt),
      revokedAt: isoOrNull(key.revokedAt),
    });
    app.get(
      '/api/v1/keys',
      {
        config: { access: 'keys:write' },
        schema: {
          tags: ['keys'],
          summary: 'API keys, without their secrets',
          response: { 200: Type.Object({ items: Type.Array(ApiKeySchema) }) },
        },
      },
      async () => ({ items: (await listApiKeys(database)).map(show) }),
    );
    app.post(
      '/api/v1/keys',
      {
        config: { access: 'keys:write', hasSecretAnswer: true },
        schema: {
          tags: ['keys'],
          summary: 'Create a key; its text is in this answer only',
          body: Type.Object(
            {
              name: Type.String({ minLength: 1, maxLength: 100 }),
              scopes: Type.Array(Type.String({ maxLength: 50 }), { minItems: 1, maxItems: 50 }),
            },
            { additionalProperties: false },
          ),
          response: { 201: Type.Intersect([ApiKeySchema, Type.Object({ key: Type.String() })]) },
        },
      },
      async (request, reply) => {
        const { key, apiKey } = await createApiKey(database, clock, { name: request.body.name, scopes: checkScopes(request.body.scopes) });
        logger.info({ keyId: apiKey.id, actor: actorOf(request) }, 'API key created');
        return reply.code(201).send({ ...show(apiKey), key });
      },
    );
    app.delete(
      '/api/v1/keys/:id',
      {
        config: { access: 'keys:write' },
        schema: { tags: ['keys'], summary: 'Revoke a key', params: IdParams, response: { 200: ApiKeySchema } },
      },
      async (request) => show(await revokeApiKey({ database, caches, clock }, request.params.id)),
    );
  };
}
