const mostKept = 48;

export type PreviewCache = { get(category: string, slug: string): Promise<Buffer> };

/** Keeps the pictures that were asked for last, some 100 KB each. Who asks for one that is on its way waits for it. */
export function createPreviewCache(load: (category: string, slug: string) => Promise<Buffer>): PreviewCache {
  const kept = new Map<string, Promise<Buffer>>();

  async function loadAndForgetFailure(key: string, category: string, slug: string): Promise<Buffer> {
    try {
      return await load(category, slug);
    } catch (error) {
      kept.delete(key);
      throw error;
    }
  }

  return {
    get(category, slug) {
      const key = `${category}/${slug}`;
      const picture = kept.get(key) ?? loadAndForgetFailure(key, category, slug);
      // A Map keeps the order of insertion: what was asked for last moves to its end.
      kept.delete(key);
      kept.set(key, picture);
      const [oldest] = kept.keys();
      if (kept.size > mostKept && oldest !== undefined) kept.delete(oldest);
      return picture;
    },
  };
}
