import assert from 'node:assert/strict';
import { test } from 'node:test';
import { formatRange, parseRange, resolveRange } from './byte-range.ts';

test('a Range header is read when it asks for one range of bytes, and passed over else', () => {
  for (const [header, expected] of [
    ['bytes=0-0', { start: 0, end: 0 }],
    ['bytes=5-', { start: 5 }],
    ['bytes=-5', { suffixLength: 5 }],
    ['bytes=5-4', undefined],
    ['bytes=-', undefined],
    ['bytes=1-2,4-5', undefined],
    ['items=1-2', undefined],
    ['bytes=1e3-', undefined],
    ['bytes=9999999999999999-', undefined],
    [undefined, undefined],
  ] as const) {
    assert.deepEqual(parseRange(header), expected, header);
    if (header !== undefined && expected !== undefined) assert.equal(formatRange(expected), header);
  }
});

test('a range is cut to the object, and none without a byte of it', () => {
  assert.deepEqual(resolveRange({ start: 0, end: 99 }, 10), { start: 0, end: 9 });
  assert.deepEqual(resolveRange({ start: 9 }, 10), { start: 9, end: 9 });
  assert.deepEqual(resolveRange({ suffixLength: 99 }, 10), { start: 0, end: 9 });
  for (const range of [{ start: 10 }, { suffixLength: 0 }]) assert.equal(resolveRange(range, 10), undefined);
  for (const range of [{ start: 0 }, { suffixLength: 1 }]) assert.equal(resolveRange(range, 0), undefined);
});
