import { createHmac, timingSafeEqual } from 'node:crypto';

const macBytes = 16;

function macOf(secret: string, purpose: string, payload: string): Buffer {
  return createHmac('sha256', secret).update(`${purpose}\n${payload}`).digest().subarray(0, macBytes);
}

/** `<payload>.<mac>`, both base64url. A token made for one purpose is refused for another. */
export function signToken(secret: string, purpose: string, payload: string): string {
  return `${Buffer.from(payload).toString('base64url')}.${macOf(secret, purpose, payload).toString('base64url')}`;
}

/** The payload of a token that `signToken` made with this secret and purpose, else undefined. Compares in constant time. */
export function verifyToken(secret: string, purpose: string, token: string): string | undefined {
  const [encoded = '', mac = '', ...rest] = token.split('.');
  if (rest.length > 0) return undefined;
  const payload = Buffer.from(encoded, 'base64url').toString('utf8');
  const given = Buffer.from(mac, 'base64url');
  const expected = macOf(secret, purpose, payload);
  return given.length === expected.length && timingSafeEqual(given, expected) ? payload : undefined;
}
