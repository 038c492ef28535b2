import { createHash } from 'node:crypto';
import { Readable } from 'node:stream';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { type Database, sql } from '#platform/database';
import type { Clock } from '#shared/clock';
import { AppError } from '#shared/errors';
import { addRouteHooks, type RouteHooks } from './route-hooks.ts';

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
const keptMs = 24 * 3600 * 1000;
// The process that ran it died, as no request takes as long: another may try.
const abandonedMs = 60_000;
const sweepBatchSize = 1000;

/** Answers that may be given again, and those that may come yet, are not kept. */
const isFinal = (status: number): boolean => status < 500 && status !== 429;

/**
 * `Idempotency-Key` on POST: the first request with a key runs, a later one gets its answer again, for 24 hours.
 * A row without an answer means that the first is under way (409), or that its process died: after a minute it may run again.
 * Server errors are not kept, so that a retry can succeed.
 */
export function installIdempotency(app: FastifyInstance, database: Database, clock: Clock): void {
  app.decorateRequest('idempotency', null);

  const claim: RouteHooks['preHandler'] = async (request, reply) => {
    const key = request.headers['idempotency-key'];
    // Nothing is kept for strangers: the API takes a POST of none.
    if (key === undefined || request.apiKey === null) return;
    if (typeof key !== 'string' || key === '' || key.length > maxKeyLength) {
      throw new AppError('idempotency_key_invalid', `Idempotency-Key takes 1 to ${maxKeyLength} characters.`, {
        status: 400,
        fields: [{ path: '/headers/idempotency-key', message: `must have 1 to ${maxKeyLength} characters` }],
      });
    }
    const caller = request.apiKey.id;
    const requestHash = createHash('sha256').update(`${request.method} ${request.url}\n`).update(bodyOf(request)).digest();
    const claimed = { caller, key };
    if (await claimKey(database, clock, claimed, requestHash)) {
      request.idempotency = claimed;
      return;
    }
    const stored = await findResponse(database, claimed);
    if (stored !== undefined && !stored.requestHash.equals(requestHash)) {
      throw new AppError('idempotency_key_reused', 'This Idempotency-Key was used with another request.', {
        status: 422,
        fields: [{ path: '/headers/idempotency-key', message: 'was used with another request' }],
      });
    }
    // Gone since: the first request failed a moment ago, and the caller may try again.
    if (stored === undefined || stored.statusCode === null) {
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
  };

  const keep: RouteHooks['onSend'] = async (request, reply, payload) => {
    if (request.idempotency === null) return payload;
    const { caller, key } = request.idempotency;
    if (!isFinal(reply.statusCode)) {
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
  };

  app.addHook('onRoute', (route) => {
    const { isPage, hasSecretAnswer } = route.config ?? {};
    if (![route.method].flat().includes('POST') || isPage || hasSecretAnswer) return;
    addRouteHooks(route, { preHandler: claim, onSend: keep });
  });
}

/** By which a body is known again. Of a stream nothing has been read yet: it is known by its type and length. */
function bodyOf({ body, headers }: FastifyRequest): string | Uint8Array {
  if (body instanceof Uint8Array) return body;
  if (body instanceof Readable) return `${headers['content-type']} ${headers['content-length']}`;
  return JSON.stringify(body ?? null);
}

type Claim = { readonly caller: string; readonly key: string };

/** True when the request is the first with its key, or the first since the former one expired or was abandoned. */
async function claimKey(database: Database, clock: Clock, { caller, key }: Claim, requestHash: Buffer): Promise<boolean> {
  const now = clock.now();
  const expiredBefore = new Date(now.getTime() - keptMs);
  const abandonedBefore = new Date(now.getTime() - abandonedMs);
  const claimed = await database.execute(
    'idempotency.claim',
    sql`insert into idempotency_keys (caller, key, request_hash, created_at) values (${caller}, ${key}, ${requestHash}, ${now})
        on conflict (caller, key) do update
          set created_at = excluded.created_at, request_hash = excluded.request_hash, status_code = null, content_type = null, body = null
          where idempotency_keys.created_at < ${expiredBefore}
             or (idempotency_keys.status_code is null and idempotency_keys.request_hash = excluded.request_hash
                 and idempotency_keys.created_at < ${abandonedBefore})`,
  );
  return claimed > 0;
}

function findResponse(database: Database, { caller, key }: Claim): Promise<StoredResponse | undefined> {
  return database.maybeOne<StoredResponse>(
    'idempotency.find',
    sql`select request_hash as "requestHash", status_code as "statusCode", content_type as "contentType", body
        from idempotency_keys where caller = ${caller} and key = ${key}`,
  );
}

/**
 * Deletes kept answers that are older than 24 hours, batch by batch: what they say of a person must not outlive the person's
 * erasure for long.
 * @returns their number
 */
export async function deleteExpiredAnswers(database: Database, clock: Clock, batchSize = sweepBatchSize): Promise<number> {
  const expiredBefore = new Date(clock.now().getTime() - keptMs);
  let deleted = 0;
  for (let batch = batchSize; batch === batchSize; deleted += batch) {
    batch = await database.execute(
      'idempotency.delete-expired',
      sql`delete from idempotency_keys where (caller, key) in
            (select caller, key from idempotency_keys where created_at < ${expiredBefore} order by created_at limit ${batchSize})
            and created_at < ${expiredBefore}`,
    );
  }
  return deleted;
}
