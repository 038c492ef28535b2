import assert from 'node:assert/strict';
import { test } from 'node:test';
import { findMachineEvents, type LabelledEvent } from './click-bursts.ts';

/** `<seconds>:<link>`, `o` for an open, `h` for the hidden link. */
function eventsOf(text: string, label: LabelledEvent['label'] = 'human'): LabelledEvent[] {
  return text.split(' ').map((part) => {
    const [seconds = '', what = ''] = part.split(':');
    const link = what === 'o' ? null : what === 'h' ? -1 : Number(what);
    return { id: part, type: what === 'o' ? 'open' : 'click', label, link, occurredAt: new Date(Number(seconds) * 1000) };
  });
}
const found = (events: LabelledEvent[]) =>
  findMachineEvents(events)
    .map(({ id }) => id)
    .sort();

test("a reader who clicks one link often, or several at a reader's pace, stays a reader", () => {
  for (const text of ['0:1 0.1:1 0.2:1 0.3:1', '0:1 3:2 6:3 9:4', '0:o 1:1', '0:1 0.6:2', '0:1 2:2 7:3']) {
    assert.deepEqual(found(eventsOf(text)), [], text);
  }
});

test("several links within seconds make all clicks of the burst a machine's, whatever order they are given in", () => {
  assert.deepEqual(found(eventsOf('0:o 10:1 12:2 14:3 60:1')), ['10:1', '12:2', '14:3']);
  assert.deepEqual(found(eventsOf('14:3 60:1 10:1 12:2')), ['10:1', '12:2', '14:3']);
  assert.deepEqual(found(eventsOf('0:1 0.2:2 30:5')), ['0.2:2', '0:1']);
});

test('who follows the hidden link made everything else within a minute', () => {
  assert.deepEqual(found(eventsOf('0:o 1:1 2:h 50:3 63:4')), ['0:o', '1:1', '2:h', '50:3']);
});

test("what is known as a machine's is evidence, and not named again", () => {
  assert.deepEqual(found([...eventsOf('0:1 1:2', 'scanner'), ...eventsOf('2:3')]), ['2:3']);
  assert.deepEqual(found(eventsOf('0:1 0.1:2 0.2:3', 'prefetch')), []);
});
