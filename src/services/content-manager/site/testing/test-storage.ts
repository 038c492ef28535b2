import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createStorage, type Storage } from '#platform/storage';
import { createMetrics } from '#platform/telemetry';
import { systemClock } from '#shared/clock';

export type TestStorage = {
  readonly storage: Storage;
  /** Another process's view of the same objects. */
  reopen(): Storage;
  close(): Promise<void>;
};

/** Objects in a temporary folder; or, when it `fails`, below what is no folder, where nothing can be read or written. */
export async function createTestStorage({ fails = false }: { readonly fails?: boolean } = {}): Promise<TestStorage> {
  const root = await mkdtemp(path.join(tmpdir(), 'aquascene-storage-'));
  const folder = path.join(root, 'objects');
  if (fails) await writeFile(folder, '');
  const opened: Storage[] = [];
  const writes: Promise<unknown>[] = [];
  const reopen = () => {
    const config = { kind: 'folder', folder } as const;
    const storage = createStorage({
      config,
      publicUrl: 'https://digest.example',
      secret: 'test',
      clock: systemClock,
      metrics: createMetrics('test'),
    });
    opened.push(storage);
    const put: Storage['put'] = (key, body, options) => {
      const writing = storage.put(key, body, options);
      writes.push(writing);
      return writing;
    };
    return { ...storage, put };
  };
  return {
    storage: reopen(),
    reopen,
    async close() {
      // Pictures are stored beside the answers: the last may be on its way.
      await Promise.allSettled(writes);
      await Promise.all(opened.map((storage) => storage.close()));
      await rm(root, { recursive: true });
    },
  };
}
