import type { IncomingMessage } from 'node:http';
import { PassThrough, type Readable } from 'node:stream';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { Type } from 'typebox';
import type { HttpServer, RegisterRoutes } from '#platform/http-server';
import type { Clock } from '#shared/clock';
import { AppError, notFound } from '#shared/errors';
import { closed } from '#shared/schema';
import { parseRange } from './byte-range.ts';
import { addressPath, isSigned, type Permit } from './signed-address.ts';
import type { ObjectInfo, Storage } from './storage-types.ts';

export type StorageRoutesOptions = {
  readonly storage: Storage;
  readonly clock: Clock;
  readonly secret: string;
  /** Of an upload by a signed URL. */
  readonly maxUploadBytes: number;
};

const ObjectParams = Type.Object({ '*': Type.String({ minLength: 1, maxLength: 1024 }) });
const PermitQuery = Type.Object(
  {
    expires: Type.Integer({ minimum: 0, maximum: 100_000_000_000, description: 'Seconds since 1970.' }),
    type: Type.Optional(Type.String({ maxLength: 255 })),
    signature: Type.String({ maxLength: 100 }),
  },
  closed,
);

// What a browser shows without running anything of it. Everything else is given out as a download: a page or a drawing that
// somebody uploaded would run scripts in the name of our site.
const shownTypes = /^(image\/(png|jpeg|gif|webp|avif)|(audio|video)\/[\w.+-]+|text\/plain)( *;|$)/;
const contentPolicy = "default-src 'none'; sandbox";

type ObjectRequest = FastifyRequest<{ Params: { '*': string }; Querystring: { expires: number; type?: string; signature: string } }>;

/** The addresses that `signedUrl` of the folder driver gives. */
export function createStorageRoutes({ storage, clock, secret, maxUploadBytes }: StorageRoutesOptions): RegisterRoutes {
  /** @throws AppError `link_invalid` or `link_expired` (403) */
  function permitOf(request: ObjectRequest, method: Permit['method']): Permit {
    const { expires, type, signature } = request.query;
    const permit = { method, key: request.params['*'], expiresAtS: expires, ...(type !== undefined && { contentType: type }) };
    if (!isSigned(secret, permit, signature)) throw new AppError('link_invalid', 'The address was not given out by us.', { status: 403 });
    if (expires * 1000 <= clock.now().getTime()) throw new AppError('link_expired', 'The address has expired.', { status: 403 });
    return permit;
  }

  async function answerRead(request: ObjectRequest, reply: FastifyReply): Promise<FastifyReply> {
    const permit = permitOf(request, 'GET');
    const head = await storage.head(permit.key);
    if (head.kind === 'missing') throw notFound('object', permit.key);
    const isKnown = isUnchanged(request, head);
    if (!isKnown && request.method === 'GET') return sendContent(request, reply, head, permit);
    setHeaders(reply, head, permit, clock);
    return isKnown ? reply.code(304).send() : reply.header('content-length', head.sizeBytes).send();
  }

  async function sendContent(request: FastifyRequest, reply: FastifyReply, head: ObjectInfo, permit: Permit): Promise<FastifyReply> {
    const ifRange = request.headers['if-range'];
    const isSame = ifRange === undefined || ifRange === head.etag;
    const range = isSame ? parseRange(request.headers.range) : undefined;
    const found = await storage.get(permit.key, { ...(range && { range }) });
    if (found.kind === 'missing') throw notFound('object', permit.key);
    if (found.kind === 'unsatisfiable') {
      reply.headers({ 'content-range': `bytes */${found.sizeBytes}`, 'cache-control': 'no-store' });
      throw new AppError('range_not_satisfiable', 'The object has no byte of the range.', { status: 416 });
    }
    // It may have been overwritten by something of another type since its head was read: what is sent is described by itself.
    setHeaders(reply, found, permit, clock);
    if (found.range === undefined) return reply.header('content-length', found.sizeBytes).send(found.body);
    const { start, end } = found.range;
    reply.code(206).headers({ 'content-range': `bytes ${start}-${end}/${found.sizeBytes}`, 'content-length': end - start + 1 });
    return reply.send(found.body);
  }

  return async (app) => {
    await app.register(async (scope: HttpServer) => {
      // A body of any type, and of any length, stays on the connection until the storage reads it.
      scope.removeAllContentTypeParsers();
      scope.addContentTypeParser('*', (_request, _payload, done) => done(null, undefined));
      const schema = { params: ObjectParams, querystring: PermitQuery, hide: true };
      const config = { access: 'public' } as const;
      const url = `${addressPath}*`;
      scope.route({
        method: ['GET', 'HEAD'],
        url,
        schema,
        config,
        // A range is one of the object's bytes as they are, and so is its entity tag.
        compress: false,
        handler: (request, reply) => answerRead(request as ObjectRequest, reply),
      });
      scope.put(url, { schema, config }, async (request, reply) => {
        const { key, contentType } = permitOf(request as ObjectRequest, 'PUT');
        const declared = request.headers['content-type'] ?? 'application/octet-stream';
        if (contentType !== undefined && declared !== contentType) {
          throw new AppError('content_type_wrong', `This address takes the content type ${contentType}.`, { status: 415 });
        }
        const { etag } = await storage.put(key, bodyOf(request.raw), { contentType: declared, maxBytes: maxUploadBytes });
        return reply.code(201).header('etag', etag).send();
      });
    });
  };
}

function setHeaders(
  reply: FastifyReply,
  { contentType, cacheControl, etag, modifiedAt, key }: ObjectInfo,
  permit: Permit,
  clock: Clock,
): void {
  const secondsLeft = Math.max(0, permit.expiresAtS - Math.ceil(clock.now().getTime() / 1000));
  const name = encodeURIComponent(key.split('/').at(-1) ?? '').replace(/['()*]/g, (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`);
  reply.headers({
    'content-type': contentType,
    'content-disposition': `${shownTypes.test(contentType) ? 'inline' : 'attachment'}; filename*=UTF-8''${name}`,
    'content-security-policy': contentPolicy,
    'x-content-type-options': 'nosniff',
    // Whoever has the address may read; nobody else needs to be given a copy.
    'cache-control': cacheControl ?? `private, max-age=${secondsLeft}`,
    'accept-ranges': 'bytes',
    etag,
    'last-modified': modifiedAt.toUTCString(),
  });
}

/** RFC 9110, section 13.2.2: a date counts only where no entity tag is given. */
function isUnchanged({ headers }: FastifyRequest, { etag, modifiedAt }: ObjectInfo): boolean {
  const given = headers['if-none-match'];
  if (given !== undefined) {
    return given.trim() === '*' || given.split(',').some((tag) => tag.trim().replace(/^W\//, '') === etag);
  }
  const since = Date.parse(headers['if-modified-since'] ?? '');
  return since >= modifiedAt.getTime();
}

/** Apart from the request, whose connection must live on for the answer when the storage gives up on the body. */
function bodyOf(raw: IncomingMessage): Readable {
  const body = new PassThrough();
  raw.once('error', (error) => body.destroy(error));
  // What is left of it is let go by, else it would stand before the next request of the connection.
  body.once('close', () => raw.resume());
  return raw.pipe(body);
}
