import iconv from 'iconv-lite';

// =?charset*language?encoding?text?= (RFC 2047, RFC 2231).
const encodedWord = /=\?([^?*\s]+)(?:\*[^?\s]*)?\?([bq])\?([^?\s]*)\?=/gi;
const betweenWords = /(\?=)[ \t]+(?==\?[^?\s]+\?[bq]\?)/gi;

/**
 * The first field of each of these names (in lower case), unfolded and decoded: what a list of messages needs, without taking
 * the whole message apart. A name that the message does not have is not in the answer.
 */
export function readHeaders(raw: Buffer, names: readonly string[]): ReadonlyMap<string, string> {
  const found = new Map<string, string>();
  for (const line of headLinesOf(raw)) {
    const colon = line.indexOf(':');
    const name = line.slice(0, colon).trim().toLowerCase();
    if (colon > 0 && names.includes(name) && !found.has(name)) found.set(name, decodeWords(line.slice(colon + 1).trim()));
  }
  return found;
}

/** The header section's lines, folded ones made whole. */
function headLinesOf(raw: Buffer): string[] {
  const end = raw.indexOf('\r\n\r\n');
  // Raw 8-bit text in a header is UTF-8 where it is anything (RFC 6532).
  const head = raw.toString('utf8', 0, end === -1 ? raw.length : end);
  return head.replace(/\r?\n(?=[ \t])/g, '').split(/\r?\n/);
}

type Word = { readonly charset: string; readonly bytes: Buffer };

/** Words of one charset that follow each other are decoded together: a character may be cut in two between them. */
function decodeWords(text: string): string {
  const source = text.replace(betweenWords, '$1');
  let decoded = '';
  let pending: Word | undefined;
  let end = 0;
  for (const match of source.matchAll(encodedWord)) {
    const [whole, charset = '', encoding = '', content = ''] = match;
    const word = { charset: charset.toLowerCase(), bytes: bytesOf(encoding, content) };
    const isAdjacent = pending !== undefined && match.index === end;
    if (isAdjacent && pending?.charset === word.charset) pending = { ...word, bytes: Buffer.concat([pending.bytes, word.bytes]) };
    else {
      decoded += textOf(pending) + source.slice(end, match.index);
      pending = word;
    }
    end = match.index + whole.length;
  }
  return decoded + textOf(pending) + source.slice(end);
}

function bytesOf(encoding: string, content: string): Buffer {
  if (encoding.toLowerCase() === 'b') return Buffer.from(content, 'base64');
  const text = content.replaceAll('_', ' ').replace(/=([0-9a-f]{2})/gi, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
  return Buffer.from(text, 'latin1');
}

function textOf(word: Word | undefined): string {
  if (word === undefined) return '';
  return iconv.decode(word.bytes, iconv.encodingExists(word.charset) ? word.charset : 'utf8');
}
