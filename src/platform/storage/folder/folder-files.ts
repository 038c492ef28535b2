import { randomUUID } from 'node:crypto';
import { constants } from 'node:fs';
import { type FileHandle, mkdir, open, opendir, realpath, rename, rm, rmdir, stat, unlink } from 'node:fs/promises';
import path from 'node:path';
import { unavailable } from '../storage-errors.ts';
import { isAbsent } from './folder-failures.ts';

const mode = { folder: 0o700, file: 0o600 } as const;
// A folder that was emptied may be removed between its making and the file's move into it, each time anew.
const maxMoves = 50;

/** Files below one folder, by paths relative to it. Whatever leads out of it by a symbolic link is refused. */
export type FolderFiles = {
  /** Of the objects. */
  readonly root: string;
  /** False when there is no such folder. */
  hasFolder(folder: string): Promise<boolean>;
  /** Undefined when there is none. */
  openForReading(file: string): Promise<FileHandle | undefined>;
  openUpload(): Promise<{ readonly handle: FileHandle; readonly file: string }>;
  /** What is in the file is on the disk when this ends, under its new name only. */
  publish(upload: string, file: string): Promise<void>;
  remove(file: string): Promise<void>;
  removeUploads(before: Date): Promise<number>;
};

/** Makes the folder when it is not there. */
export async function openFolderFiles(folder: string): Promise<FolderFiles> {
  const root = path.join(folder, 'objects');
  const uploads = path.join(folder, 'uploads');
  for (const part of [root, uploads]) await mkdir(part, { recursive: true, mode: mode.folder });
  const realRoot = await realpath(root);

  /** Throws ENOENT when the folder is not there. */
  async function checkPlace(file: string): Promise<void> {
    const parent = path.dirname(file);
    if ((await realpath(parent)) !== path.join(realRoot, path.relative(root, parent))) {
      throw unavailable('a symbolic link leads out of the folder', { isRetryable: false });
    }
  }

  async function move(upload: string, file: string): Promise<void> {
    const parent = path.dirname(file);
    await mkdir(parent, { recursive: true, mode: mode.folder });
    await checkPlace(file);
    await rename(upload, file);
    // A new folder is an entry of the one above it, and another writer may have made it a moment ago.
    for (let at = parent; at.length >= root.length; at = path.dirname(at)) await syncFolder(at);
  }

  return {
    root,
    async hasFolder(folder) {
      try {
        await checkPlace(path.join(folder, 'any'));
        return true;
      } catch (error) {
        if (isAbsent(error)) return false;
        throw error;
      }
    },
    async openForReading(file) {
      try {
        await checkPlace(file);
        return await open(file, constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0));
      } catch (error) {
        if (isAbsent(error)) return undefined;
        throw error;
      }
    },
    async openUpload() {
      const file = path.join(uploads, randomUUID());
      return { file, handle: await open(file, 'wx+', mode.file) };
    },
    async publish(upload, file) {
      for (let moves = 1; ; moves += 1) {
        try {
          return await move(upload, file);
        } catch (error) {
          if (!isAbsent(error) || moves === maxMoves) throw error;
        }
      }
    },
    async remove(file) {
      try {
        await checkPlace(file);
        await unlink(file);
        await syncFolder(path.dirname(file));
      } catch (error) {
        if (!isAbsent(error)) throw error;
      }
      await removeEmptyFolders(root, path.dirname(file));
    },
    async removeUploads(before) {
      let removed = 0;
      for await (const { name } of await opendir(uploads)) {
        const file = path.join(uploads, name);
        if (await isOlder(file, before)) {
          await rm(file, { force: true });
          removed += 1;
        }
      }
      return removed;
    },
  };
}

async function isOlder(file: string, before: Date): Promise<boolean> {
  try {
    return (await stat(file)).mtimeMs < before.getTime();
  } catch (error) {
    if (isAbsent(error)) return false;
    throw error;
  }
}

async function removeEmptyFolders(root: string, start: string): Promise<void> {
  for (let folder = start; folder.length > root.length; folder = path.dirname(folder)) {
    try {
      await rmdir(folder);
    } catch (error) {
      // One that is gone may have left the one above it empty.
      if (!isAbsent(error)) return;
    }
  }
}

/** A rename is on the disk when the folder is. Windows knows no such thing. */
async function syncFolder(folder: string): Promise<void> {
  if (process.platform === 'win32') return;
  const handle = await open(folder, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
