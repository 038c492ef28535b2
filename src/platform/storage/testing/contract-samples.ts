import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import type { AppError } from '#shared/errors';
import type { GetOutcome, PutOptions, Storage } from '../storage-types.ts';

export type ContractPlace = {
  readonly storage: Storage;
  /** What unfinished uploads have left: files, uploads in parts, parts. */
  countLeftovers(): Promise<number>;
};

export const text: PutOptions = { contentType: 'text/plain; charset=utf-8' };
export const sha256Of = (content: Uint8Array) => createHash('sha256').update(content).digest('hex');
export const hasCode = (code: string) => (error: AppError) => error.code === code;
// Three parts of S3's.
export const large = randomBytes((16 << 20) + 1000);

export async function readAll(outcome: GetOutcome): Promise<Buffer> {
  assert.equal(outcome.kind, 'found');
  return buffer(outcome.body);
}

export function streamOf(content: Uint8Array, chunkBytes = 100_000): Readable {
  let at = 0;
  return new Readable({
    read() {
      this.push(at < content.length ? content.subarray(at, (at += chunkBytes)) : null);
    },
  });
}

/** Gives this much, and what comes then is up to `atEnd`: nothing ever, unless it destroys the stream. */
export function brokenStream(content: Uint8Array, atEnd: (stream: Readable) => void): Readable {
  let isGiven = false;
  return new Readable({
    read() {
      if (isGiven) atEnd(this);
      else this.push(content);
      isGiven = true;
    },
  });
}

export async function keysOf(storage: Storage, options: Parameters<Storage['list']>[0]): Promise<string[]> {
  return (await storage.list(options)).items.map(({ key }) => key);
}
