const mostKept = 48;

export type PreviewCache = { get(category: string, seed: string): Promise<Buffer> };

/**
 * Keeps the pictures that were asked for last, some 100 KB each: painting one takes the processor for tens of milliseconds. Who asks
 * for one that is being painted waits for it; one is painted at a time.
 */
export function createPreviewCache(paint: (category: string, seed: string) => Promise<Buffer>): PreviewCache {
  const kept = new Map<string, Promise<Buffer>>();
  let last: Promise<unknown> = Promise.resolve();

  return {
    get(category, seed) {
      const key = `${category}/${seed}`;
      const known = kept.get(key);
      const picture = known ?? last.then(() => paint(category, seed));
      if (known === undefined) {
        last = picture.then(
          () => undefined,
          () => kept.delete(key),
        );
      }
      // A Map keeps the order of insertion: what was asked for last moves to its end.
      kept.delete(key);
      kept.set(key, picture);
      const [oldest] = kept.keys();
      if (kept.size > mostKept && oldest !== undefined) kept.delete(oldest);
      return picture;
    },
  };
}
