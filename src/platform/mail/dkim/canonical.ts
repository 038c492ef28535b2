const cr = 0x0d;
const lf = 0x0a;
const space = 0x20;
const tab = 0x09;

const isBlank = (byte: number | undefined) => byte === space || byte === tab;

/** RFC 6376, 3.4.2: one header, folded or not, without its line end. In latin1, so that each byte is a character. */
export function relaxHeader(line: string): string {
  const colon = line.indexOf(':');
  const value = line
    .slice(colon + 1)
    .replace(/\r\n/g, '')
    .replace(/[\t ]+/g, ' ')
    .replace(/^ | $/g, '');
  return `${line.slice(0, colon).trimEnd().toLowerCase()}:${value}`;
}

/**
 * RFC 6376, 3.4.4. What is written for the wire (quoted-printable, no two blanks together) is relaxed already: then nothing
 * is copied, and the relaxed form costs no more than the simple one.
 */
export function relaxBody(body: Buffer): Buffer {
  const isRelaxed = !body.includes('  ') && !body.includes('\t') && !body.includes(' \r\n');
  return endOnce(isRelaxed ? body : collapseBlanks(body));
}

/** No empty lines at the end, and a line end unless there is nothing. */
function endOnce(body: Buffer): Buffer {
  let end = body.length;
  while (end >= 4 && body[end - 1] === lf && body[end - 2] === cr && body[end - 3] === lf && body[end - 4] === cr) end -= 2;
  if (end === 0 || (end === 2 && body[0] === cr && body[1] === lf)) return body.subarray(0, 0);
  if (body[end - 1] === lf && body[end - 2] === cr) return body.subarray(0, end);
  return Buffer.concat([body.subarray(0, end), Buffer.from('\r\n')]);
}

function collapseBlanks(body: Buffer): Buffer {
  const out = Buffer.allocUnsafe(body.length);
  let end = 0;
  for (let index = 0; index < body.length; index += 1) {
    if (!isBlank(body[index])) {
      out[end++] = body[index] as number;
      continue;
    }
    while (isBlank(body[index + 1])) index += 1;
    const isLineEnd = index + 1 === body.length || (body[index + 1] === cr && body[index + 2] === lf);
    if (!isLineEnd) out[end++] = space;
  }
  return out.subarray(0, end);
}
