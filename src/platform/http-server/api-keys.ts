import { hash, randomBytes } from 'node:crypto';
import type { Caches } from '#platform/cache';
import { type Database, type Queryable, sql } from '#platform/database';
import type { Clock } from '#shared/clock';
import { invalid, notFound } from '#shared/errors';

/** `*` allows everything; `read` and `write` of a noun are asked for one by one. */
export const scopes = [
  '*',
  'content:read',
  'content:write',
  'sources:read',
  'sources:write',
  'generation:read',
  'generation:write',
  'subscribers:read',
  'subscribers:write',
  'campaigns:read',
  'campaigns:write',
  'analytics:read',
  'jobs:read',
  'jobs:write',
  'system:read',
  'system:write',
  'keys:write',
] as const;

export type Scope = (typeof scopes)[number];

export type ApiKey = {
  readonly id: string;
  readonly name: string;
  /** The first characters of the key, by which a person tells keys apart. */
  readonly prefix: string;
  readonly scopes: readonly Scope[];
  readonly createdAt: Date;
  readonly lastUsedAt: Date | null;
  readonly revokedAt: Date | null;
};

const columns = sql`id, name, prefix, scopes, created_at as "createdAt", last_used_at as "lastUsedAt", revoked_at as "revokedAt"`;

// A key holds 256 random bits, so one round of SHA-256 protects it; slow hashing is for what people choose.
export const hashOf = (key: string): Buffer => hash('sha256', key, 'buffer');

export function checkScopes(given: readonly string[]): Scope[] {
  const unknown = given.filter((scope) => !scopes.includes(scope as Scope));
  if (given.length === 0 || unknown.length > 0) {
    const what = given.length === 0 ? 'No scope was given' : `Unknown scope ${unknown.join(', ')}`;
    throw invalid(`${what}; accepted are ${scopes.join(', ')}.`, [{ path: '/scopes', message: `must be of ${scopes.join(', ')}` }]);
  }
  return given as Scope[];
}

/** @returns the key in clear text, for the only time: the database keeps its hash. */
export async function createApiKey(
  database: Queryable,
  clock: Clock,
  input: { readonly name: string; readonly scopes: readonly Scope[] },
): Promise<{ key: string; apiKey: ApiKey }> {
  const key = `aqs_${randomBytes(32).toString('base64url')}`;
  const apiKey = await database.one<ApiKey>(
    'api-keys.create',
    sql`insert into api_keys (id, name, prefix, key_hash, scopes, created_at)
        values (${clock.newId()}, ${input.name}, ${key.slice(0, 10)}, ${hashOf(key)}, ${input.scopes}::text[], ${clock.now()})
        returning ${columns}`,
  );
  return { key, apiKey };
}

export function listApiKeys(database: Queryable): Promise<ApiKey[]> {
  return database.query('api-keys.list', sql<ApiKey>`select ${columns} from api_keys order by created_at, id`);
}

/** Every process forgets it at once. @throws AppError `not_found` */
export function revokeApiKey(
  deps: { readonly database: Database; readonly caches: Pick<Caches, 'invalidateAfterCommit'>; readonly clock: Clock },
  id: string,
): Promise<ApiKey> {
  return deps.database.transaction(async (tx) => {
    const apiKey = await tx.maybeOne<ApiKey>(
      'api-keys.revoke',
      sql`update api_keys set revoked_at = coalesce(revoked_at, ${deps.clock.now()}) where id = ${id}::uuid returning ${columns}`,
    );
    if (apiKey === undefined) throw notFound('API key', id);
    await deps.caches.invalidateAfterCommit(tx, { cache: 'user_sessions', tags: [apiKeyTag(id)] });
    return apiKey;
  });
}

/** Under which what is remembered of a key is kept. */
export const apiKeyTag = (id: string): string => `api-key:${id}`;

/** The live key with this hash, or undefined. */
export function findApiKey(database: Queryable, hash: Buffer): Promise<ApiKey | undefined> {
  return database.maybeOne<ApiKey>('api-keys.find', sql`select ${columns} from api_keys where key_hash = ${hash} and revoked_at is null`);
}

export async function touchApiKey(database: Queryable, id: string, usedAt: Date): Promise<void> {
  await database.execute('api-keys.touch', sql`update api_keys set last_used_at = ${usedAt} where id = ${id}::uuid`);
}
