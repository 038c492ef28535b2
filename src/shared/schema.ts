import { type TSchema, Type } from 'typebox';

/** For whatever comes in: a field that is not known is a fault, not a thing to pass over. */
export const closed = { additionalProperties: false } as const;

export function nullable<T extends TSchema>(schema: T) {
  return Type.Union([schema, Type.Null()]);
}

export const Uuid = Type.String({ format: 'uuid', maxLength: 36 });
export const IdParams = Type.Object({ id: Uuid });
export const Slug = Type.String({ pattern: '^[a-z0-9]+(-[a-z0-9]+)*$', maxLength: 80 });
export const LanguageCode = Type.String({ pattern: '^[a-z]{2}$', maxLength: 2, description: 'ISO 639-1.' });
