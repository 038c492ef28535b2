import type { ByteRange } from './storage-types.ts';

export type ResolvedRange = { readonly start: number; readonly end: number };

/** First and last byte, both included. Undefined when the object has no byte of the range (RFC 9110, section 14.1.2). */
export function resolveRange(range: ByteRange, sizeBytes: number): ResolvedRange | undefined {
  const last = sizeBytes - 1;
  const { start, end } =
    'suffixLength' in range
      ? { start: Math.max(0, sizeBytes - range.suffixLength), end: range.suffixLength > 0 ? last : -1 }
      : { start: range.start, end: Math.min(range.end ?? last, last) };
  return start > last || end < start ? undefined : { start, end };
}

/** @throws RangeError for what is no range at all */
export function checkRange(range: ByteRange): void {
  const numbers = 'suffixLength' in range ? [range.suffixLength] : [range.start, range.end ?? range.start];
  if (numbers.some((number) => !Number.isSafeInteger(number) || number < 0)) throw new RangeError('a range has whole, positive bounds');
  if ('start' in range && range.end !== undefined && range.end < range.start) throw new RangeError('a range ends after its start');
}

/** The value of a Range header. Undefined for what may be ignored: other units, several ranges, what is not well-formed. */
export function parseRange(header: string | undefined): ByteRange | undefined {
  const [, start, end] = /^bytes=(\d{0,15})-(\d{0,15})$/.exec(header ?? '') ?? [];
  if (start === undefined || end === undefined || (start === '' && end === '')) return undefined;
  if (start === '') return { suffixLength: Number(end) };
  if (end === '') return { start: Number(start) };
  return Number(end) < Number(start) ? undefined : { start: Number(start), end: Number(end) };
}

/** The value of a Range header. */
export function formatRange(range: ByteRange): string {
  return 'suffixLength' in range ? `bytes=-${range.suffixLength}` : `bytes=${range.start}-${range.end ?? ''}`;
}
