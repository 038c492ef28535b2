import { isAscii, isUtf8 } from 'node:buffer';
import iconv from 'iconv-lite';
import type { ByteSource } from '#platform/database';
import { readBytes } from '#platform/database';
import { AppError } from '#shared/errors';

/** Encodings that lists come in, beside UTF-8. */
export const encodings = [
  'utf-8',
  'utf-16le',
  'utf-16be',
  'windows-1250',
  'windows-1251',
  'windows-1252',
  'iso-8859-2',
  'iso-8859-5',
  'koi8-r',
] as const;

const probeBytes = 65_536;

function wrong(message: string): AppError {
  return new AppError('encoding_wrong', message, { status: 422, fields: [{ path: '/encoding', message }] });
}

/**
 * Whether the text is of another encoding: of its lines with more than ASCII, most are no UTF-8. Single ones that are not are faults
 * of their rows.
 */
function isForeign(bytes: Buffer): boolean {
  let valid = 0;
  let foreign = 0;
  for (let start = 0; start < bytes.length; ) {
    const end = bytes.indexOf(0x0a, start);
    // The last line may be cut within a character.
    if (end === -1 && start > 0) break;
    const line = bytes.subarray(start, end === -1 ? bytes.length : end);
    if (isUtf8(line)) valid += isAscii(line) ? 0 : 1;
    else foreign += 1;
    start += line.length + 1;
  }
  return foreign > valid;
}

function check(start: Buffer, encoding: string): void {
  if (encoding !== 'utf-8') return;
  const isUtf16 = (start[0] === 0xff && start[1] === 0xfe) || (start[0] === 0xfe && start[1] === 0xff);
  if (isUtf16) throw wrong('The file is UTF-16: say encoding utf-16le or utf-16be, or save it as UTF-8.');
  if (isForeign(start)) {
    throw wrong(`The file is not UTF-8. Say which encoding it has (${encodings.slice(1).join(', ')}), or save it as UTF-8.`);
  }
}

/** The source as UTF-8, unpacked. Its beginning is looked at before any of it is given. */
export async function* decodeText(
  source: ByteSource,
  {
    encoding,
    maxBytes = Number.MAX_SAFE_INTEGER,
    signal,
  }: { readonly encoding: string; readonly maxBytes?: number; readonly signal?: AbortSignal },
): AsyncGenerator<Buffer> {
  const decoder = encoding === 'utf-8' ? undefined : iconv.getDecoder(encoding);
  let probe: Buffer[] | undefined = [];
  let probed = 0;
  for await (const chunk of readBytes(source, { maxBytes, ...(signal && { signal }) })) {
    if (decoder !== undefined) {
      yield Buffer.from(decoder.write(chunk));
      continue;
    }
    if (probe === undefined) {
      yield chunk;
      continue;
    }
    probe.push(chunk);
    probed += chunk.length;
    if (probed < probeBytes) continue;
    const start = Buffer.concat(probe);
    check(start, encoding);
    probe = undefined;
    yield start;
  }
  if (probe !== undefined && probed > 0) {
    const whole = Buffer.concat(probe);
    check(whole, encoding);
    yield whole;
  }
  const rest = decoder?.end();
  if (rest !== undefined && rest !== '') yield Buffer.from(rest);
}
