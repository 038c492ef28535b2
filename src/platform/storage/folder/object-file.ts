import type { FileHandle } from 'node:fs/promises';
import { Readable } from 'node:stream';
import type { ResolvedRange } from '../byte-range.ts';
import { unavailable } from '../storage-errors.ts';
import type { ObjectInfo, WrittenObject } from '../storage-types.ts';

/**
 * One file holds an object: its content, its properties as JSON, the JSON's length (4 bytes, big-endian) and a mark. Content and
 * properties can so never disagree, and what was opened stays whole while it is overwritten or removed.
 */
const mark = Buffer.from('AQS1');
const footerBytes = 4 + mark.length;
// Metadata of 2 KB, every character escaped.
const maxTailBytes = 32 * 1024;
const usualTailBytes = 1024;
const readBytes = 128 * 1024;

type Properties = Pick<ObjectInfo, 'sizeBytes' | 'contentType' | 'metadata'> & {
  readonly cacheControl?: string | undefined;
  readonly sha256: string;
};

export type WrittenFile = WrittenObject & { readonly sha256: string };

export function encodeTail(properties: Properties): Buffer {
  const json = Buffer.from(JSON.stringify(properties));
  const length = Buffer.alloc(4);
  length.writeUInt32BE(json.length);
  return Buffer.concat([json, length, mark]);
}

export function describe(key: string, { sizeBytes, contentType, cacheControl, metadata, sha256 }: Properties): WrittenFile {
  return { key, sizeBytes, contentType, cacheControl, metadata, sha256, etag: `"${sha256}"` };
}

/** @throws AppError `storage_unavailable` when the file is none that holds an object */
export async function readInfo(handle: FileHandle, key: string): Promise<ObjectInfo> {
  const stats = await handle.stat();
  const damaged = () => unavailable('a file is damaged', { isRetryable: false });
  let tail = await readEnd(handle, stats.size, usualTailBytes);
  if (tail.length < footerBytes || !tail.subarray(-mark.length).equals(mark)) throw damaged();
  const jsonBytes = tail.readUInt32BE(tail.length - footerBytes);
  if (jsonBytes > maxTailBytes) throw damaged();
  if (jsonBytes + footerBytes > tail.length) tail = await readEnd(handle, stats.size, jsonBytes + footerBytes);
  const json = tail.subarray(-footerBytes - jsonBytes, -footerBytes).toString('utf8');
  // What this driver wrote, with nothing of others in it but text.
  const properties = JSON.parse(json) as Properties;
  if (properties.sizeBytes !== stats.size - jsonBytes - footerBytes) throw damaged();
  return { ...describe(key, properties), modifiedAt: new Date(Math.floor(stats.mtimeMs / 1000) * 1000) };
}

async function readEnd(handle: FileHandle, size: number, length: number): Promise<Buffer> {
  const wanted = Math.min(size, length);
  const { buffer, bytesRead } = await handle.read(Buffer.alloc(wanted), 0, wanted, size - wanted);
  return buffer.subarray(0, bytesRead);
}

/** Takes over the handle, and closes it when it is read to its end or destroyed. */
export function streamContent(handle: FileHandle, { start, end }: ResolvedRange): Readable {
  let position = start;
  async function readNext(): Promise<Buffer | null> {
    const wanted = Math.min(readBytes, end + 1 - position);
    if (wanted <= 0) return null;
    const { buffer, bytesRead } = await handle.read(Buffer.allocUnsafe(wanted), 0, wanted, position);
    if (bytesRead === 0) throw unavailable('a file was cut short while it was read', { isRetryable: false });
    position += bytesRead;
    return buffer.subarray(0, bytesRead);
  }
  return new Readable({
    highWaterMark: readBytes,
    read() {
      readNext().then(
        (chunk) => this.push(chunk),
        (error: Error) => this.destroy(error),
      );
    },
    destroy(error, callback) {
      handle.close().then(
        () => callback(error),
        (closeError: Error) => callback(error ?? closeError),
      );
    },
  });
}
