import { mkdirSync } from 'node:fs';
import path from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { setTimeout as delay } from 'node:timers/promises';
import { onDataFolder } from '#platform/database';
import { AppError } from '#shared/errors';
import { ConfigError } from './config.ts';

export type EngineLock = { release(): void };

// An engine that is being stopped, or whose stop was just asked for, lets go within this.
const attempts = 8;
const pauseMs = 250;

// Primary result codes of SQLite.
const sqliteBusy = 5;
const reasons = new Map([
  [8, 'this user may not write there'],
  [13, 'there is no space left on its disk'],
  [14, 'this user may not write there'],
]);

function codeOf(error: unknown): number {
  return error instanceof Error && 'errcode' in error ? Number(error.errcode) & 0xff : 0;
}

/**
 * One engine a data folder. The lock is SQLite's lock on a file in it, because the operating system takes that back when
 * the process ends, however it ends: a killed engine leaves nothing that must be cleaned up, and a number that another
 * process has by now misleads nobody. In the file stands the process that holds it, for the message.
 *
 * @throws ConfigError when an engine runs on the folder
 */
export async function lockDataFolder(dataDir: string): Promise<EngineLock> {
  await onDataFolder(dataDir, () => mkdirSync(dataDir, { recursive: true }));
  for (let attempt = 1; ; attempt += 1) {
    const outcome = tryLock(dataDir);
    if (typeof outcome === 'object') return outcome;
    if (attempt === attempts) {
      throw new ConfigError([
        `An engine runs already on the data folder ${dataDir} (process ${outcome}). Stop that one first, or give this one a folder and ports of its own (--data-dir or DATA_DIR).`,
      ]);
    }
    await delay(pauseMs);
  }
}

/** The lock, or the number of the process that has it. */
function tryLock(dataDir: string): EngineLock | number {
  let file: DatabaseSync | undefined;
  try {
    file = new DatabaseSync(path.join(dataDir, 'engine.lock'));
    // In this order: only the holder writes, and what it wrote can be read while it holds.
    file.exec(`begin immediate; pragma user_version = ${process.pid}; commit; begin immediate`);
    const held = file;
    return { release: () => held.close() };
  } catch (error) {
    const holder = codeOf(error) === sqliteBusy && file !== undefined ? readHolder(file) : undefined;
    file?.close();
    if (holder !== undefined) return holder;
    const reason = reasons.get(codeOf(error));
    if (reason === undefined) throw error;
    throw new AppError('data_folder_unusable', `The data folder ${dataDir} cannot be used: ${reason}.`, { cause: error });
  }
}

function readHolder(file: DatabaseSync): number {
  return Number(file.prepare('pragma user_version').get()?.user_version ?? 0);
}
