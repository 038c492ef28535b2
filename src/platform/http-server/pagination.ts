import { type TSchema, Type } from 'typebox';
import { invalid } from '#shared/errors';
import { isUuid } from '#shared/uuid';

export const PageQuery = {
  limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 100, default: 20, description: 'Rows a page.' })),
  cursor: Type.Optional(Type.String({ maxLength: 500, description: '`nextCursor` of the page before.' })),
};

export function PageOf<T extends TSchema>(item: T) {
  return Type.Object({ items: Type.Array(item), nextCursor: Type.Union([Type.String(), Type.Null()]) });
}

export type Page<T> = { readonly items: T[]; readonly nextCursor: string | null };

/** A place in a list that is sorted by a time and, where times are equal, by id. */
export type Position = { readonly at: Date; readonly id: string };

export function encodeCursor(position: Position): string {
  return Buffer.from(`${position.at.toISOString()}|${position.id}`).toString('base64url');
}

/** @throws AppError `invalid_request` (422) when the cursor was not made by `encodeCursor`. */
export function decodeCursor(cursor: string | undefined): Position | undefined {
  if (cursor === undefined) return undefined;
  const [time = '', id = ''] = Buffer.from(cursor, 'base64url').toString('utf8').split('|');
  // Four digits of a year: JavaScript knows times that PostgreSQL does not.
  const at = new Date(/^\d{4}-/.test(time) ? time : Number.NaN);
  if (Number.isNaN(at.getTime()) || at.getUTCFullYear() < 1 || !isUuid(id)) {
    throw invalid('The cursor is not one that a page of this list gave.', [
      { path: '/querystring/cursor', message: 'is not a known cursor' },
    ]);
  }
  return { at, id };
}

/** Makes a page of rows that were read with one row more than `limit`. */
export function toPage<T>(rows: readonly T[], limit: number, positionOf: (row: T) => Position): Page<T> {
  const items = rows.slice(0, limit);
  const last = items.at(-1);
  return { items, nextCursor: rows.length > limit && last !== undefined ? encodeCursor(positionOf(last)) : null };
}
