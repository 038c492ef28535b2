export { createStorage, type StorageConfig, type StorageOptions } from './storage.ts';
export { createStorageRoutes, type StorageRoutesOptions } from './storage-routes.ts';
export type {
  ByteRange,
  CopyOutcome,
  GetOutcome,
  HeadOutcome,
  ListedObject,
  ListOptions,
  ListPage,
  ObjectInfo,
  PutOptions,
  SignedUrlOptions,
  Storage,
  StoredObject,
  WrittenObject,
} from './storage-types.ts';
