import type { Storage } from './storage-types.ts';

/** Reads the one and writes the other, in constant memory. */
export async function copyThrough(
  { get, put }: Pick<Storage, 'get' | 'put'>,
  from: string,
  to: string,
  signal: AbortSignal | undefined,
): ReturnType<Storage['copy']> {
  const found = await get(from, { signal });
  if (found.kind !== 'found') return { kind: 'missing' };
  const { contentType, cacheControl, metadata, sha256, body } = found;
  const options = { contentType, cacheControl, metadata, sha256, signal };
  return { kind: 'copied', ...(await put(to, body, options)) };
}
