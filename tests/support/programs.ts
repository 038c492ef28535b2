import { spawnSync } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import path from 'node:path';

/** A program that some tests need and that no npm package brings. */
export type Program = { readonly names: readonly string[]; readonly debianPackage: string };

export const chromium: Program = { names: ['chromium', 'chromium-browser', 'google-chrome'], debianPackage: 'chromium' };

function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** Full path of the program, or undefined when it is not on the PATH. */
export function findProgram(program: Program): string | undefined {
  const folders = (process.env.PATH ?? '').split(path.delimiter);
  return folders.flatMap((folder) => program.names.map((name) => path.join(folder, name))).find(isExecutable);
}

/** Installs what is missing where the machine lets it: root on Debian. Elsewhere the tests in question are skipped. */
export function installPrograms(programs: readonly Program[]): void {
  const missing = programs.filter((program) => findProgram(program) === undefined).map(({ debianPackage }) => debianPackage);
  if (missing.length === 0 || process.getuid?.() !== 0) return;
  if (findProgram({ names: ['apt-get'], debianPackage: 'apt' }) === undefined) return;
  console.log(`Installing ${missing.join(', ')} for the tests …`);
  const environment = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  for (const words of [
    ['update', '-qq'],
    ['install', '-y', '-qq', '--no-install-recommends', ...missing],
  ]) {
    const { status } = spawnSync('apt-get', words, { env: environment, stdio: ['ignore', 'ignore', 'inherit'] });
    if (status !== 0) console.error(`apt-get ${words[0]} failed with ${status}.`);
  }
}

/**
 * Why a test that needs the program is skipped, or false when the program is there. In CI nothing is skipped: there the
 * missing program is a failure.
 */
export function reasonToSkip(program: Program): string | false {
  if (findProgram(program) !== undefined) return false;
  const reason = `${program.names[0]} is not installed (Debian: apt-get install ${program.debianPackage})`;
  if (process.env.CI === 'true') throw new Error(reason);
  return reason;
}
