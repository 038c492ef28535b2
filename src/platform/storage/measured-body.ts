import { createHash } from 'node:crypto';
import { Readable } from 'node:stream';
import { AppError } from '#shared/errors';
import { cancelWith } from './cancellation.ts';
import type { PutOptions } from './storage-types.ts';

/** What an object's content came to, once it was read to its end. */
export type Measurement = { readonly sizeBytes: number; readonly sha256: string };

export type MeasuredBody = {
  /** The same bytes. Fails with `object_too_large` or, at the end, `checksum_mismatch`. */
  readonly chunks: AsyncIterable<Buffer>;
  result(): Measurement;
  /** Destroys the body. Nothing of it is needed any more. */
  release(): void;
};

export const tooLarge = (maxBytes: number, cause?: unknown): AppError =>
  new AppError('object_too_large', `The object is larger than ${maxBytes} bytes.`, { status: 413, cause });

const chunkBytes = 1 << 20;

async function* cut(bytes: Uint8Array): AsyncGenerator<Buffer> {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (let at = 0; at < buffer.length; at += chunkBytes) yield buffer.subarray(at, at + chunkBytes);
}

async function* bytesOf(stream: Readable): AsyncGenerator<Buffer> {
  for await (const chunk of stream as AsyncIterable<unknown>) {
    if (typeof chunk === 'string') yield Buffer.from(chunk, stream.readableEncoding ?? 'utf8');
    else if (chunk instanceof Uint8Array) yield Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
    else throw new TypeError('The body of an object is made of bytes.');
  }
}

export function hashOf(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

/**
 * Counts and hashes what goes through, and holds it to what was asked. From the call on, a body that fails does so by its reader,
 * not by an error event that nobody hears.
 */
export function measureBody(
  body: Readable | Uint8Array,
  { maxBytes = Number.POSITIVE_INFINITY, sha256, signal }: Pick<PutOptions, 'maxBytes' | 'sha256' | 'signal'>,
): MeasuredBody {
  let failure: Error | undefined;
  if (body instanceof Readable) {
    body.once('error', (error) => (failure = error));
    cancelWith(signal, body);
  }
  const hash = createHash('sha256');
  let sizeBytes = 0;
  let measured: Measurement | undefined;
  async function* measure(): AsyncGenerator<Buffer> {
    if (body instanceof Uint8Array && body.byteLength > maxBytes) throw tooLarge(maxBytes);
    if (failure !== undefined) throw failure;
    for await (const chunk of body instanceof Uint8Array ? cut(body) : bytesOf(body)) {
      sizeBytes += chunk.length;
      if (sizeBytes > maxBytes) throw tooLarge(maxBytes);
      hash.update(chunk);
      yield chunk;
    }
    measured = { sizeBytes, sha256: hash.digest('hex') };
    if (sha256 !== undefined && sha256 !== measured.sha256) {
      throw new AppError('checksum_mismatch', 'The content does not have the checksum that was given for it.', { status: 422 });
    }
  }
  return {
    chunks: measure(),
    result() {
      if (measured === undefined) throw new Error('The body was not read to its end.');
      return measured;
    },
    release() {
      if (body instanceof Readable) body.destroy();
    },
  };
}
