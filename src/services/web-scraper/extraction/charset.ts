import iconv from 'iconv-lite';

/** How far a declaration inside the page is looked for; browsers look at 1024 bytes, some sites need a little more. */
const sniffBytes = 4096;
const fallbackCharset = 'windows-1252';

/** As browsers do: these names mean their larger Windows relatives. */
const aliases: Readonly<Record<string, string>> = {
  'iso-8859-1': 'windows-1252',
  latin1: 'windows-1252',
  ascii: 'windows-1252',
  'us-ascii': 'windows-1252',
  'iso-8859-9': 'windows-1254',
  gb2312: 'gbk',
  'ks_c_5601-1987': 'euc-kr',
  'x-sjis': 'shift_jis',
  utf8: 'utf-8',
  unicode: 'utf-8',
};

function known(name: string | undefined): string | undefined {
  const lower = name?.trim().toLowerCase();
  if (lower === undefined || lower === '') return undefined;
  const charset = aliases[lower] ?? lower;
  return iconv.encodingExists(charset) && !/^(?:base64|hex|binary|ucs-?2|utf-?7.*)$/.test(charset) ? charset : undefined;
}

function declaredInPage(body: Buffer): string | undefined {
  const head = body.subarray(0, sniffBytes).toString('latin1');
  const declared =
    /<meta\b[^>]*\bcharset\s*=\s*["']?\s*([\w:.-]+)/i.exec(head)?.[1] ??
    /^\s*<\?xml\b[^>]*\bencoding\s*=\s*["']([\w:.-]+)/i.exec(head)?.[1];
  const charset = known(declared);
  // A declaration that could be read byte by byte cannot be true of UTF-16.
  return charset?.startsWith('utf-16') === true || charset?.startsWith('utf-32') === true ? 'utf-8' : charset;
}

function isValidUtf8(body: Buffer): boolean {
  try {
    new TextDecoder('utf-8', { fatal: true }).decode(body);
    return true;
  } catch (error) {
    if (error instanceof TypeError) return false;
    throw error;
  }
}

/**
 * Text of a document from the web: by its byte order mark, the header's charset, the page's own declaration, in this order.
 * A declaration that is unknown, or says UTF-8 where the bytes are not, is passed over; the last resort is windows-1252,
 * which reads anything.
 */
export function decodeText(body: Uint8Array, contentType: string | undefined): string {
  const bytes = Buffer.from(body.buffer, body.byteOffset, body.byteLength);
  if (bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf) return bytes.subarray(3).toString('utf8');
  if (bytes[0] === 0xff && bytes[1] === 0xfe) return iconv.decode(bytes, 'utf-16le');
  if (bytes[0] === 0xfe && bytes[1] === 0xff) return iconv.decode(bytes, 'utf-16be');
  const header = known(/charset\s*=\s*["']?([^"';\s]+)/i.exec(contentType ?? '')?.[1]);
  const declared = header ?? declaredInPage(bytes);
  if (declared !== undefined && declared !== 'utf-8') {
    // Bytes of two and more units are no accident: a page that is valid UTF-8 beyond ASCII is UTF-8, whatever it claims.
    const claimsOneByte = /^(?:windows-125\d|iso-8859-\d+|koi8-.)$/.test(declared);
    if (!(claimsOneByte && hasMultibyte(bytes) && isValidUtf8(bytes))) return iconv.decode(bytes, declared);
  }
  return isValidUtf8(bytes) ? bytes.toString('utf8') : iconv.decode(bytes, declaredFallback(bytes));
}

function hasMultibyte(bytes: Buffer): boolean {
  return bytes.some((byte) => byte >= 0x80);
}

/** For bytes that claimed UTF-8 and are not: mostly valid stays UTF-8 with replacement marks, else the one-byte charset. */
function declaredFallback(bytes: Buffer): string {
  const text = bytes.toString('utf8');
  const broken = text.split('\ufffd').length - 1;
  const beyondAscii = text.replace(/[\p{ASCII}\ufffd]/gu, '').length;
  return broken * 4 < beyondAscii ? 'utf-8' : fallbackCharset;
}
