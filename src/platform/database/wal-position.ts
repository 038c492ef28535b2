/** A place in the primary's log of changes: whoever has replayed up to it has every commit before it. */
export type WalPosition = { readonly timeline: number; readonly lsn: bigint };

// No server ever gets there: a position that was not learned sends every read of its session to the primary.
const beyondAll = (1n << 64n) - 1n;
const pageBytes = 8192n;
const pageHeaderBytes = 24n;

export const unknownPosition: WalPosition = { timeline: 0, lsn: beyondAll };

/** The text form of pg_lsn: two hexadecimal halves, e.g. `16/B374D848`. */
export function parseLsn(text: string): bigint {
  const [high = '0', low = '0'] = text.split('/');
  return (BigInt(`0x${high}`) << 32n) | BigInt(`0x${low}`);
}

export const formatLsn = (lsn: bigint): string => `${(lsn >> 32n).toString(16)}/${(lsn & 0xffff_ffffn).toString(16)}`.toUpperCase();

/**
 * Where the next record goes is behind the header of a page when the last one filled the page before it; what a replica
 * has replayed is then the start of that page. No record ends right behind a header.
 */
export const endOfLastRecord = (insertLsn: bigint): bigint =>
  insertLsn % pageBytes === pageHeaderBytes ? insertLsn - pageHeaderBytes : insertLsn;
