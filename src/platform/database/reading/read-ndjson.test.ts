import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { Readable } from 'node:stream';
import { after, describe, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { AppError } from '#shared/errors';
import { readBytes } from './read-bytes.ts';
import { readNdjson } from './read-ndjson.ts';

const folder = mkdtempSync(path.join(os.tmpdir(), 'aquascene-reading-'));
after(() => rmSync(folder, { recursive: true, force: true }));

function fileOf(content: Buffer | string): string {
  const file = path.join(folder, `${Math.random()}`);
  writeFileSync(file, content);
  return file;
}

const isFailure = (code: string) => (error: unknown) => error instanceof AppError && error.code === code;
const readAll = async (...given: Parameters<typeof readNdjson>) => (await Array.fromAsync(readNdjson(...given))).flat();

describe('reading NDJSON', () => {
  const text = '\uFEFF{"a":1}\r\n\n[2]\n{"secret"\nnull';
  const rows = [
    { line: 1, value: { a: 1 } },
    { line: 3, value: [2] },
    { line: 4, lastLine: 4, fault: 'line 4 is not JSON' },
    { line: 5, value: null },
  ];

  test('gives values with their lines, and faults without their content', async () => {
    assert.deepEqual(await readAll(fileOf(text)), rows);
  });

  test('unpacks gzip, also of several members and byte by byte', async () => {
    const packed = Buffer.concat([gzipSync(text.slice(0, 12)), gzipSync(text.slice(12))]);
    assert.deepEqual(await readAll(fileOf(packed)), rows);
    assert.deepEqual(await readAll(Readable.from([...packed].map((byte) => Buffer.from([byte])))), rows);
  });

  test('passes over a line that is too long', async () => {
    const [first, second] = await readAll(fileOf(`"${'x'.repeat(100)}"\n1\n`), { maxLineBytes: 50 });
    assert.deepEqual(
      [first, second],
      [
        { line: 1, lastLine: 1, fault: 'line 1 is longer than 50 bytes' },
        { line: 2, value: 1 },
      ],
    );
  });

  test('stops a bomb: 200 MB out of 200 kB are not unpacked beyond the limit', async () => {
    const file = fileOf(gzipSync(Buffer.alloc(200_000_000)));
    let seen = 0;
    await assert.rejects(async () => {
      for await (const chunk of readBytes(file, { maxBytes: 1_000_000 })) seen += chunk.length;
    }, isFailure('file_too_large'));
    assert.ok(seen <= 1_000_000, `${seen} bytes`);
  });

  test('names a file that is not there, and one that is damaged', async () => {
    await assert.rejects(readAll(path.join(folder, 'missing')), isFailure('file_unreadable'));
    await assert.rejects(readAll(fileOf(gzipSync(text).subarray(0, 20))), isFailure('file_damaged'));
  });

  test('ends with the reason of the signal, also while the source is silent', async () => {
    const controller = new AbortController();
    const silent = new Readable({ read: () => undefined });
    silent.push('1\n');
    const reason = new Error('enough');
    const reading = readAll(silent, { signal: controller.signal });
    controller.abort(reason);
    await assert.rejects(reading, (error) => error === reason);
  });

  test('closes the source when it is left early', async () => {
    const source = Readable.from(Array.from({ length: 1000 }, () => Buffer.from('1\n')));
    for await (const chunk of readNdjson(source, { rowsPerChunk: 2 })) {
      assert.equal(chunk.length, 2);
      break;
    }
    assert.equal(source.destroyed, true);
  });

  test('passes the failure of the source on', async () => {
    const failure = new Error('source failed');
    async function* source() {
      yield gzipSync('1\n').subarray(0, 5);
      throw failure;
    }
    await assert.rejects(readAll(source()), (error) => error === failure);
  });
});
