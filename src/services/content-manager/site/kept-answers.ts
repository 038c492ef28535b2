import { promisify } from 'node:util';
import { brotliCompress, constants, gzip } from 'node:zlib';
import { Negotiator } from '@fastify/accept-negotiator';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Cache } from '#platform/cache';
import { runWithTrace } from '#platform/telemetry';
import { siteTag } from '../site-tags.ts';
import { isKnown, type PublicAnswer, publicHeaders, tagOf } from './responses.ts';

type Encoding = 'br' | 'gzip' | 'identity';

/** An answer as it is kept: ready to be sent in whatever encoding the reader takes. */
type KeptAnswer = {
  readonly type: string;
  readonly cacheControl: string;
  readonly contentSecurityPolicy: string | null;
  readonly etag: string;
  readonly bodies: { readonly identity: Uint8Array; readonly br: Uint8Array | null; readonly gzip: Uint8Array | null };
};

export type KeptAnswers = {
  /**
   * Sends the answer that is kept under the key, or makes and keeps it. Where `make` gives undefined, nothing is kept, and the reader is told
   * that it was not found.
   * @returns nothing to wait for when the answer was in memory
   */
  send(
    request: FastifyRequest,
    reply: FastifyReply,
    key: string,
    tags: readonly string[],
    make: () => Promise<PublicAnswer | undefined>,
  ): Promise<void> | undefined;
};

// As much as is worth a header and the reader's time to unpack.
const compressFrom = 1024;
const compressBrotli = promisify(brotliCompress);
const compressGzip = promisify(gzip);
// Made once and sent often, while one reader waits: past 5 it takes much longer for little.
const brotliOptions = { params: { [constants.BROTLI_PARAM_QUALITY]: 5, [constants.BROTLI_PARAM_MODE]: constants.BROTLI_MODE_TEXT } };

const rememberedHeaders = 100;

function createNegotiation(): (header: string | undefined) => Encoding {
  const negotiator = new Negotiator<Encoding>({ supportedValues: ['br', 'gzip', 'identity'] });
  // Browsers send a handful of different ones.
  const known = new Map<string, Encoding>();
  return (header) => {
    if (header === undefined) return 'identity';
    const remembered = known.get(header);
    if (remembered !== undefined) return remembered;
    const encoding = negotiator.negotiate(header) ?? 'identity';
    if (known.size < rememberedHeaders) known.set(header, encoding);
    return encoding;
  };
}

async function keep(answer: PublicAnswer): Promise<KeptAnswer> {
  const identity = Buffer.from(answer.body);
  const isWorthIt = identity.length >= compressFrom && /^(text|application)\/|\+xml/.test(answer.type);
  const [br, gz] = isWorthIt ? await Promise.all([compressBrotli(identity, brotliOptions), compressGzip(identity)]) : [null, null];
  return {
    type: answer.type,
    cacheControl: answer.cacheControl,
    contentSecurityPolicy: answer.contentSecurityPolicy ?? null,
    etag: tagOf(identity),
    bodies: { identity, br, gzip: gz },
  };
}

/** From the second level of the cache, bytes come as plain arrays. */
const asBuffer = (bytes: Uint8Array): Buffer =>
  Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);

type Ready = { readonly headers: Readonly<Record<string, string>>; readonly body: Buffer };

/** @param version of everything that a page is made with: what another version of the engine kept is not sent */
export function createKeptAnswers(
  cache: Cache,
  version: string,
  sendNotFound: (request: FastifyRequest, reply: FastifyReply) => Promise<FastifyReply>,
): KeptAnswers {
  const negotiate = createNegotiation();
  const ready = new WeakMap<KeptAnswer, Map<Encoding, Ready>>();

  function prepare(kept: KeptAnswer, wanted: Encoding): Ready {
    let byEncoding = ready.get(kept);
    if (byEncoding === undefined) ready.set(kept, (byEncoding = new Map()));
    let prepared = byEncoding.get(wanted);
    if (prepared === undefined) {
      const compressed = wanted === 'identity' ? null : kept.bodies[wanted];
      const { contentSecurityPolicy } = kept;
      prepared = {
        headers: {
          ...publicHeaders({ cacheControl: kept.cacheControl, ...(contentSecurityPolicy !== null && { contentSecurityPolicy }) }),
          etag: kept.etag,
          'content-type': kept.type,
          ...(kept.bodies.br !== null && { vary: 'accept-encoding' }),
          ...(compressed !== null && { 'content-encoding': wanted }),
        },
        body: asBuffer(compressed ?? kept.bodies.identity),
      };
      byEncoding.set(wanted, prepared);
    }
    return prepared;
  }

  // The reply is not returned: it is thenable, and who awaits it waits until the reader has it all.
  function deliver(request: FastifyRequest, reply: FastifyReply, kept: KeptAnswer): void {
    const { headers, body } = prepare(kept, negotiate(request.headers['accept-encoding']));
    reply.headers(headers);
    if (isKnown(request.headers['if-none-match'], kept.etag)) reply.code(304).removeHeader('content-encoding').send();
    else reply.send(body);
  }

  async function makeAndSend(...[request, reply, key, tags, make]: Parameters<KeptAnswers['send']>): Promise<void> {
    const kept = await cache.getOrSet<KeptAnswer | undefined>(
      version + key,
      async () => {
        const answer = await make();
        return answer && keep(answer);
      },
      { tags: [siteTag, ...tags] },
    );
    if (kept === undefined) await sendNotFound(request, reply);
    else deliver(request, reply, kept);
  }

  return {
    send(request, reply, key, tags, make) {
      // In memory it is at hand: nobody waits, not even for a promise.
      const kept = cache.peek<KeptAnswer>(version + key);
      if (kept === undefined) return runWithTrace({ requestId: request.id }, () => makeAndSend(request, reply, key, tags, make));
      deliver(request, reply, kept);
      return undefined;
    },
  };
}
