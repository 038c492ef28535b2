import { promisify } from 'node:util';
import { constants, crc32, zstdCompress, zstdCompressSync, zstdDecompressSync } from 'node:zlib';
import { Packr } from 'msgpackr';
import type { Scope } from './cache-key.ts';

/** What the entry depends on, and as of when: see invalidation-ledger.ts. */
export type EntryHeader = {
  readonly epoch: string;
  readonly sequence: number;
  readonly ttlMs: number;
  readonly graceMs: number;
  /** Besides the key, which the entry lies under. */
  readonly scopes: readonly Scope[];
};

export type DecodedEntry = EntryHeader & {
  readonly value: unknown;
  /** Of the value, before compression. */
  readonly bytes: number;
};

/**
 *     0      format: one of those below; whatever else is there is a miss
 *     1..4   grace in ms, read by Redis too, which so tells a fresh entry from a stale one
 *     5..8   CRC-32 of all that follows, begun with what precedes
 *     9..10  length of the header
 *     …      header: epoch|sequence|ttl in ms|length of the value before compression|scopes as JSON; then the value
 */
const formats = { messagepack: 1, json: 2, messagepackZstd: 3, jsonZstd: 4 } as const;

const prefixBytes = 11;
const maxHeaderBytes = 0xffff;
// Above it, compression takes longer than the detour over libuv's threads does.
const compressInThreadAboveBytes = 64 * 1024;
const zstdOptions = { params: { [constants.ZSTD_c_compressionLevel]: 1 } };
const compressInThread = promisify(zstdCompress) as (body: Buffer, options: typeof zstdOptions) => Promise<Buffer>;

// Without records an entry stands by itself. Buffers in a value must not hold on to the whole of what came from the socket.
const packr = new Packr({ useRecords: false, moreTypes: true, copyBuffers: true });

export type EncodedValue = { readonly body: Buffer; readonly isJson: boolean };

export function encodeValue(value: unknown, isJson: boolean): EncodedValue {
  return { body: isJson ? Buffer.from(JSON.stringify(value)) : packr.pack(value), isJson };
}

export async function encodeEntry(header: EntryHeader, value: EncodedValue, compressAboveBytes: number): Promise<Buffer> {
  const isLarge = value.body.length > compressAboveBytes;
  const body = isLarge ? await compress(value.body) : value.body;
  const { epoch, sequence, ttlMs, graceMs, scopes } = header;
  const head = Buffer.from(`${epoch}|${sequence}|${ttlMs}|${value.body.length}|${scopes.length === 0 ? '' : JSON.stringify(scopes)}`);
  if (head.length > maxHeaderBytes) throw new RangeError(`the header of ${head.length} bytes is too long`);
  const entry = Buffer.allocUnsafe(prefixBytes + head.length + body.length);
  entry[0] = formatOf(value.isJson, isLarge);
  entry.writeUInt32BE(graceMs, 1);
  entry.writeUInt16BE(head.length, 9);
  head.copy(entry, prefixBytes);
  body.copy(entry, prefixBytes + head.length);
  entry.writeUInt32BE(checksumOf(entry), 5);
  return entry;
}

function formatOf(isJson: boolean, isCompressed: boolean): number {
  if (isJson) return isCompressed ? formats.jsonZstd : formats.json;
  return isCompressed ? formats.messagepackZstd : formats.messagepack;
}

async function compress(body: Buffer): Promise<Buffer> {
  return body.length > compressInThreadAboveBytes ? compressInThread(body, zstdOptions) : zstdCompressSync(body, zstdOptions);
}

/** The entry, or undefined when it is none that this program wrote and still understands. Never throws. */
export function decodeEntry(entry: Buffer, maxValueBytes: number): DecodedEntry | undefined {
  const [format = 0] = entry;
  if (entry.length <= prefixBytes || format < 1 || format > formats.jsonZstd) return undefined;
  if (checksumOf(entry) !== entry.readUInt32BE(5)) return undefined;
  try {
    const bodyStart = prefixBytes + entry.readUInt16BE(9);
    const header = readHeader(entry.toString('utf8', prefixBytes, bodyStart));
    if (header === undefined || header.bytes > maxValueBytes) return undefined;
    const { epoch, sequence, ttlMs, bytes, scopes } = header;
    const isCompressed = format === formats.messagepackZstd || format === formats.jsonZstd;
    const raw = entry.subarray(bodyStart);
    const body = isCompressed ? zstdDecompressSync(raw, { maxOutputLength: bytes }) : raw;
    const isJson = format === formats.json || format === formats.jsonZstd;
    const value = isJson ? (JSON.parse(body.toString('utf8')) as unknown) : (packr.unpack(body) as unknown);
    return { epoch, sequence, ttlMs, graceMs: entry.readUInt32BE(1), scopes, value, bytes };
  } catch {
    // Ours by its checksum, yet not to be read: a miss, as every other one that is not understood.
    return undefined;
  }
}

function checksumOf(entry: Buffer): number {
  const start = (entry.readUInt32BE(1) ^ ((entry[0] ?? 0) << 24)) >>> 0;
  return crc32(entry.subarray(9), start);
}

const noScopes: readonly Scope[] = [];

function readHeader(text: string): Omit<DecodedEntry, 'value' | 'graceMs'> | undefined {
  const epochEnd = text.indexOf('|');
  const sequenceEnd = text.indexOf('|', epochEnd + 1);
  const ttlEnd = text.indexOf('|', sequenceEnd + 1);
  const bytesEnd = text.indexOf('|', ttlEnd + 1);
  if (epochEnd < 1 || sequenceEnd < 0 || ttlEnd < 0 || bytesEnd < 0) return undefined;
  const scopes: unknown = bytesEnd === text.length - 1 ? noScopes : JSON.parse(text.slice(bytesEnd + 1));
  const sequence = Number(text.slice(epochEnd + 1, sequenceEnd));
  const ttlMs = Number(text.slice(sequenceEnd + 1, ttlEnd));
  const bytes = Number(text.slice(ttlEnd + 1, bytesEnd));
  if (!isStringArray(scopes) || !(sequence >= 0 && ttlMs >= 0 && bytes >= 0)) return undefined;
  return { epoch: text.slice(0, epochEnd), sequence, ttlMs, bytes, scopes };
}

function isStringArray(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.every((item) => typeof item === 'string');
}
