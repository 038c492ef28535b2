import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createSlotList } from './slot-list.ts';

test('holds just what was added and not deleted, whatever the order', () => {
  const list = createSlotList<{ slot: number; readonly name: number }>();
  const present = new Set<{ slot: number; readonly name: number }>();
  const all = Array.from({ length: 50 }, (_, name) => ({ slot: -1, name }));
  let seed = 7;
  for (let step = 0; step < 5000; step += 1) {
    seed = (seed * 48_271) % 2_147_483_647;
    const member = all[seed % all.length];
    if (member === undefined) continue;
    if (present.delete(member)) list.delete(member);
    else {
      present.add(member);
      list.add(member);
    }
    assert.equal(list.size(), present.size);
  }
  assert.deepEqual(new Set(list.toArray()), present);
});

test('deleting what is not in it, or twice, changes nothing', () => {
  const list = createSlotList<{ slot: number }>();
  const [first, second] = [{ slot: -1 }, { slot: -1 }];
  list.delete(first);
  list.add(first);
  list.add(second);
  list.delete(first);
  list.delete(first);
  assert.deepEqual(list.toArray(), [second]);
});
