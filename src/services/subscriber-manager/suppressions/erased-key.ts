import { createHmac } from 'node:crypto';

export const erasedKeyPrefix = 'erased:';

/** What stands in the suppressions for an erased person: recognises the address again without keeping it. */
export type ErasedKeyOf = (email: string) => string;

export function createErasedKeyOf(secret: string): ErasedKeyOf {
  return (email) => `${erasedKeyPrefix}${createHmac('sha256', secret).update(`erased-address\n${email.toLowerCase()}`).digest('hex')}`;
}
