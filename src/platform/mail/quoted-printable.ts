/** RFC 2045, 6.7: no encoded line is longer, its soft line break included. */
const maxLineLength = 76;

const cr = 0x0d;
const lf = 0x0a;
const equals = 0x3d;

const encoded = 0;
const literal = 1;
const blank = 2;
const lineEnd = 3;

const hexDigits = Buffer.from('0123456789ABCDEF');
const classes = Uint8Array.from({ length: 256 }, (_, byte) => {
  if (byte === cr || byte === lf) return lineEnd;
  if (byte === 0x20 || byte === 0x09) return blank;
  return byte >= 33 && byte <= 126 && byte !== equals ? literal : encoded;
});

/** Grows with the longest text so far: to allocate the worst case, three times the text, for every mail would keep the collector busy. */
let scratch = Buffer.alloc(0);

/**
 * Text in quoted-printable, its line ends as CRLF. Several times as fast as a stream through nodemailer's encoder, which was a
 * third of what a mail costs its sender.
 */
export function encodeQuotedPrintable(text: string): Buffer {
  const bytes = Buffer.from(text);
  // Every byte as three, and a soft line break of three for every 72 of those.
  const worst = Math.ceil(bytes.length * 3 * (1 + 3 / 72)) + 3;
  if (scratch.length < worst) scratch = Buffer.allocUnsafe(worst * 2);
  const out = scratch;
  let end = 0;
  let column = 0;
  for (let index = 0; index < bytes.length; index += 1) {
    const byte = bytes[index] as number;
    const kind = classes[byte];
    if (kind === lineEnd) {
      if (byte === cr && bytes[index + 1] === lf) index += 1;
      out[end++] = cr;
      out[end++] = lf;
      column = 0;
      continue;
    }
    // A blank at the end of a line would be lost on the way.
    const isPlain = kind === literal || (kind === blank && !isLineEnd(bytes[index + 1]));
    const width = isPlain ? 1 : 3;
    if (column + width >= maxLineLength) {
      out[end++] = equals;
      out[end++] = cr;
      out[end++] = lf;
      column = 0;
    }
    column += width;
    if (isPlain) {
      out[end++] = byte;
      continue;
    }
    out[end++] = equals;
    out[end++] = hexDigits[byte >> 4] as number;
    out[end++] = hexDigits[byte & 15] as number;
  }
  return Buffer.from(out.subarray(0, end));
}

function isLineEnd(byte: number | undefined): boolean {
  return byte === undefined || classes[byte] === lineEnd;
}
