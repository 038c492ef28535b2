import { Readable, Transform } from 'node:stream';
import type { GetObjectCommandOutput, HeadObjectCommandOutput } from '@aws-sdk/client-s3';
import type { ResolvedRange } from '../byte-range.ts';
import { decodeMetadata } from '../object-metadata.ts';
import { unavailable } from '../storage-errors.ts';
import type { ObjectInfo } from '../storage-types.ts';

const contentRange = /^bytes (\d+)-(\d+)\/(\d+)$/;

/** What the headers of an answer say. Of a part, they say the whole object's size too. */
export function infoOf(key: string, answer: HeadObjectCommandOutput | GetObjectCommandOutput): ObjectInfo {
  const { sha256, ...metadata } = answer.Metadata ?? {};
  const whole = contentRange.exec(answer.ContentRange ?? '')?.[3];
  return {
    key,
    sizeBytes: whole === undefined ? (answer.ContentLength ?? 0) : Number(whole),
    contentType: answer.ContentType ?? 'application/octet-stream',
    cacheControl: answer.CacheControl,
    metadata: decodeMetadata(metadata),
    sha256,
    etag: answer.ETag ?? '',
    modifiedAt: answer.LastModified ?? new Date(0),
  };
}

export function rangeOf({ ContentRange }: GetObjectCommandOutput): ResolvedRange | undefined {
  const [, start, end] = contentRange.exec(ContentRange ?? '') ?? [];
  return start === undefined ? undefined : { start: Number(start), end: Number(end) };
}

/** The content, held to its length: a connection that ends early is a failure, not the end of the object. */
export function contentOf({ Body, ContentLength = 0 }: GetObjectCommandOutput): Readable {
  if (!(Body instanceof Readable)) throw unavailable('S3 answers without content');
  let missingBytes = ContentLength;
  const content = new Transform({
    transform(chunk: Buffer, _encoding, callback) {
      missingBytes -= chunk.length;
      callback(null, chunk);
    },
    flush: (callback) => callback(missingBytes === 0 ? null : unavailable('S3 cut an object short')),
  });
  Body.once('error', (cause) => content.destroy(unavailable('S3 cut an object short', { cause })));
  Body.once('close', () => {
    if (!Body.readableEnded) content.destroy(unavailable('S3 cut an object short'));
  });
  content.once('close', () => Body.destroy());
  return Body.pipe(content);
}
