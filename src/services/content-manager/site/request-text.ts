import { decodePosition, type Position } from './position.ts';

// Readers' addresses carry much that is not ours: campaign parameters, things twice, things cut off. Pages take what they
// know and pass over the rest, where the API would refuse.

/** One text of the query string, without control characters, at most `maxLength` characters; '' when it is not there. */
export function textOf(value: unknown, maxLength: number): string {
  const first: unknown = Array.isArray(value) ? value[0] : value;
  if (typeof first !== 'string') return '';
  return first
    .slice(0, maxLength * 4)
    .replace(/\p{C}+/gu, ' ')
    .trim()
    .slice(0, maxLength);
}

/** The place that a list is read from: undefined from its beginning, null when the text is no place. */
export function positionOf(value: unknown): Position | undefined | null {
  const text = textOf(value, 200);
  return text === '' ? undefined : (decodePosition(text) ?? null);
}

/** True for what can stand in a slug column: PostgreSQL refuses text with a zero byte. */
export const isSlugLike = (text: string): boolean => text !== '' && !/\p{C}/u.test(text);
