import type { Compute } from '#platform/compute';
import type { Storage } from '#platform/storage';
import type { Logger } from '#platform/telemetry';
import { AppError } from '#shared/errors';
import { createSemaphore } from '#shared/semaphore';
import { createPreviewCache, type PreviewCache } from './preview-cache.ts';
import { createPreviewStore } from './preview-store.ts';
import type { PreviewInput } from './preview-worker.ts';

export type PreviewDependencies = {
  readonly compute: Pick<Compute, 'run'>;
  readonly storage: Pick<Storage, 'get' | 'put'>;
  readonly logger: Logger;
};

const worker = new URL('./preview-worker.ts', import.meta.url);
// Of CPU time, and some hundred times what one takes.
const limitMs = 10_000;
const mostWaiting = 100;

/** Paints in a thread. One picture at a time: who asks for all of them leaves the other threads to other work. */
function createPainter(compute: PreviewDependencies['compute']): (input: PreviewInput) => Promise<Buffer> {
  const turns = createSemaphore({
    limit: 1,
    maxWaiting: mostWaiting,
    overloadError: () =>
      new AppError('previews_overloaded', 'Too many pictures wait to be painted already.', {
        status: 503,
        retryable: true,
        retryAfterSeconds: 10,
      }),
  });
  return async (input) => {
    const release = await turns.acquire();
    try {
      const picture = await compute.run<PreviewInput, Uint8Array>(worker, input, { timeoutMs: limitMs });
      return Buffer.from(picture.buffer, picture.byteOffset, picture.byteLength);
    } finally {
      release();
    }
  };
}

/** From memory, else from object storage, else painted and put there for the next process. Storage that fails costs a painting, no picture. */
export function createPreviewPictures({ compute, storage, logger }: PreviewDependencies): PreviewCache {
  const store = createPreviewStore(storage, logger);
  const paint = createPainter(compute);
  return createPreviewCache(async (category, slug) => {
    const stored = await store.find(category, slug);
    if (stored !== undefined) return stored;
    const painted = await paint({ category, slug });
    // Beside the answer: who waits for the picture need not wait until it is stored.
    void store.keep(category, slug, painted);
    return painted;
  });
}
