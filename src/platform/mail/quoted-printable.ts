/** RFC 2045, 6.7: no encoded line is longer, its soft line break included. */
const maxLineLength = 76;

const cr = 0x0d;
const lf = 0x0a;
const equals = 0x3d;
const dot = 0x2e;
const capitalF = 0x46;

const encoded = 0;
const literal = 1;
const blank = 2;
const lineEnd = 3;
/** A literal anywhere but at the beginning of a line. */
const notFirst = 4;

const hexDigits = Buffer.from('0123456789ABCDEF');
const classes = Uint8Array.from({ length: 256 }, (_, byte) => {
  if (byte === cr || byte === lf) return lineEnd;
  if (byte === 0x20 || byte === 0x09) return blank;
  if (byte === dot || byte === capitalF) return notFirst;
  return byte >= 33 && byte <= 126 && byte !== equals ? literal : encoded;
});

/** Grows with the longest text so far: to allocate the worst case, three times the text, for every mail would keep the collector busy. */
let input = Buffer.alloc(0);
let scratch = Buffer.alloc(0);

/** Every byte as three, and a soft line break of three for every 72 of those. `bytes`: of the text in UTF-8. */
const worstCase = (bytes: number) => Math.ceil(bytes * 3 * (1 + 3 / 72)) + 3;

/** No text in UTF-8, encoded, takes more bytes: three for each UTF-16 unit, before they are encoded. */
export const maxEncodedBytes = (text: string): number => worstCase(text.length * 3);

/**
 * Text in quoted-printable, its line ends as CRLF. Several times as fast as a stream through nodemailer's encoder, which was a
 * third of what a mail costs its sender. No line begins with a dot, which SMTP would double, nor with "From ", which
 * mailboxes in files mark with a ">": either would break a signature.
 */
export function encodeQuotedPrintable(text: string): Buffer {
  const worst = maxEncodedBytes(text);
  if (scratch.length < worst) scratch = Buffer.allocUnsafe(worst * 2);
  return Buffer.from(scratch.subarray(0, writeQuotedPrintable(text, scratch, 0)));
}

/**
 * As `encodeQuotedPrintable`, into `out`, which has room for `maxEncodedBytes`. The first line begins at `start`.
 * @returns where it ended
 */
export function writeQuotedPrintable(text: string, out: Buffer, start: number): number {
  if (input.length < text.length * 3) input = Buffer.allocUnsafe(text.length * 6);
  const bytes = input;
  const length = bytes.write(text);
  let end = start;
  let column = 0;
  for (let index = 0; index < length; index += 1) {
    const byte = bytes[index] as number;
    const kind = classes[byte];
    if (kind === lineEnd) {
      if (byte === cr && index + 1 < length && bytes[index + 1] === lf) index += 1;
      out[end++] = cr;
      out[end++] = lf;
      column = 0;
      continue;
    }
    // A blank at the end of a line would be lost on the way.
    let isPlain =
      kind === literal || kind === notFirst || (kind === blank && index + 1 < length && classes[bytes[index + 1] as number] !== lineEnd);
    if (column + (isPlain ? 1 : 3) >= maxLineLength) {
      out[end++] = equals;
      out[end++] = cr;
      out[end++] = lf;
      column = 0;
    }
    if (kind === notFirst && column === 0) isPlain = false;
    if (isPlain) {
      out[end++] = byte;
      column += 1;
      continue;
    }
    out[end++] = equals;
    out[end++] = hexDigits[byte >> 4] as number;
    out[end++] = hexDigits[byte & 15] as number;
    column += 3;
  }
  return end;
}
