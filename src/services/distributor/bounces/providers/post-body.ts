import { timingSafeEqual } from 'node:crypto';
import { AppError } from '#shared/errors';

export type Json = { readonly [name: string]: unknown };

export const isObject = (value: unknown): value is Json => typeof value === 'object' && value !== null && !Array.isArray(value);
export const objectOf = (value: unknown): Json => (isObject(value) ? value : {});
export const textOf = (value: unknown): string => (typeof value === 'string' ? value : typeof value === 'number' ? String(value) : '');

/** @throws AppError `invalid_request` (400) */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    throw new AppError('invalid_request', 'The body is no JSON.', { status: 400, fields: [{ path: '/', message: 'is no JSON' }] });
  }
}

/** In constant time, whatever their lengths. */
export function isSame(left: string, right: string): boolean {
  const [a, b] = [Buffer.from(left), Buffer.from(right)];
  return a.length === b.length && timingSafeEqual(a, b);
}

/** A time that the provider gives; now when it is none, or lies far off. */
export function timeOf(value: unknown, now: Date): Date {
  const time = typeof value === 'number' ? new Date(value * 1000) : new Date(textOf(value));
  const isPlausible = Math.abs(time.getTime() - now.getTime()) < 30 * 24 * 3600_000;
  return isPlausible && time <= now ? time : now;
}
