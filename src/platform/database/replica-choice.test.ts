import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { chooseReplica, type PrimaryView, type ReplicaView } from './replica-choice.ts';

type Named = ReplicaView & { readonly name: string };

const primary: PrimaryView = { timeline: 1, lsn: 1000n };
const options = { maxLagMs: 10_000, random: () => 0 };

function replica(name: string, view: Partial<ReplicaView> & { readonly lsn?: bigint } = {}): Named {
  const { lsn = 1000n, ...others } = view;
  return { name, isUp: true, server: { key: name, isInRecovery: true, lsn, timeline: undefined }, lagMs: 0, inFlight: 0, ...others };
}

const choose = (replicas: readonly Named[], lsn?: bigint, timeline = 1, isPrimaryUp = true) => {
  const choice = chooseReplica(replicas, isPrimaryUp ? primary : undefined, lsn === undefined ? undefined : { timeline, lsn }, options);
  return choice.kind === 'primary' ? choice.reason : `${choice.kind} ${choice.replica.name}`;
};

describe('a read that nothing was written before', () => {
  test('goes to the replica with less to do', () => {
    assert.equal(choose([replica('a', { inFlight: 3 }), replica('b', { inFlight: 2 })]), 'replica b');
    assert.equal(choose([replica('a', { inFlight: 1 }), replica('b', { inFlight: 2 })]), 'replica a');
  });
  test('prefers the fresher of two, unless it has much more to do', () => {
    const late = replica('late', { lagMs: 5000 });
    assert.equal(choose([late, replica('fresh', { inFlight: 3 })]), 'replica fresh');
    assert.equal(choose([late, replica('fresh', { inFlight: 30 })]), 'replica late');
  });
  test('passes over who is down and who lags too much', () => {
    assert.equal(choose([replica('a', { isUp: false }), replica('b')]), 'replica b');
    assert.equal(choose([replica('a', { lagMs: 10_001 }), replica('b')]), 'replica b');
    assert.equal(choose([replica('a', { lagMs: 10_001 })]), 'lag');
    assert.equal(choose([replica('a', { isUp: false })]), 'no_replica');
    assert.equal(choose([]), 'no_replica');
  });
  test('takes what there is while the primary is down', () => {
    assert.equal(choose([replica('a', { lagMs: 60_000 })], undefined, 1, false), 'replica a');
  });
});

describe('a read of a session that has written', () => {
  test('goes to who has replayed it', () => {
    assert.equal(choose([replica('a', { lsn: 899n }), replica('b', { lsn: 900n, inFlight: 9 })], 900n), 'replica b');
  });
  test('waits a little for who is near, and for nobody else', () => {
    assert.equal(choose([replica('a', { lsn: 899n, lagMs: 20 })], 900n), 'wait a');
    assert.equal(choose([replica('a', { lsn: 899n, lagMs: 5000 })], 900n), 'behind');
  });
  test('waits for no position that the primary has not reached, and for none of another timeline', () => {
    assert.equal(choose([replica('a')], 1001n), 'unknown_position');
    assert.equal(choose([replica('a', { lsn: 2000n })], 900n, 2), 'unknown_position');
  });
  test('needs no position of a server that is not in recovery', () => {
    const same = { key: 'same', isInRecovery: false, lsn: 0n, timeline: 1 };
    assert.equal(choose([replica('a', { server: same })], 900n), 'replica a');
  });
});
