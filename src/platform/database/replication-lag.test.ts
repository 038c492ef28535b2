import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createReplicationLag } from './replication-lag.ts';

test('lag is how long something that the primary had has been lacking', () => {
  const lag = createReplicationLag();
  lag.note(1000n, 0);
  lag.note(2000n, 1000);
  lag.note(3000n, 2000);
  assert.equal(lag.lagMsOf(3000n, 2500), 0);
  assert.equal(lag.lagMsOf(2000n, 2500), 500);
  assert.equal(lag.lagMsOf(1500n, 2500), 1500);
  assert.equal(lag.lagMsOf(0n, 2500), 2500);
});

test('a primary that writes nothing makes nobody lag', () => {
  const lag = createReplicationLag();
  lag.note(1000n, 0);
  lag.note(1000n, 60_000);
  assert.equal(lag.lagMsOf(1000n, 60_000), 0);
  assert.equal(lag.lagMsOf(976n, 60_000), 0, 'the header of an empty page is never replayed');
});

test('a primary that starts over is measured anew', () => {
  const lag = createReplicationLag();
  lag.note(9000n, 0);
  lag.note(1000n, 5000);
  assert.equal(lag.lagMsOf(1000n, 6000), 0);
});

test('it remembers a few minutes, however long it runs', () => {
  const lag = createReplicationLag();
  for (let second = 0; second < 1000; second += 1) lag.note(BigInt(1000 * (second + 1)), second * 1000);
  assert.equal(lag.lagMsOf(0n, 1_000_000), 300_000);
});
