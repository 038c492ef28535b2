import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createHostPaces } from './host-paces.ts';

function createSetting() {
  let now = 1_000_000;
  const clock = { now: () => new Date(now), newId: () => '', random: () => 0 };
  return {
    paces: createHostPaces(clock),
    advance: (ms: number) => void (now += ms),
    after: (at: Date) => at.getTime() - now,
    at: (ms: number) => new Date(now + ms),
  };
}

test('what is held up comes back one after the other, at about the pace at which leave was given', () => {
  const { paces, advance, after, at } = createSetting();
  for (let count = 0; count < 100; count += 1) paces.granted('slow.example');
  advance(1000);
  // 100 a second: every 10 ms there is leave for one, and they come every 6.7 ms.
  const times = Array.from({ length: 4 }, () => Math.floor(after(paces.heldUp('slow.example', at(600)))));
  assert.deepEqual(times, [600, 606, 613, 620]);
});

test('no sooner than after a rest, each host by itself', () => {
  const { paces, after, at } = createSetting();
  assert.deepEqual(
    [0, 1, 2].map(() => after(paces.heldUp('one.example', at(-5)))),
    [500, 520, 540],
  );
  assert.equal(after(paces.heldUp('two.example', at(0))), 500);
  assert.equal(after(paces.heldUp('three.example', at(60_000))), 60_000);
});
