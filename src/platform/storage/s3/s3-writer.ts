import {
  AbortMultipartUploadCommand,
  CopyObjectCommand,
  DeleteObjectCommand,
  DeleteObjectsCommand,
  ListMultipartUploadsCommand,
} from '@aws-sdk/client-s3';
import { copyThrough } from '../copy-through.ts';
import { hashOf, measureBody } from '../measured-body.ts';
import { checkKey } from '../object-key.ts';
import { encodeMetadata } from '../object-metadata.ts';
import { checkPut } from '../option-checks.ts';
import { unavailable } from '../storage-errors.ts';
import type { Storage } from '../storage-types.ts';
import { sendOptions } from './s3-client.ts';
import { guard } from './s3-failures.ts';
import { findOrMiss, type S3Bucket, type S3Reader } from './s3-reader.ts';
import { upload } from './s3-upload.ts';

/** Of single requests, as S3 has them; tests set lower ones. */
export type S3Limits = { readonly removedAtOnce: number; readonly copyBytes: number };
export const s3Limits: S3Limits = { removedAtOnce: 1000, copyBytes: 5 * 1024 ** 3 };

export type S3Writer = Pick<Storage, 'put' | 'remove' | 'removeMany' | 'copy' | 'removeAbandonedUploads'>;

export function createWriter(bucket: S3Bucket, { get, head }: S3Reader, limits: S3Limits): S3Writer {
  const { client, name: Bucket } = bucket;

  const put: Storage['put'] = async (key, body, putOptions) => {
    const measured = measureBody(body, putOptions);
    try {
      checkPut(key, putOptions);
      const { contentType, cacheControl, metadata = {}, signal } = putOptions;
      signal?.throwIfAborted();
      const sha256 = putOptions.sha256 ?? (body instanceof Uint8Array ? hashOf(body) : undefined);
      const target = { Bucket, Key: key, ContentType: contentType, CacheControl: cacheControl, Metadata: encodeMetadata(metadata) };
      const uploaded = await upload(client, target, measured, { sha256, signal });
      return { key, contentType, cacheControl, metadata, ...uploaded };
    } finally {
      measured.release();
    }
  };

  const remove: Storage['remove'] = async (key, { signal } = {}) => {
    checkKey(key);
    // Swift says of what is not there that it is not; AWS does not.
    await findOrMiss(() => client.send(new DeleteObjectCommand({ Bucket, Key: key }), sendOptions(signal)), signal);
  };

  const removeMany: Storage['removeMany'] = async (keys, { signal } = {}) => {
    for (const key of keys) checkKey(key);
    const failures: unknown[] = [];
    for (let at = 0; at < keys.length; at += limits.removedAtOnce) {
      signal?.throwIfAborted();
      const batch = keys.slice(at, at + limits.removedAtOnce);
      await removeBatch(bucket, batch, signal).catch((error: unknown) => failures.push(error));
    }
    if (failures.length > 0) throw failures[0];
  };

  const copy: Storage['copy'] = async (from, to, { signal } = {}) => {
    checkKey(to);
    const source = await head(from, { signal });
    if (source.kind === 'missing') return source;
    // S3 refuses a copy that changes nothing.
    if (from === to) return { ...source, kind: 'copied' };
    if (source.sizeBytes > limits.copyBytes) return copyThrough({ get, put }, from, to, signal);
    const command = new CopyObjectCommand({ Bucket, Key: to, CopySource: encodeURIComponent(`${Bucket}/${from}`) });
    const answer = await findOrMiss(() => client.send(command, sendOptions(signal)), signal);
    // Of the copy itself: another object may have taken the place of the one that was asked about.
    const copied = answer === undefined ? undefined : await head(to, { signal });
    return copied?.kind === 'found' ? { ...copied, kind: 'copied' } : { kind: 'missing' };
  };

  const removeAbandonedUploads = (before: Date) => guard(() => abortUploads(bucket, before));

  return { put, remove, removeMany, copy, removeAbandonedUploads };
}

async function removeBatch({ client, name: Bucket }: S3Bucket, keys: readonly string[], signal: AbortSignal | undefined): Promise<void> {
  const command = new DeleteObjectsCommand({ Bucket, Delete: { Objects: keys.map((Key) => ({ Key })), Quiet: true } });
  const { Errors = [] } = await guard(() => client.send(command, sendOptions(signal)), signal);
  const [first] = Errors.filter(({ Code }) => Code !== 'NoSuchKey');
  if (first !== undefined) throw unavailable(`S3 did not remove ${Errors.length} objects (${first.Code})`);
}

async function abortUploads({ client, name: Bucket }: S3Bucket, before: Date): Promise<number> {
  let removed = 0;
  let marker: { readonly KeyMarker?: string | undefined; readonly UploadIdMarker?: string | undefined } = {};
  for (;;) {
    const page = await client.send(new ListMultipartUploadsCommand({ Bucket, ...marker }));
    for (const { Key, UploadId, Initiated } of page.Uploads ?? []) {
      if (Initiated === undefined || Initiated >= before) continue;
      // Its writer may have ended it since.
      await findOrMiss(() => client.send(new AbortMultipartUploadCommand({ Bucket, Key, UploadId })), undefined);
      removed += 1;
    }
    if (!page.IsTruncated) return removed;
    marker = { KeyMarker: page.NextKeyMarker, UploadIdMarker: page.NextUploadIdMarker };
  }
}
