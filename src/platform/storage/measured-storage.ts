import type { Metrics } from '#platform/telemetry';
import { AppError } from '#shared/errors';
import type { Storage } from './storage-types.ts';

const secondsBuckets = [0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60];

/** The same storage with figures: operations by outcome, their duration, and the bytes that went in and out. */
export function measureStorage(storage: Storage, driver: string, metrics: Metrics): Storage {
  const operations = metrics.counter('aquascene_storage_operations_total', 'Operations of object storage', [
    'driver',
    'operation',
    'outcome',
  ]);
  const seconds = metrics.histogram(
    'aquascene_storage_operation_seconds',
    'Duration of operations of object storage; of a read, up to its first byte',
    ['driver', 'operation'],
    secondsBuckets,
  );
  const bytes = metrics.counter('aquascene_storage_bytes_total', 'Content of objects that was read and written', ['driver', 'direction']);

  async function measure<T>(operation: string, run: () => Promise<T>): Promise<T> {
    const end = seconds.startTimer({ driver, operation });
    let outcome = 'aborted';
    try {
      const result = await run();
      outcome = isMissing(result) ? 'missing' : 'done';
      return result;
    } catch (error) {
      if (error instanceof AppError) outcome = error.code;
      else if (!(error instanceof Error && error.name === 'AbortError')) outcome = 'failed';
      throw error;
    } finally {
      end();
      operations.inc({ driver, operation, outcome });
    }
  }

  return {
    async put(key, body, options) {
      const info = await measure('put', () => storage.put(key, body, options));
      bytes.inc({ driver, direction: 'written' }, info.sizeBytes);
      return info;
    },
    async get(key, options) {
      const found = await measure('get', () => storage.get(key, options));
      if (found.kind === 'found') {
        const { body } = found;
        body.once('close', () => bytes.inc({ driver, direction: 'read' }, bytesRead(found)));
      }
      return found;
    },
    head: (key, options) => measure('head', () => storage.head(key, options)),
    exists: (key, options) => measure('exists', () => storage.exists(key, options)),
    remove: (key, options) => measure('remove', () => storage.remove(key, options)),
    removeMany: (keys, options) => measure('remove_many', () => storage.removeMany(keys, options)),
    list: (options) => measure('list', () => storage.list(options)),
    copy: (from, to, options) => measure('copy', () => storage.copy(from, to, options)),
    signedUrl: (key, options) => storage.signedUrl(key, options),
    removeAbandonedUploads: (before) => measure('remove_abandoned', () => storage.removeAbandonedUploads(before)),
    check: () => measure('check', () => storage.check()),
    close: () => storage.close(),
  };
}

const isMissing = (result: unknown): boolean =>
  typeof result === 'object' && result !== null && 'kind' in result && result.kind === 'missing';

/** What was asked for; nothing where the reader went before the end. */
function bytesRead({
  body,
  range,
  sizeBytes,
}: {
  readonly body: { readonly readableEnded: boolean };
  readonly range: { readonly start: number; readonly end: number } | undefined;
  readonly sizeBytes: number;
}): number {
  if (!body.readableEnded) return 0;
  return range === undefined ? sizeBytes : range.end - range.start + 1;
}
