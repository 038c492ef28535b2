import { Readable, type Transform, Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { constants, createBrotliDecompress, createGunzip, createInflate, createInflateRaw, createZstdDecompress } from 'node:zlib';
import { clientError } from './failure.ts';

export const acceptedEncodings = 'gzip, deflate, br, zstd';

// More layers than a server ever has reason for.
const maxLayers = 3;

// A body that ends early is read as far as it goes, as browsers do: whether all of it came, HTTP itself has checked.
const lenient = { finishFlush: constants.Z_SYNC_FLUSH };

function createDecoder(encoding: string, firstByte: number): Transform | undefined {
  switch (encoding) {
    case 'gzip':
    case 'x-gzip':
      return createGunzip(lenient);
    case 'deflate':
      // By the standard with a zlib header, which begins with 8 (its method); by habit of some servers without.
      return (firstByte & 0x0f) === 8 ? createInflate(lenient) : createInflateRaw(lenient);
    case 'br':
      return createBrotliDecompress({ finishFlush: constants.BROTLI_OPERATION_FLUSH });
    case 'zstd':
      // RFC 9659: 8 MiB is the largest window that the web may ask of a reader.
      return createZstdDecompress({ params: { [constants.ZSTD_d_windowLogMax]: 23 }, finishFlush: constants.ZSTD_e_flush });
    default:
      // "identity", and the names of character sets that misconfigured servers send: the body is not encoded.
      return undefined;
  }
}

function tooLarge(host: string, maxBytes: number) {
  return clientError('body_too_large', `The answer of ${host} is longer than ${maxBytes} bytes.`);
}

/** Fails as soon as more than `maxBytes` went through. */
async function* limitBytes(source: AsyncIterable<Buffer>, maxBytes: number, host: string): AsyncGenerator<Buffer, void, void> {
  let size = 0;
  for await (const chunk of source) {
    size += chunk.length;
    if (size > maxBytes) throw tooLarge(host, maxBytes);
    yield chunk;
  }
}

/**
 * The whole body, decompressed. Neither what is sent nor what it unpacks to is read beyond `maxBytes`.
 * @throws AppError `body_too_large`, `response_invalid`, and whatever the stream fails with
 */
export async function readBody(
  body: Readable,
  options: {
    readonly contentEncoding: string;
    readonly contentLength: string | undefined;
    readonly maxBytes: number;
    readonly host: string;
  },
): Promise<Buffer> {
  const { contentEncoding, contentLength, maxBytes, host } = options;
  if (Number(contentLength) > maxBytes) throw tooLarge(host, maxBytes);
  const encodings = contentEncoding
    .toLowerCase()
    .split(',')
    .map((encoding) => encoding.trim());
  if (encodings.length > maxLayers) throw clientError('response_invalid', `The answer of ${host} is compressed too many times over.`);

  const sent = limitBytes(body, maxBytes, host);
  const first = await sent.next();
  if (first.done === true) return Buffer.alloc(0);
  async function* whole() {
    yield first.value as Buffer;
    yield* sent;
  }
  const firstByte = first.value[0] ?? 0;
  const decoders = encodings.reverse().flatMap((encoding) => createDecoder(encoding, firstByte) ?? []);
  const chunks: Buffer[] = [];
  let size = 0;
  const collector = new Writable({
    write(chunk: Buffer, _encoding, done) {
      size += chunk.length;
      chunks.push(chunk);
      done(size > maxBytes ? tooLarge(host, maxBytes) : null);
    },
  });
  await pipeline([Readable.from(whole()), ...decoders, collector]);
  return Buffer.concat(chunks);
}
