import type { Cache, GetOrSetOptions } from './cache-types.ts';
import { stableKey } from './stable-key.ts';

export type MemoizeOptions<A extends readonly unknown[]> = Omit<GetOrSetOptions, 'namespace'> & {
  readonly cache: Cache;
  /** Of the function, unique in its cache; `cache.removeNamespace(name)` forgets all of its results. */
  readonly name: string;
  /** What tells one call from another, when the arguments themselves do not or are not plain data. */
  readonly key?: (...args: A) => unknown;
};

/**
 * The function, each of whose results is fetched once for equal arguments and kept as `getOrSet` does.
 * @throws AppError `no_stable_key`, as a rejection, for arguments that are no plain data
 */
export function memoize<A extends readonly unknown[], T>(
  fn: (...args: A) => Promise<T> | T,
  options: MemoizeOptions<A>,
): (...args: A) => Promise<T> {
  const { cache, name, key, ...rest } = options;
  const given = { ...rest, namespace: name };
  return (...args) => {
    try {
      return cache.getOrSet(stableKey(key === undefined ? args : key(...args)), () => fn(...args), given);
    } catch (error) {
      return Promise.reject(error);
    }
  };
}
