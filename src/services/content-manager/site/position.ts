import { isUuid } from '#shared/uuid';

/** A place in a keyset-paginated list: what it is sorted by, and the id where that is equal. */
export type Position = { readonly value: number; readonly id: string };

export const encodePosition = ({ value, id }: Position): string => Buffer.from(`${value}|${id}`).toString('base64url');

/** Undefined when the text is not one that `encodePosition` made. */
export function decodePosition(text: string): Position | undefined {
  const [value = '', id = '', ...rest] = Buffer.from(text, 'base64url').toString('latin1').split('|');
  const number = Number(value);
  if (rest.length > 0 || value.trim() === '' || !Number.isFinite(number) || !isUuid(id)) return undefined;
  return { value: number, id };
}
