import type { FastifyInstance, FastifyRequest } from 'fastify';
import { AppError } from '#shared/errors';
import type { ApiKey, Scope } from './api-keys.ts';
import type { KeyGuessing } from './key-guessing.ts';
import type { KeyLookup } from './key-lookup.ts';
import { addRouteHooks } from './route-hooks.ts';

declare module 'fastify' {
  interface FastifyContextConfig {
    /** A scope that the caller's key must have, or 'public'. A route without it cannot be registered. */
    access?: Scope | 'public';
    /** Set on routes that are no JSON API: their POSTs take no Idempotency-Key. */
    isPage?: boolean;
    /** Set where the answer holds a secret: it is not kept for a repeated Idempotency-Key. */
    hasSecretAnswer?: boolean;
  }
  interface FastifyRequest {
    apiKey: ApiKey | null;
  }
}

function keyOf(request: FastifyRequest): string | undefined {
  const header = request.headers['x-api-key'];
  if (typeof header === 'string' && header !== '') return header;
  return /^Bearer\s+(\S+)$/i.exec(request.headers.authorization ?? '')?.[1];
}

/** 401 when nobody is known, 403 when somebody known may not. Who is calling, for the record of a change: `actorOf`. */
export function installAuthentication(app: FastifyInstance, findKey: KeyLookup, guessing?: KeyGuessing): void {
  app.decorateRequest('apiKey', null);
  app.addHook('onRoute', (route) => {
    // The API reference registers its routes itself and cannot say their access.
    if (route.url === '/docs' || route.url.startsWith('/docs/')) route.config = { ...route.config, access: 'public' };
    if (route.config?.access === undefined) {
      throw new Error(`The route ${String(route.method)} ${route.url} does not say who may call it (config.access).`);
    }
    const { access } = route.config;
    if (access !== 'public') addRouteHooks(route, { onRequest: (request) => authenticate(request, access) });
  });

  async function authenticate(request: FastifyRequest, access: Scope): Promise<void> {
    const key = keyOf(request);
    if (key === undefined) {
      throw new AppError('key_missing', 'An API key is needed: send it as "Authorization: Bearer <key>".', { status: 401 });
    }
    guessing?.check(request);
    const apiKey = await findKey(key);
    if (apiKey === undefined) {
      await guessing?.countFailure(request);
      throw new AppError('key_unknown', 'The API key is not known or was revoked.', { status: 401 });
    }
    if (!apiKey.scopes.includes('*') && !apiKey.scopes.includes(access)) {
      throw new AppError('scope_missing', `The API key lacks the scope ${access}.`, { status: 403 });
    }
    request.apiKey = apiKey;
  }
}

/** Who makes a change, as versions and the audit log keep it. */
export function actorOf(request: FastifyRequest): string {
  return request.apiKey === null ? 'public' : `key:${request.apiKey.name}`;
}
