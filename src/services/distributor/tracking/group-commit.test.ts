import assert from 'node:assert/strict';
import { test } from 'node:test';
import { waitFor } from '../../../../tests/support/wait-for.ts';
import { createGroupCommit, type GroupCommitOptions } from './group-commit.ts';

const longMs = 60_000;

function createGroups(options: Partial<GroupCommitOptions<string>> = {}) {
  const groups: string[][] = [];
  const dropped: string[] = [];
  const group = createGroupCommit<string>({
    write: async (items) => void groups.push([...items]),
    isRetryable: (error) => error instanceof Error && error.message === 'later',
    onFailure: () => undefined,
    onDropped: (items) => void dropped.push(...items),
    ...options,
  });
  return { group, groups, dropped };
}

test('what comes in together is written together, and told once it is committed', async () => {
  const written = Promise.withResolvers<void>();
  const groups: string[][] = [];
  const { group } = createGroups({
    write: async (items) => {
      groups.push([...items]);
      await written.promise;
    },
  });
  const first = group.add('a', longMs);
  await waitFor('the first group', () => groups.length === 1);
  const rest = ['b', 'c', 'd'].map((item) => group.add(item, longMs));
  written.resolve();
  assert.deepEqual(await Promise.all([first, ...rest]), [true, true, true, true]);
  assert.deepEqual(groups, [['a'], ['b', 'c', 'd']]);
});

test('nobody waits longer than its budget, and the item is written all the same', async () => {
  const written = Promise.withResolvers<void>();
  const { group, groups } = createGroups({
    write: async (items) => {
      await written.promise;
      groups.push([...items]);
    },
  });
  assert.equal(await group.add('a', 1), false);
  written.resolve();
  await group.flush(longMs);
  assert.deepEqual(groups, [['a']]);
});

test('a failure that may pass is tried again with what came meanwhile; nobody waits for it', async () => {
  let failures = 2;
  const { group, groups, dropped } = createGroups({
    write: async (items) => {
      if ((failures -= 1) >= 0) throw new Error('later');
      groups.push([...items]);
    },
  });
  assert.equal(await group.add('a', longMs), false);
  assert.equal(await group.add('b', longMs), false);
  await group.flush(longMs);
  assert.deepEqual([groups, dropped], [[['a', 'b']], []]);
  assert.equal(await group.add('c', longMs), true, 'when it works again, it is waited for again');
});

test('one item at fault costs the others nothing', async () => {
  const { group, groups, dropped } = createGroups({
    write: async (items) => {
      if (items.includes('bad')) throw new Error('never');
      groups.push([...items]);
    },
  });
  const outcomes = await Promise.all(['a', 'bad', 'b'].map((item) => group.add(item, longMs)));
  assert.deepEqual([outcomes, groups, dropped], [[true, false, true], [['a'], ['b']], ['bad']]);
});

test('there is a limit to what waits, and to how long it is tried', async () => {
  const { group, dropped } = createGroups({
    write: async () => {
      throw new Error('later');
    },
    maxPending: 2,
    giveUpAfterMs: -1,
  });
  const taken = [group.add('a', longMs), group.add('b', longMs)];
  assert.equal(group.add('c', longMs), undefined);
  assert.deepEqual(await Promise.all(taken), [false, false]);
  await group.flush(longMs);
  assert.deepEqual(dropped, ['a', 'b']);
});
