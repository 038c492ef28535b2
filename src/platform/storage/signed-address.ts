import { signToken, verifyToken } from '#shared/signing';
import type { SignedUrlOptions } from './storage-types.ts';

const purpose = 'storage-address';

/** What a signed address allows. */
export type Permit = Pick<SignedUrlOptions, 'method' | 'contentType'> & {
  readonly key: string;
  /** Seconds since 1970. */
  readonly expiresAtS: number;
};

// No part but the last can contain a line break, and a key contains none.
const payloadOf = ({ method, expiresAtS, contentType = '', key }: Permit): string => [method, expiresAtS, contentType, key].join('\n');

export function signPermit(secret: string, permit: Permit): string {
  return signToken(secret, purpose, payloadOf(permit)).split('.')[1] ?? '';
}

/** Compares in constant time. */
export function isSigned(secret: string, permit: Permit, signature: string): boolean {
  const payload = Buffer.from(payloadOf(permit)).toString('base64url');
  return verifyToken(secret, purpose, `${payload}.${signature}`) !== undefined;
}

export const addressPath = '/storage/';

/** Under the engine's own address: the routes of `createStorageRoutes` answer it. */
export function formatAddress(publicUrl: string, secret: string, permit: Permit): string {
  const path = permit.key.split('/').map(encodeURIComponent).join('/');
  const url = new URL(`${publicUrl.replace(/\/+$/, '')}${addressPath}${path}`);
  url.searchParams.set('expires', String(permit.expiresAtS));
  if (permit.contentType !== undefined) url.searchParams.set('type', permit.contentType);
  url.searchParams.set('signature', signPermit(secret, permit));
  return url.toString();
}
