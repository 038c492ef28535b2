import type { Metrics } from '#platform/telemetry';
import type { Clock } from '#shared/clock';
import { createFolderStorage } from './folder/folder-storage.ts';
import { measureStorage } from './measured-storage.ts';
import { checkSignedUrl } from './option-checks.ts';
import { createS3Storage, type S3StorageOptions } from './s3/s3-storage.ts';
import { formatAddress } from './signed-address.ts';
import type { Storage } from './storage-types.ts';

export type StorageConfig = { readonly kind: 'folder'; readonly folder: string } | ({ readonly kind: 's3' } & S3StorageOptions);

export type StorageOptions = {
  readonly config: StorageConfig;
  /** Where readers reach the engine: signed URLs of the folder driver lie below it. */
  readonly publicUrl: string;
  /** Signs them. */
  readonly secret: string;
  readonly clock: Clock;
  readonly metrics: Metrics;
};

/** Object storage in a folder or in a bucket of S3. Opens nothing before it is used. */
export function createStorage({ config, publicUrl, secret, clock, metrics }: StorageOptions): Storage {
  if (config.kind === 's3') return measureStorage(createS3Storage(config), config.kind, metrics);
  const signUrl: Storage['signedUrl'] = async (key, options) => {
    checkSignedUrl(key, options);
    const { method, expiresInS, contentType } = options;
    const expiresAtS = Math.floor(clock.now().getTime() / 1000) + expiresInS;
    return formatAddress(publicUrl, secret, { method, key, expiresAtS, ...(contentType !== undefined && { contentType }) });
  };
  return measureStorage(createFolderStorage({ folder: config.folder, signUrl }), config.kind, metrics);
}
