import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { decodeEntry, encodeEntry, encodeValue } from './entry-format.ts';
import { freezeAndMeasure } from './plain-value.ts';

const header = { epoch: 'e', sequence: 7, ttlMs: 1000, graceMs: 500, scopes: ['n:a', 't:b|c'] };
const max = 2 ** 20;

const encode = (value: unknown, { isJson = false, compressAboveBytes = 100 } = {}) =>
  encodeEntry(header, encodeValue(value, isJson), compressAboveBytes);

describe('entries in Redis', () => {
  const plain = {
    text: 'ünïcødé 🐟',
    long: 'moss '.repeat(500),
    numbers: [0, -1, 1.5, 64, 100, 2 ** 40, Number.MAX_SAFE_INTEGER],
    nothing: [null, undefined],
    at: new Date('2026-11-25T00:00:00.123Z'),
    bytes: Buffer.from([1, 2, 3]),
    set: new Set(['a']),
    large: 2n ** 60n,
    nested: { deep: { deeper: [{ x: true }] } },
  };
  for (const compressAboveBytes of [10, 1_000_000]) {
    test(`MessagePack gives back what was put in, compressed above ${compressAboveBytes} bytes`, async () => {
      const decoded = decodeEntry(await encode(plain, { compressAboveBytes }), max);
      assert.deepEqual(decoded?.value, plain);
      assert.deepEqual({ ...header, bytes: decoded?.bytes, value: plain }, decoded);
    });
    test(`JSON too, compressed above ${compressAboveBytes} bytes`, async () => {
      const value = { list: [1, 'two', null, true], long: 'moss '.repeat(500) };
      assert.deepEqual(decodeEntry(await encode(value, { isJson: true, compressAboveBytes }), max)?.value, value);
    });
  }

  test('undefined and null are values', async () => {
    assert.deepEqual(decodeEntry(await encode(undefined), max)?.value, undefined);
    assert.deepEqual(decodeEntry(await encode(null), max)?.value, null);
  });

  test('a large value is compressed in another thread and comes back', async () => {
    const value = 'substrate '.repeat(50_000);
    const entry = await encode(value);
    assert.ok(entry.length < value.length / 10);
    assert.equal(decodeEntry(entry, max)?.value, value);
    assert.equal(decodeEntry(entry, 1000), undefined, 'more than may be kept is a miss');
  });

  test('every byte that is changed, and every length that is cut, is a miss and no exception', async () => {
    const entry = await encode(plain);
    for (let index = 0; index < entry.length; index += 1) {
      const broken = Buffer.from(entry);
      broken[index] = (broken[index] ?? 0) ^ 0xff;
      assert.equal(decodeEntry(broken, max), undefined, `byte ${index}`);
      assert.equal(decodeEntry(entry.subarray(0, index), max), undefined, `length ${index}`);
    }
  });

  test('a format of a later version is a miss', async () => {
    const entry = await encode(1);
    entry[0] = 5;
    assert.equal(decodeEntry(entry, max), undefined);
  });
});

describe('what may be kept', () => {
  const cycle: { self?: unknown } = {};
  cycle.self = cycle;
  for (const [what, value, isPlain, isJson] of [
    ['JSON', { a: [1, 'x', null, true] }, true, true],
    ['a Date', { at: new Date() }, true, false],
    ['NaN and -0', [Number.NaN, -0], true, false],
    ['undefined', { a: undefined }, true, false],
    ['a Map', new Map(), false, false],
    ['a function', { f: () => 1 }, false, false],
    ['an instance of a class', new Error('x'), false, false],
    ['a bigint beyond 64 bits', 2n ** 70n, false, false],
    ['a cycle', cycle, false, false],
  ] as const) {
    test(`${what}: ${isPlain ? 'by MessagePack' : 'in memory only'}${isJson ? ' and JSON' : ''}`, () => {
      const measured = freezeAndMeasure(value, max);
      assert.deepEqual([measured.isPlain, measured.isJson, measured.isTooLarge], [isPlain, isJson, false]);
    });
  }

  test('objects and arrays are frozen at every depth', () => {
    const value = { a: [{ b: { c: 1 } }] };
    freezeAndMeasure(value, max);
    assert.ok(Object.isFrozen(value) && Object.isFrozen(value.a) && Object.isFrozen(value.a[0]?.b));
  });

  test('a value beyond the limit is found out without looking through all of it', () => {
    assert.ok(freezeAndMeasure(new Array(10_000_000).fill(1), max).isTooLarge);
    assert.ok(freezeAndMeasure(['x'.repeat(max)], max).isTooLarge);
  });
});
