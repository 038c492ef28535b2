import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { addAbortSignal } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import type { Storage } from '#platform/storage';
import { createOutageLog, type Logger } from '#platform/telemetry';
import { createCircuitBreaker } from '#shared/circuit-breaker';

export type PreviewStore = {
  /** Undefined when it is not there, or storage does not answer. */
  find(category: string, slug: string): Promise<Buffer | undefined>;
  /** Tries to; that it failed is logged, and no more. */
  keep(category: string, slug: string, picture: Buffer): Promise<void>;
};

// Longer than this, painting is quicker than waiting.
const patienceMs = 2000;
const folder = path.join(import.meta.dirname, 'artwork');

function hashDesign(): string {
  const hash = createHash('sha256');
  for (const file of readdirSync(folder).sort()) if (!file.endsWith('.test.ts')) hash.update(readFileSync(path.join(folder, file)));
  return hash.digest('hex').slice(0, 16);
}

/** Tries while there is hope: after some failures in a row, only from time to time. Undefined when it failed. */
function createAttempt(logger: Logger, what: string) {
  const outage = createOutageLog(logger, what);
  const breaker = createCircuitBreaker({ failureThreshold: 3, openMs: 10_000 });
  return async <T>(work: (signal: AbortSignal) => Promise<T>): Promise<T | undefined> => {
    if (!breaker.tryAcquire()) return undefined;
    try {
      const result = await work(AbortSignal.timeout(patienceMs));
      breaker.succeeded();
      outage.up();
      return result;
    } catch (error) {
      breaker.failed();
      outage.down(error);
      return undefined;
    }
  };
}

/** Preview pictures in object storage: what one process painted, no other one paints again, nor after a restart. */
export function createPreviewStore(storage: Pick<Storage, 'get' | 'put'>, logger: Logger): PreviewStore {
  // Changes with whatever draws the picture. All pictures of one design lie under one prefix, by which an old one can be removed.
  const design = hashDesign();
  // Apart, since a full disk can still be read.
  const attemptRead = createAttempt(logger, 'Object storage, to read previews');
  const attemptWrite = createAttempt(logger, 'Object storage, to write previews');

  // Hashed: a slug may be longer than a key, and have characters that no key has.
  const keyOf = (category: string, slug: string) =>
    `previews/${design}/${createHash('sha256')
      .update(JSON.stringify([category, slug]))
      .digest('hex')}.png`;

  return {
    find: (category, slug) =>
      attemptRead(async (signal) => {
        const found = await storage.get(keyOf(category, slug), { signal });
        return found.kind === 'found' ? buffer(addAbortSignal(signal, found.body)) : undefined;
      }),
    async keep(category, slug, picture) {
      await attemptWrite((signal) => storage.put(keyOf(category, slug), picture, { contentType: 'image/png', signal }));
    },
  };
}
