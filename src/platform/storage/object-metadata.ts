import { invalid } from '#shared/errors';

/** Values by names in lower case, as S3 keeps them in the headers of an object. */
export type ObjectMetadata = Readonly<Record<string, string>>;

const maxBytes = 2048;
const namePattern = /^[a-z0-9-]{1,64}$/;
// Where the S3 driver keeps the checksum.
const takenName = 'sha256';

/** As it travels in a header, which takes no more than ASCII. */
export function encodeMetadata(metadata: ObjectMetadata): Record<string, string> {
  return Object.fromEntries(Object.entries(metadata).map(([name, value]) => [name, encodeURIComponent(value)]));
}

export function decodeMetadata(metadata: ObjectMetadata): Record<string, string> {
  return Object.fromEntries(Object.entries(metadata).map(([name, value]) => [name, decode(value)]));
}

/** Also what others stored, who may have encoded nothing. */
function decode(value: string): string {
  try {
    return decodeURIComponent(value);
  } catch (error) {
    if (error instanceof URIError) return value;
    throw error;
  }
}

/** @throws AppError `invalid_request` (422) */
export function checkMetadata(metadata: ObjectMetadata): void {
  for (const [name, value] of Object.entries(metadata)) {
    if (!namePattern.test(name) || name === takenName) throw invalid(`"${name}" is no name for metadata.`);
    if (!value.isWellFormed()) throw invalid(`The metadata "${name}" contains half of a surrogate pair.`);
  }
  const bytes = Object.entries(encodeMetadata(metadata)).reduce((sum, [name, value]) => sum + name.length + value.length, 0);
  if (bytes > maxBytes) throw invalid(`The metadata is larger than ${maxBytes} bytes.`);
}
