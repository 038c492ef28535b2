import { AppError } from '#shared/errors';

const maxKeyBytes = 1024;

export const invalidKey = (reason: string): AppError => new AppError('invalid_object_key', `The object's key ${reason}.`, { status: 422 });

// Control characters, and the two that XML, in which S3 lists keys, cannot carry.
const unlistable = /[\p{Cc}\ufffe\uffff]/u;

function faultOf(key: string): string | undefined {
  if (!key.isWellFormed()) return 'must not contain half of a surrogate pair';
  if (unlistable.test(key)) return 'must not contain control characters';
  return Buffer.byteLength(key) > maxKeyBytes ? `must not be longer than ${maxKeyBytes} bytes` : undefined;
}

/**
 * Browsers and proxies take `.`, `..` and empty segments out of a path, so that an address would mean another object.
 * @throws AppError `invalid_object_key` (422)
 */
export function checkKey(key: string): void {
  if (key === '') throw invalidKey('must not be empty');
  const fault = faultOf(key);
  if (fault !== undefined) throw invalidKey(fault);
  if (key.split('/').some((segment) => segment === '' || segment === '.' || segment === '..')) {
    throw invalidKey('must not have a segment that is empty, "." or ".."');
  }
}

/** A part of a key: a prefix to list by, or the place to go on after. @throws AppError `invalid_object_key` (422) */
export function checkKeyPart(part: string): void {
  const fault = faultOf(part);
  if (fault !== undefined) throw invalidKey(fault);
}
