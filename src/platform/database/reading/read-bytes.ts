import { createReadStream } from 'node:fs';
import { pipeline, Readable } from 'node:stream';
import { createGunzip } from 'node:zlib';
import { AppError, messageOf } from '#shared/errors';

/** A file's path, or what gives its bytes (a request's body, a stream, an object of the storage). */
export type ByteSource = string | AsyncIterable<Uint8Array>;

export type ByteOptions = {
  /** Of the content, unpacked: what is longer is an error. 1 GiB unless told. */
  readonly maxBytes?: number;
  readonly signal?: AbortSignal;
};

const defaultMaxBytes = 1024 ** 3;
const chunkBytes = 65_536;

function open(source: ByteSource): Readable {
  return typeof source === 'string'
    ? createReadStream(source, { highWaterMark: chunkBytes })
    : Readable.from(source, { objectMode: true, highWaterMark: 1 });
}

/** RFC 1952: every gzip member begins with these two bytes, which no UTF-8 text and no CSV or JSON does. */
const isGzip = (start: Uint8Array): boolean => start[0] === 0x1f && start[1] === 0x8b;

/**
 * The content of the source as it comes, unpacked when it is gzip, which its first bytes tell. However well it is packed, no more
 * than a few chunks are in memory, and no more than `maxBytes` are unpacked.
 *
 * @throws AppError `file_unreadable` or `file_damaged` (422), `file_too_large` (413); the signal's reason
 */
export async function* readBytes(
  source: ByteSource,
  { maxBytes = defaultMaxBytes, signal }: ByteOptions = {},
): AsyncGenerator<Buffer, void, undefined> {
  signal?.throwIfAborted();
  const raw = open(source);
  const onAbort = () => void raw.destroy(signal?.reason);
  signal?.addEventListener('abort', onAbort, { once: true });
  let seenBytes = 0;
  try {
    for await (const chunk of unpack(raw)) {
      seenBytes += chunk.length;
      if (seenBytes > maxBytes) throw new AppError('file_too_large', `The content is longer than ${maxBytes} bytes.`, { status: 413 });
      yield chunk;
    }
  } catch (error) {
    if (signal?.aborted) throw signal.reason;
    throw describeFailure(error);
  } finally {
    signal?.removeEventListener('abort', onAbort);
    raw.destroy();
  }
}

async function* unpack(raw: Readable): AsyncGenerator<Buffer, void, undefined> {
  const chunks: AsyncIterator<Uint8Array> = raw[Symbol.asyncIterator]();
  // A source may give its bytes one by one.
  let start = Buffer.alloc(0);
  while (start.length < 2) {
    const next = await chunks.next();
    if (next.done) break;
    start = Buffer.concat([start, next.value]);
  }
  const whole = prepend(start, chunks);
  if (!isGzip(start)) {
    yield* whole;
    return;
  }
  const gunzip = createGunzip({ chunkSize: chunkBytes });
  // A failure of the source reaches whoever reads from `gunzip`; leaving it early ends the source.
  pipeline(Readable.from(whole, { objectMode: true, highWaterMark: 1 }), gunzip, () => undefined);
  yield* gunzip;
}

async function* prepend(start: Buffer, rest: AsyncIterator<Uint8Array>): AsyncGenerator<Buffer, void, undefined> {
  if (start.length > 0) yield start;
  for (let next = await rest.next(); !next.done; next = await rest.next()) {
    const { buffer, byteOffset, byteLength } = next.value;
    yield Buffer.from(buffer, byteOffset, byteLength);
  }
}

function describeFailure(error: unknown): unknown {
  if (error instanceof AppError || !(error instanceof Error)) return error;
  const code = 'code' in error && typeof error.code === 'string' ? error.code : '';
  if (/^Z_/.test(code)) {
    return new AppError('file_damaged', `The compressed content cannot be unpacked: ${messageOf(error)}.`, { status: 422, cause: error });
  }
  if ('syscall' in error) {
    return new AppError('file_unreadable', `The file cannot be read: ${messageOf(error)}.`, { status: 422, cause: error });
  }
  return error;
}
