import { createHash } from 'node:crypto';
import { AppError } from '#shared/errors';
import type { InvalidationTarget } from './cache-types.ts';
import { hashText } from './frequency-sketch.ts';

const namespacePattern = /^[\w.:-]{1,100}$/;
const maxKeyLength = 1000;
const maxTagLength = 200;
const maxTags = 50;
const longestPlainKey = 200;

// A change of this number, or of how scopes are hashed, needs another key prefix: old and new processes run side by side.
const stripes = 16_384;

/**
 * What an invalidation names, and what an entry depends on: `*` (all), `k:<ident>`, `t:<tag>`, `n:<namespace>`.
 */
export type Scope = string;

export const everything: Scope = '*';

/** One text for namespace and key; no two pairs share one. */
export function identOf(key: string, namespace: string | undefined): string {
  if (namespace === undefined && key.length > 0 && key.length <= maxKeyLength && key.charCodeAt(0) !== 64) return key;
  if (key.length === 0 || key.length > maxKeyLength) {
    throw new AppError('cache_key_invalid', `A key has 1 to ${maxKeyLength} characters, not ${key.length}.`);
  }
  return namespace === undefined ? `@/${key}` : `@${checkNamespace(namespace)}/${key}`;
}

function checkNamespace(namespace: string): string {
  if (namespacePattern.test(namespace)) return namespace;
  throw new AppError('cache_namespace_invalid', 'A namespace has 1 to 100 characters of letters, digits and _ . : -');
}

export const keyScope = (ident: string): Scope => `k:${ident}`;
export const namespaceScope = (namespace: string): Scope => `n:${checkNamespace(namespace)}`;

export function tagScopes(tags: readonly string[]): Scope[] {
  if (tags.length > maxTags)
    throw new AppError('cache_tags_invalid', `${tags.length} tags are more than the ${maxTags} that an entry may have.`);
  for (const tag of tags) {
    if (tag.length > 0 && tag.length <= maxTagLength) continue;
    throw new AppError('cache_tags_invalid', `A tag has 1 to ${maxTagLength} characters, not ${tag.length}.`);
  }
  return [...new Set(tags)].map((tag) => `t:${tag}`);
}

/** The scopes of an entry, besides everything: its key, its namespace, its tags. */
export function scopesOf(ident: string, namespace: string | undefined, tags: readonly string[] = []): Scope[] {
  return [keyScope(ident), ...(namespace === undefined ? [] : [namespaceScope(namespace)]), ...tagScopes(tags)];
}

export function scopesOfTarget({ keys, tags, namespace, all }: InvalidationTarget): Scope[] {
  if (all === true) return [everything];
  const scopes = [...(keys ?? []).map((key) => keyScope(identOf(key, namespace))), ...(tags ?? []).flatMap((tag) => tagScopes([tag]))];
  if (keys === undefined && namespace !== undefined) scopes.push(namespaceScope(namespace));
  return scopes;
}

/**
 * The field under which the version of a scope stands in Redis. Scopes share 16,384 of them, which bounds the versions for good;
 * two that share one are invalidated together, which costs a reload and nothing else.
 */
export function versionField(scope: Scope): string {
  return scope === everything ? everything : String(hashText(scope) % stripes);
}

export type RedisKeys = { readonly entry: string; readonly lock: string };

/** Both in one slot of a cluster, and those of different keys in different ones. */
export function redisKeys(cacheName: string, ident: string): RedisKeys {
  const isPlain = ident.length <= longestPlainKey && !/[{}\s]/.test(ident);
  const id = isPlain ? ident : `#${createHash('sha256').update(ident).digest('base64url')}`;
  const base = `aquascene:cache:${cacheName}:{${id}}`;
  return { entry: `${base}:entry`, lock: `${base}:lock` };
}
