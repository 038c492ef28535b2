import { spawnSync } from 'node:child_process';
import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';

export type SmallDisk = {
  readonly folder: string;
  resize(megabytes: number): void;
  /** Takes what is left of the space. `free` gives it back. */
  fill(): void;
  free(): void;
  remove(): void;
};

function mount(words: readonly string[]): boolean {
  return spawnSync('mount', words, { stdio: 'ignore' }).status === 0;
}

/** A disk of its own with this much space, or undefined where this user may not mount any. */
export function mountSmallDisk(megabytes: number): SmallDisk | undefined {
  if (process.platform !== 'linux' || process.getuid?.() !== 0) return undefined;
  const folder = mkdtempSync(path.join(os.tmpdir(), 'aquascene-disk-'));
  if (!mount(['-t', 'tmpfs', '-o', `size=${megabytes}m,mode=755`, 'tmpfs', folder])) {
    rmSync(folder, { recursive: true });
    return undefined;
  }
  // Under root the database server runs as another user, who must be able to pass.
  chmodSync(folder, 0o755);
  const filler = path.join(folder, 'filler');
  return {
    folder,
    resize(size) {
      if (!mount(['-o', `remount,size=${size}m`, folder])) throw new Error('the disk cannot be resized');
    },
    fill() {
      const { status } = spawnSync('dd', ['if=/dev/zero', `of=${filler}`, 'bs=64k'], { stdio: 'ignore' });
      if (status === 0) throw new Error('the disk was not filled');
    },
    free: () => rmSync(filler, { force: true }),
    remove() {
      spawnSync('umount', ['--lazy', folder], { stdio: 'ignore' });
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
