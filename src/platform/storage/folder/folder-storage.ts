import { rm } from 'node:fs/promises';
import { checkRange, resolveRange } from '../byte-range.ts';
import { cancelWith } from '../cancellation.ts';
import { copyThrough } from '../copy-through.ts';
import { type MeasuredBody, measureBody } from '../measured-body.ts';
import { checkKey } from '../object-key.ts';
import { checkList, checkPut, maxListed } from '../option-checks.ts';
import type { ListedObject, ObjectInfo, PutOptions, Storage } from '../storage-types.ts';
import { guard } from './folder-failures.ts';
import { type FolderFiles, openFolderFiles } from './folder-files.ts';
import { pathOfKey } from './folder-layout.ts';
import { walkKeys } from './folder-listing.ts';
import { describe, encodeTail, readInfo, streamContent, type WrittenFile } from './object-file.ts';

export type FolderStorageOptions = {
  readonly folder: string;
  readonly signUrl: Storage['signedUrl'];
};

// Files opened at once for a page of a list.
const listConcurrency = 16;

/** Objects as files below a folder, which may be shared by the processes of one machine. */
export function createFolderStorage({ folder, signUrl }: FolderStorageOptions): Storage {
  let opening: Promise<FolderFiles> | undefined;
  async function openFiles(): Promise<FolderFiles> {
    opening ??= openFolderFiles(folder);
    try {
      return await opening;
    } catch (error) {
      // Tried again by the next one who asks.
      opening = undefined;
      throw error;
    }
  }

  async function readHead(key: string): Promise<ObjectInfo | undefined> {
    const files = await openFiles();
    const handle = await files.openForReading(pathOfKey(files.root, key));
    if (handle === undefined) return undefined;
    try {
      return await readInfo(handle, key);
    } finally {
      await handle.close();
    }
  }

  const head: Storage['head'] = async (key, { signal } = {}) => {
    checkKey(key);
    signal?.throwIfAborted();
    const info = await guard(() => readHead(key));
    return info === undefined ? { kind: 'missing' } : { kind: 'found', ...info };
  };

  const get: Storage['get'] = async (key, { range, signal } = {}) => {
    checkKey(key);
    if (range !== undefined) checkRange(range);
    signal?.throwIfAborted();
    const files = await guard(openFiles);
    const handle = await guard(() => files.openForReading(pathOfKey(files.root, key)));
    if (handle === undefined) return { kind: 'missing' };
    let isHandedOver = false;
    try {
      const info = await guard(() => readInfo(handle, key));
      const resolved = range === undefined ? undefined : resolveRange(range, info.sizeBytes);
      if (range !== undefined && resolved === undefined) return { kind: 'unsatisfiable', sizeBytes: info.sizeBytes };
      const body = streamContent(handle, resolved ?? { start: 0, end: info.sizeBytes - 1 });
      isHandedOver = true;
      return { kind: 'found', ...info, range: resolved, body: cancelWith(signal, body) };
    } finally {
      if (!isHandedOver) await handle.close();
    }
  };

  const put: Storage['put'] = async (key, body, options) => {
    const measured = measureBody(body, options);
    try {
      checkPut(key, options);
      options.signal?.throwIfAborted();
      return await putFile(await guard(openFiles), key, measured, options);
    } finally {
      measured.release();
    }
  };

  return {
    put,
    get,
    head,
    async exists(key, options) {
      return (await head(key, options)).kind === 'found';
    },
    async remove(key, { signal } = {}) {
      checkKey(key);
      signal?.throwIfAborted();
      const files = await guard(openFiles);
      await guard(() => files.remove(pathOfKey(files.root, key)));
    },
    async removeMany(keys, { signal } = {}) {
      for (const key of keys) checkKey(key);
      const files = await guard(openFiles);
      const failures: unknown[] = [];
      for (const key of keys) {
        signal?.throwIfAborted();
        await guard(() => files.remove(pathOfKey(files.root, key))).catch((error: unknown) => failures.push(error));
      }
      if (failures.length > 0) throw failures[0];
    },
    async list(options = {}) {
      checkList(options);
      const { prefix = '', after = '', limit = maxListed, signal } = options;
      return guard(async () => {
        const keys: string[] = [];
        for await (const key of walkKeys(await openFiles(), prefix, after)) {
          signal?.throwIfAborted();
          // The one more, by which a further page is known.
          if (keys.push(key) > limit) break;
        }
        const page = keys.slice(0, limit);
        return { items: await listObjects(page, readHead), next: keys.length > limit ? page.at(-1) : undefined };
      }, signal);
    },
    async copy(from, to, { signal } = {}) {
      checkKey(to);
      return copyThrough({ get, put }, from, to, signal);
    },
    signedUrl: signUrl,
    async removeAbandonedUploads(before) {
      return guard(async () => (await openFiles()).removeUploads(before));
    },
    async check() {
      await guard(async () => {
        const { handle, file } = await (await openFiles()).openUpload();
        await handle.close();
        await rm(file);
      });
    },
    async close() {
      // Holds nothing but what its readers hold.
    },
  };
}

async function listObjects(keys: readonly string[], readHead: (key: string) => Promise<ObjectInfo | undefined>): Promise<ListedObject[]> {
  const items: ListedObject[] = [];
  for (let at = 0; at < keys.length; at += listConcurrency) {
    const infos = await Promise.all(keys.slice(at, at + listConcurrency).map(readHead));
    for (const info of infos) {
      // Removed since it was listed.
      if (info === undefined) continue;
      const { key, sizeBytes, etag, modifiedAt } = info;
      items.push({ key, sizeBytes, etag, modifiedAt });
    }
  }
  return items;
}

async function putFile(files: FolderFiles, key: string, measured: MeasuredBody, options: PutOptions): Promise<WrittenFile> {
  const { contentType, cacheControl, metadata = {}, signal } = options;
  const { handle, file } = await guard(() => files.openUpload());
  let isPublished = false;
  try {
    for await (const chunk of measured.chunks) {
      signal?.throwIfAborted();
      await guard(() => handle.writeFile(chunk));
    }
    const properties = { contentType, cacheControl, metadata, ...measured.result() };
    await guard(async () => {
      await handle.writeFile(encodeTail(properties));
      await handle.sync();
    });
    // Whoever gave it up meanwhile is told that nothing is stored.
    signal?.throwIfAborted();
    await guard(() => files.publish(file, pathOfKey(files.root, key)));
    isPublished = true;
    return describe(key, properties);
  } finally {
    await handle.close();
    if (!isPublished) await rm(file, { force: true });
  }
}
