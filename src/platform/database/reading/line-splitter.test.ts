import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { createLineSplitter, type LineFault } from './line-splitter.ts';

/** Every line with its number, the content cut into pieces of this size. */
function split(content: Buffer, pieceBytes: number, maxLineBytes = 50) {
  const splitter = createLineSplitter(maxLineBytes);
  const found: [number, string | LineFault][] = [];
  const blocks = [];
  for (let from = 0; from < content.length; from += pieceBytes) blocks.push(splitter.push(content.subarray(from, from + pieceBytes)));
  blocks.push(splitter.end());
  for (const { firstLine, lines } of blocks) lines.forEach((line, index) => void found.push([firstLine + index, line]));
  return found;
}

describe('the line splitter', () => {
  for (const pieceBytes of [1, 2, 3, 7, 1000]) {
    test(`finds the lines whatever the pieces are (${pieceBytes} bytes)`, () => {
      const content = Buffer.from('\uFEFFone\n\nthrée – 🐟\r\nlast');
      assert.deepEqual(split(content, pieceBytes), [
        [1, 'one'],
        [2, ''],
        [3, 'thrée – 🐟\r'],
        [4, 'last'],
      ]);
    });

    test(`passes over what is too long or no UTF-8, and goes on (${pieceBytes} bytes)`, () => {
      const content = Buffer.concat([
        Buffer.from(`a\n${'x'.repeat(51)}\nb\n`),
        Buffer.from([0x7a, 0xff, 0x0a]),
        Buffer.from(`c\n${'y'.repeat(500)}`),
      ]);
      assert.deepEqual(split(content, pieceBytes), [
        [1, 'a'],
        [2, { fault: 'is longer than 50 bytes' }],
        [3, 'b'],
        [4, { fault: 'is not UTF-8', text: 'z\uFFFD' }],
        [5, 'c'],
        [6, { fault: 'is longer than 50 bytes' }],
      ]);
    });
  }

  test('gives a line of exactly the limit', () => {
    assert.deepEqual(split(Buffer.from(`${'x'.repeat(50)}\n`), 7), [[1, 'x'.repeat(50)]]);
  });

  test('gives nothing for nothing', () => {
    assert.deepEqual(split(Buffer.alloc(0), 1), []);
    assert.deepEqual(split(Buffer.from('\n'), 1), [[1, '']]);
  });
});
