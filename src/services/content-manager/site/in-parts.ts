import { setImmediate as nextTurn } from 'node:timers/promises';

/** Maps a long list, giving way to other work after every `partSize` entries. */
export async function mapInParts<T, R>(items: readonly T[], partSize: number, map: (item: T) => R): Promise<R[]> {
  const mapped: R[] = [];
  for (const item of items) {
    if (mapped.length > 0 && mapped.length % partSize === 0) await nextTurn();
    mapped.push(map(item));
  }
  return mapped;
}
