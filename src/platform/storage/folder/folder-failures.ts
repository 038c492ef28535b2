import { messageOf } from '#shared/errors';
import { invalidKey } from '../object-key.ts';
import { full, isFinal, unavailable } from '../storage-errors.ts';

export const codeOf = (error: unknown): string | undefined => (error as NodeJS.ErrnoException).code;

/** Nothing lies under the path. */
export const isAbsent = (error: unknown): boolean => ['ENOENT', 'ENOTDIR'].includes(codeOf(error) ?? '');

// What no further try can change.
const lastingCodes = ['EACCES', 'EPERM', 'EROFS', 'ELOOP'];

// The operating system's own words would tell where the folder lies.
function translate(error: unknown): unknown {
  const code = codeOf(error);
  if (code === 'ENOSPC' || code === 'EDQUOT') return full(error);
  if (code === 'ENAMETOOLONG') return invalidKey('is too long for the file system');
  return unavailable(`the folder fails with ${code ?? messageOf(error)}`, {
    isRetryable: !lastingCodes.includes(code ?? ''),
    cause: error,
  });
}

/** Failures of the file system as AppErrors. */
export async function guard<T>(run: () => Promise<T>, signal?: AbortSignal): Promise<T> {
  try {
    return await run();
  } catch (error) {
    throw isFinal(error, signal) ? error : translate(error);
  }
}
