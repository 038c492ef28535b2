import { Readable } from 'node:stream';
import { PutObjectCommand, type S3Client } from '@aws-sdk/client-s3';
import { Upload } from '@aws-sdk/lib-storage';
import { type MeasuredBody, type Measurement, tooLarge } from '../measured-body.ts';
import { sendOptions } from './s3-client.ts';
import { guard } from './s3-failures.ts';

// 10,000 parts at most make 80 GB. In memory are the parts that are being sent, and the one that is gathered.
const partBytes = 8 << 20;
const partsAtOnce = 4;
const maxObjectBytes = partBytes * 9999;

export type S3Target = {
  readonly Bucket: string;
  readonly Key: string;
  readonly ContentType: string;
  readonly CacheControl: string | undefined;
  readonly Metadata: Record<string, string>;
};

/** `sha256`: what the content must have, when that is known before. */
type UploadOptions = { readonly sha256: string | undefined; readonly signal: AbortSignal | undefined };

export type Uploaded = Measurement & { readonly etag: string };

/**
 * Sends the body in one request when it fits into a part, else as a multipart upload of several parts at once, which appears as a
 * whole or is taken back. The checksum stands in the object's metadata where it is known before the first byte leaves.
 */
export async function upload(client: S3Client, target: S3Target, measured: MeasuredBody, options: UploadOptions): Promise<Uploaded> {
  const chunks = measured.chunks[Symbol.asyncIterator]();
  const first: Buffer[] = [];
  let firstBytes = 0;
  let isWhole = false;
  while (firstBytes <= partBytes && !isWhole) {
    const { value, done } = await chunks.next();
    isWhole = done === true;
    if (value === undefined) continue;
    first.push(value);
    firstBytes += value.length;
  }
  if (isWhole) return uploadWhole(client, target, Buffer.concat(first), measured.result(), options);
  async function* content(): AsyncGenerator<Buffer> {
    let sentBytes = 0;
    for (let chunk = first.shift() ?? (await chunks.next()).value; chunk; chunk = first.shift() ?? (await chunks.next()).value) {
      sentBytes += chunk.length;
      if (sentBytes > maxObjectBytes) throw tooLarge(maxObjectBytes);
      yield chunk;
    }
  }
  const etag = await uploadParts(client, withChecksum(target, options.sha256), content(), options.signal);
  return { ...measured.result(), etag };
}

function withChecksum(target: S3Target, sha256: string | undefined): S3Target {
  return sha256 === undefined ? target : { ...target, Metadata: { ...target.Metadata, sha256 } };
}

async function uploadWhole(
  client: S3Client,
  target: S3Target,
  Body: Buffer,
  measurement: Measurement,
  { signal }: UploadOptions,
): Promise<Uploaded> {
  const command = new PutObjectCommand({ ...withChecksum(target, measurement.sha256), Body });
  const { ETag = '' } = await guard(() => client.send(command, sendOptions(signal)), signal);
  return { ...measurement, etag: ETag };
}

/** @returns the object's entity tag */
async function uploadParts(
  client: S3Client,
  target: S3Target,
  content: AsyncGenerator<Buffer>,
  signal: AbortSignal | undefined,
): Promise<string> {
  // The first cause: the library tells the last one.
  let failure: { readonly isOfBody: boolean; readonly error: unknown } | undefined;
  async function* watched(): AsyncGenerator<Buffer> {
    try {
      yield* content;
    } catch (error) {
      failure ??= { isOfBody: true, error };
      throw error;
    }
  }
  const body = Readable.from(watched(), { objectMode: false });
  const bound = bindRequests(client, signal, (error) => {
    failure ??= { isOfBody: false, error };
    // Else the other parts would go on to the body's end.
    body.destroy(error instanceof Error ? error : undefined);
  });
  // Not the library's own way to abort, which answers before it has cleared away.
  const sending = new Upload({ client: bound, params: { ...target, Body: body }, partSize: partBytes, queueSize: partsAtOnce });
  return guard(async () => {
    try {
      return (await sending.done()).ETag ?? '';
    } catch (error) {
      throw failure?.error ?? error;
    }
  }, signal).catch((error: unknown) => {
    throw failure?.isOfBody ? failure.error : error;
  });
}

/** Parts end with the signal; what begins and clears away an upload does not, or it could be left behind. */
function bindRequests(client: S3Client, signal: AbortSignal | undefined, fail: (error: unknown) => void): S3Client {
  async function send(command: Parameters<S3Client['send']>[0]): Promise<unknown> {
    const isPart = command.constructor.name === 'UploadPartCommand';
    try {
      return await client.send(command, sendOptions(isPart ? signal : undefined));
    } catch (error) {
      fail(error);
      throw error;
    }
  }
  return Object.create(client, { send: { value: send } });
}
