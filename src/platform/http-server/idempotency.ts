import { createHash } from 'node:crypto';
import type { FastifyInstance } from 'fastify';
import { type Database, sql } from '#platform/database';
import { AppError } from '#shared/errors';

declare module 'fastify' {
  interface FastifyRequest {
    idempotency: { readonly caller: string; readonly key: string } | null;
  }
}

type StoredResponse = {
  readonly requestHash: Buffer;
  readonly statusCode: number | null;
  readonly contentType: string | null;
  readonly body: string | null;
};

const maxKeyLength = 255;

/**
 * `Idempotency-Key` on POST: the first request with a key runs, a later one gets its answer again.
 * A row without an answer means that the first is under way (409), or that its process died: after a minute it may run again.
 * Server errors are not kept, so that a retry can succeed.
 */
export function installIdempotency(app: FastifyInstance, database: Database): void {
  app.decorateRequest('idempotency', null);

  app.addHook('preHandler', async (request, reply) => {
    const key = request.headers['idempotency-key'];
    const { isPage, hasSecretAnswer } = request.routeOptions.config;
    if (request.method !== 'POST' || key === undefined || isPage || hasSecretAnswer) return;
    if (typeof key !== 'string' || key === '' || key.length > maxKeyLength) {
      throw new AppError('idempotency_key_invalid', `Idempotency-Key takes 1 to ${maxKeyLength} characters.`, { status: 400 });
    }
    const caller = request.apiKey?.id ?? request.ip;
    const requestHash = createHash('sha256')
      .update(`${request.method} ${request.url}\n${JSON.stringify(request.body ?? null)}`)
      .digest();
    const inserted = await database.execute(
      'idempotency.claim',
      sql`insert into idempotency_keys (caller, key, request_hash) values (${caller}, ${key}, ${requestHash})
          on conflict (caller, key) do update set created_at = now()
          where idempotency_keys.status_code is null and idempotency_keys.request_hash = excluded.request_hash
            and idempotency_keys.created_at < now() - interval '1 minute'`,
    );
    if (inserted > 0) {
      request.idempotency = { caller, key };
      return;
    }
    const stored = await database.one<StoredResponse>(
      'idempotency.find',
      sql`select request_hash as "requestHash", status_code as "statusCode", content_type as "contentType", body
          from idempotency_keys where caller = ${caller} and key = ${key}`,
    );
    if (!stored.requestHash.equals(requestHash)) {
      throw new AppError('idempotency_key_reused', 'This Idempotency-Key was used with another request.', { status: 422 });
    }
    if (stored.statusCode === null) {
      throw new AppError('request_in_progress', 'The first request with this Idempotency-Key is still running.', {
        status: 409,
        retryAfterSeconds: 1,
      });
    }
    return reply
      .code(stored.statusCode)
      .header('idempotency-replayed', 'true')
      .type(stored.contentType ?? 'application/json')
      .serializer((payload: string) => payload)
      .send(stored.body ?? '');
  });

  app.addHook('onSend', async (request, reply, payload) => {
    const { idempotency } = request;
    if (idempotency === null) return payload;
    const { caller, key } = idempotency;
    if (reply.statusCode >= 500) {
      await database.execute('idempotency.forget', sql`delete from idempotency_keys where caller = ${caller} and key = ${key}`);
      return payload;
    }
    const contentType = String(reply.getHeader('content-type') ?? 'application/json');
    const body = typeof payload === 'string' ? payload : '';
    await database.execute(
      'idempotency.keep',
      sql`update idempotency_keys set status_code = ${reply.statusCode}, content_type = ${contentType}, body = ${body}
          where caller = ${caller} and key = ${key}`,
    );
    return payload;
  });
}
