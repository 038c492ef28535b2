import { GetObjectCommand, HeadObjectCommand, ListObjectsV2Command, type S3Client } from '@aws-sdk/client-s3';
import { checkRange, formatRange } from '../byte-range.ts';
import { cancelWith } from '../cancellation.ts';
import { checkKey } from '../object-key.ts';
import { checkList, maxListed } from '../option-checks.ts';
import type { Storage } from '../storage-types.ts';
import { sendOptions } from './s3-client.ts';
import { guard, isMissing, isUnsatisfiable } from './s3-failures.ts';
import { contentOf, infoOf, rangeOf } from './s3-object.ts';

export type S3Bucket = { readonly client: S3Client; readonly name: string };

/** Undefined where S3 has no such object. */
export function findOrMiss<T>(send: () => Promise<T>, signal: AbortSignal | undefined): Promise<T | undefined> {
  return guard(async () => {
    try {
      return await send();
    } catch (error) {
      if (isMissing(error)) return undefined;
      throw error;
    }
  }, signal);
}

export type S3Reader = Pick<Storage, 'get' | 'head' | 'list'>;

export function createReader({ client, name: Bucket }: S3Bucket): S3Reader {
  const head: Storage['head'] = async (key, { signal } = {}) => {
    checkKey(key);
    const answer = await findOrMiss(() => client.send(new HeadObjectCommand({ Bucket, Key: key }), sendOptions(signal)), signal);
    return answer === undefined ? { kind: 'missing' } : { kind: 'found', ...infoOf(key, answer) };
  };

  const get: Storage['get'] = async (key, { range, signal } = {}) => {
    checkKey(key);
    if (range !== undefined) checkRange(range);
    const command = new GetObjectCommand({ Bucket, Key: key, Range: range && formatRange(range) });
    try {
      const answer = await client.send(command, sendOptions(signal));
      const found = { ...infoOf(key, answer), range: rangeOf(answer), body: cancelWith(signal, contentOf(answer)) };
      return { kind: 'found', ...found };
    } catch (error) {
      if (isMissing(error)) return { kind: 'missing' };
      if (!isUnsatisfiable(error)) return guard(() => Promise.reject(error), signal);
      const outcome = await head(key, { signal });
      return outcome.kind === 'missing' ? outcome : { kind: 'unsatisfiable', sizeBytes: outcome.sizeBytes };
    }
  };

  const list: Storage['list'] = async (options = {}) => {
    checkList(options);
    const { prefix = '', after = '', limit = maxListed, signal } = options;
    // Keys encoded as in URLs: as they are, XML could not carry all of those that others stored.
    const command = new ListObjectsV2Command({
      ...{ Bucket, Prefix: prefix, MaxKeys: limit, EncodingType: 'url' },
      ...(after !== '' && { StartAfter: after }),
    });
    const answer = await guard(() => client.send(command, sendOptions(signal)), signal);
    const items = (answer.Contents ?? []).map(({ Key = '', Size = 0, ETag = '', LastModified = new Date(0) }) => ({
      key: decodeURIComponent(Key.replaceAll('+', ' ')),
      sizeBytes: Size,
      etag: ETag,
      modifiedAt: new Date(Math.floor(LastModified.getTime() / 1000) * 1000),
    }));
    return { items, next: answer.IsTruncated ? items.at(-1)?.key : undefined };
  };

  return { get, head, list };
}
