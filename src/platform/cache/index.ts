export { createCacheRoutes } from './cache-routes.ts';
export type { CacheName, CacheSettings, RedisTuning } from './cache-settings.ts';
export type {
  Cache,
  CacheFigures,
  Factory,
  FactoryContext,
  GetOrSetOptions,
  InvalidationTarget,
  KeyOptions,
  SetOptions,
} from './cache-types.ts';
export { type Caches, type CachesOptions, createCaches } from './caches.ts';
export { type MemoizeOptions, memoize } from './memoize.ts';
export { createPostgresBus, type InvalidationBus } from './postgres-bus.ts';
export { type RefreshAfterOptions, refreshAfter } from './refresh-after.ts';
