import { invalid } from '#shared/errors';
import { checkKey, checkKeyPart } from './object-key.ts';
import { checkMetadata } from './object-metadata.ts';
import type { ListOptions, PutOptions, SignedUrlOptions } from './storage-types.ts';

const maxHeaderLength = 255;
export const maxListed = 1000;
// As in the fourth version of AWS's signatures.
const maxExpiryS = 7 * 24 * 3600;

const mediaType = /^[\w!#$&^.+-]+\/[\w!#$&^.+-]+( *; *[\w!#$&^.+-]+=([\w!#$&^.+-]+|"[\x20\x21\x23-\x5b\x5d-\x7e]*"))*$/;
const headerText = /^[\x20-\x7e]*$/;
const sha256Hex = /^[0-9a-f]{64}$/;

function checkContentType(contentType: string): void {
  if (contentType.length > maxHeaderLength || !mediaType.test(contentType)) throw invalid('The content type is not a media type.');
}

/** @throws AppError `invalid_object_key` or `invalid_request` (422) */
export function checkPut(key: string, { contentType, cacheControl = '', metadata = {}, maxBytes, sha256 }: PutOptions): void {
  checkKey(key);
  checkContentType(contentType);
  if (cacheControl.length > maxHeaderLength || !headerText.test(cacheControl)) throw invalid('The cache control is not a header value.');
  checkMetadata(metadata);
  if (maxBytes !== undefined && !(maxBytes >= 0)) throw new RangeError('maxBytes must not be negative');
  if (sha256 !== undefined && !sha256Hex.test(sha256)) throw invalid('The checksum is not a SHA-256 in lower-case hex.');
}

/** @throws AppError `invalid_object_key` (422), or RangeError for a limit that no caller's input may reach unchecked */
export function checkList({ prefix = '', after = '', limit = maxListed }: ListOptions): void {
  checkKeyPart(prefix);
  checkKeyPart(after);
  if (!Number.isInteger(limit) || limit < 1 || limit > maxListed) throw new RangeError(`limit must be an integer from 1 to ${maxListed}`);
}

export function checkSignedUrl(key: string, { expiresInS, contentType }: SignedUrlOptions): void {
  checkKey(key);
  if (contentType !== undefined) checkContentType(contentType);
  if (!Number.isInteger(expiresInS) || expiresInS < 1 || expiresInS > maxExpiryS) {
    throw new RangeError(`expiresInS must be an integer from 1 to ${maxExpiryS}`);
  }
}
