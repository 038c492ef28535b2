import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { TinyLfu } from './tiny-lfu.ts';

/** Numbers that are the same in every run (mulberry32). */
function createRandom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

describe('W-TinyLFU', () => {
  for (const [maxEntries, maxBytes] of [
    [1, 100],
    [2, 1000],
    [10, 500],
    [100, 2000],
    [100, 1_000_000],
  ] as const) {
    test(`${maxEntries} entries, ${maxBytes} bytes: no sequence of calls goes over, and what it has is what was put in`, () => {
      const random = createRandom(maxEntries + maxBytes);
      const model = new Map<string, { readonly value: number; readonly bytes: number }>();
      const lru = new TinyLfu<number>({ maxEntries, maxBytes, random, onEvict: (key) => assert.ok(model.delete(key), key) });
      for (let step = 0; step < 20_000; step += 1) {
        const key = `k${Math.floor(random() ** 2 * 300)}`;
        const action = random();
        if (action < 0.5) {
          const bytes = Math.floor(random() * 60);
          model.set(key, { value: step, bytes });
          if (!lru.set(key, step, bytes)) model.delete(key);
        } else if (action < 0.95) assert.equal(lru.get(key), model.get(key)?.value);
        else if (action < 0.999) assert.equal(lru.delete(key), take(model, key));
        else {
          lru.clear();
          model.clear();
        }
        const { entries, bytes } = lru.figures();
        assert.ok(entries <= maxEntries && bytes <= maxBytes, `${entries} entries, ${bytes} bytes`);
        assert.equal(entries, model.size);
      }
      assert.equal(
        lru.figures().bytes,
        [...model.values()].reduce((sum, { bytes }) => sum + bytes, 0),
      );
      assert.deepEqual([...lru.values()].sort(), [...model.values()].map(({ value }) => value).sort());
    });
  }

  test('what is asked for again and again survives a scan of a hundred times the size', () => {
    const lru = new TinyLfu<number>({ maxEntries: 100, maxBytes: 1e6, random: createRandom(1) });
    const hot = Array.from({ length: 50 }, (_, index) => `hot${index}`);
    for (const key of hot) lru.set(key, 1, 10);
    for (let round = 0; round < 5; round += 1) for (const key of hot) lru.get(key);
    for (let index = 0; index < 10_000; index += 1) {
      lru.set(`scan${index}`, 1, 10);
      // Still in use meanwhile.
      if (index % 10 === 0) lru.get(hot[(index / 10) % 50] ?? '');
    }
    const survivors = hot.filter((key) => lru.peek(key) !== undefined).length;
    assert.ok(survivors >= 45, `${survivors} of 50`);
  });

  test('what is new and asked for more often than the old takes its place, in time', () => {
    const lru = new TinyLfu<number>({ maxEntries: 100, maxBytes: 1e6, random: createRandom(2) });
    const ask = (key: string) => lru.get(key) ?? lru.set(key, 1, 10);
    for (let round = 0; round < 50; round += 1) for (let index = 0; index < 90; index += 1) ask(`old${index}`);
    for (let round = 0; round < 50; round += 1) for (let index = 0; index < 90; index += 1) ask(`new${index}`);
    const newer = Array.from({ length: 90 }, (_, index) => lru.peek(`new${index}`)).filter((value) => value !== undefined).length;
    assert.ok(newer >= 80, `${newer} of 90`);
  });

  test('a value that would fill more than a quarter is not taken in, and the one before it is gone', () => {
    const lru = new TinyLfu<string>({ maxEntries: 10, maxBytes: 100 });
    assert.ok(lru.set('k', 'small', 10));
    assert.ok(!lru.set('k', 'large', 26));
    assert.equal(lru.get('k'), undefined);
  });
});

function take(model: Map<string, { readonly value: number }>, key: string): number | undefined {
  const value = model.get(key)?.value;
  model.delete(key);
  return value;
}
