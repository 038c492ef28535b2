import { randomBytes } from 'node:crypto';
import { chmodSync, existsSync, linkSync, mkdirSync, readFileSync, rmSync, statfsSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { AppError, messageOf } from '#shared/errors';

// PostgreSQL needs about 60 MB for a new cluster, and room for its log of changes to start at all.
const scarceBytes = 64 * 1024 ** 2;

/** A hint for whoever reads the error, where the disk may be its cause; else empty. */
export function describeScarceSpace(folder: string): string {
  let nearest = path.resolve(folder);
  while (!existsSync(nearest) && path.dirname(nearest) !== nearest) nearest = path.dirname(nearest);
  const { bavail, bsize } = statfsSync(nearest);
  const freeBytes = bavail * bsize;
  if (freeBytes >= scarceBytes) return '';
  return ` There are only ${(freeBytes / 1024 ** 2).toFixed(0)} MB left on the disk of ${folder}: make room and start again.`;
}

const reasons: Readonly<Record<string, string>> = {
  ENOSPC: 'there is no space left on its disk',
  EDQUOT: 'the disk quota of this user is used up',
  EACCES: 'this user may not write there',
  EPERM: 'this user may not write there',
  EROFS: 'its disk is read-only',
  ENOTDIR: 'a part of its path is a file',
  EEXIST: 'it is a file',
};

/** Runs work on the data folder; what the file system refuses becomes an AppError that says so in plain words. */
export async function onDataFolder<T>(dataDir: string, work: () => T | Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : '';
    const reason = reasons[code];
    if (error instanceof AppError || reason === undefined) throw error;
    throw new AppError('data_folder_unusable', `The data folder ${dataDir} cannot be used: ${reason}.`, {
      cause: new Error(messageOf(error)),
    });
  }
}

/**
 * The password of the cluster's owner, made at the first call. Whole or not there: whatever is read here is what the
 * cluster was made with, also when two processes start at once or one is killed in the middle.
 */
export function readOrMakePassword(dataDir: string): string {
  const file = path.join(dataDir, 'postgres-password');
  mkdirSync(dataDir, { recursive: true });
  if (!existsSync(file)) {
    const draft = `${file}.${process.pid}`;
    writeFileSync(draft, randomBytes(24).toString('base64url'), { mode: 0o600 });
    chmodSync(draft, 0o600);
    try {
      linkSync(draft, file);
    } catch (error) {
      if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error;
    } finally {
      rmSync(draft, { force: true });
    }
  }
  return readFileSync(file, 'utf8').trim();
}
