import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { createLatencySketch } from './latency-sketch.ts';

/** A generator that can be repeated (mulberry32), uniform in [0, 1). */
function createRandom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

const exact = (sorted: readonly number[], share: number): number => sorted[Math.floor(share * (sorted.length - 1))] ?? 0;

describe('the latency sketch', () => {
  const random = createRandom(7);
  const distributions: Record<string, () => number> = {
    uniform: () => 0.01 + random() * 50,
    'log-normal': () => 0.01 + Math.exp(2 * Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random())),
    'two humps': () => (random() < 0.9 ? 1 + random() : 900 + random() * 200),
    constant: () => 12.5,
  };

  for (const [name, next] of Object.entries(distributions)) {
    test(`tells the percentiles of a ${name} distribution within 1 %`, () => {
      const sketch = createLatencySketch();
      const values = Array.from({ length: 20_000 }, next);
      for (const value of values) sketch.add(value);
      values.sort((left, right) => left - right);
      for (const share of [0, 0.5, 0.95, 0.99, 0.999, 1]) {
        const want = exact(values, share);
        const got = sketch.percentile(share);
        assert.ok(Math.abs(got - want) <= 0.0101 * want, `${share}: ${got} for ${want}`);
      }
    });
  }

  test('takes what is outside of its range as the edge, and is empty after clear', () => {
    const sketch = createLatencySketch();
    sketch.add(0);
    assert.ok(sketch.percentile(0.5) < 0.002);
    sketch.add(1e9);
    assert.ok(sketch.percentile(1) > 7_000_000);
    sketch.clear();
    assert.equal(sketch.percentile(0.5), 0);
  });
});
