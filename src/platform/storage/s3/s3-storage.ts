import { GetObjectCommand, HeadBucketCommand, PutObjectCommand } from '@aws-sdk/client-s3';
import { getSignedUrl } from '@aws-sdk/s3-request-presigner';
import { checkSignedUrl } from '../option-checks.ts';
import type { Storage } from '../storage-types.ts';
import { createS3Client, type S3ClientOptions } from './s3-client.ts';
import { guard } from './s3-failures.ts';
import { createReader } from './s3-reader.ts';
import { createWriter, s3Limits } from './s3-writer.ts';

export type S3StorageOptions = S3ClientOptions & {
  readonly bucket: string;
  /** Where readers reach the bucket, when that is not `endpoint`: signed URLs are made for it. */
  readonly publicEndpoint?: string;
};

/** Objects in a bucket of S3, or of a server that speaks its protocol. The bucket is there already. */
export function createS3Storage(options: S3StorageOptions, limits = s3Limits): Storage {
  const { bucket: Bucket, publicEndpoint } = options;
  const client = createS3Client(options);
  const publicClient = publicEndpoint === undefined ? client : createS3Client({ ...options, endpoint: publicEndpoint });
  const bucket = { client, name: Bucket };
  const reader = createReader(bucket);
  return {
    ...reader,
    ...createWriter(bucket, reader, limits),
    async exists(key, headOptions) {
      return (await reader.head(key, headOptions)).kind === 'found';
    },
    async signedUrl(key, urlOptions) {
      checkSignedUrl(key, urlOptions);
      const { method, contentType, expiresInS } = urlOptions;
      const command =
        method === 'GET'
          ? new GetObjectCommand({ Bucket, Key: key })
          : new PutObjectCommand({ Bucket, Key: key, ContentType: contentType });
      return getSignedUrl(publicClient, command, { expiresIn: expiresInS, signableHeaders: new Set(['content-type', 'host']) });
    },
    async check() {
      await guard(() => client.send(new HeadBucketCommand({ Bucket })));
    },
    async close() {
      client.destroy();
      if (publicClient !== client) publicClient.destroy();
    },
  };
}
