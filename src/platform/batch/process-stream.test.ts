import assert from 'node:assert/strict';
import { test } from 'node:test';
import { done, processStream, type StreamOptions } from './index.ts';

const groupOf = (input: number) => ({ kind: 'article', provider: input % 2 === 0 ? 'even' : 'odd' });
const handle: StreamOptions<number, number>['handle'] = async (inputs) => inputs.map((input) => done(input * 10));

async function* count(to: number, onRead: (input: number) => void = () => undefined): AsyncGenerator<number> {
  for (let input = 0; input < to; input += 1) {
    onRead(input);
    yield input;
  }
}

test('a stream is handled in batches and comes back in order', async () => {
  const sizes = new Map<number, number>();
  const seen: number[] = [];
  const options: StreamOptions<number, number> = {
    groupOf,
    handle: (inputs, group, signal) => {
      sizes.set(inputs.length, (sizes.get(inputs.length) ?? 0) + 1);
      return handle(inputs, group, signal);
    },
  };
  for await (const { input, outcome } of processStream(count(1000), options)) {
    assert.deepEqual(outcome, done(input * 10));
    seen.push(input);
  }
  assert.deepEqual(
    seen,
    Array.from({ length: 1000 }, (_, index) => index),
  );
  // Of 500 of each kind 166 batches are full; a pause of the source may have sent a few before that.
  assert.ok((sizes.get(3) ?? 0) >= 100, JSON.stringify([...sizes]));
});

test('no more is read ahead than may be pending', async () => {
  let read = 0;
  const stream = processStream(
    count(10_000, () => void (read += 1)),
    { groupOf, handle, maxPending: 10, lingerMs: 1 },
  );
  for (let taken = 1; taken <= 50; taken += 1) {
    assert.ok((await stream.next()).done === false);
    // One more is in the hands of the source itself.
    assert.ok(read <= taken + 11, `${read} read, ${taken} taken`);
  }
  await stream.return();
});

test('a batch that never fills is sent after a while', async () => {
  const gate = Promise.withResolvers<void>();
  async function* waitForAnswer(): AsyncGenerator<number> {
    yield 1;
    await gate.promise;
    yield 3;
  }
  const stream = processStream(waitForAnswer(), { groupOf, handle });
  assert.deepEqual((await stream.next()).value, { input: 1, outcome: done(10) });
  gate.resolve();
  assert.deepEqual((await stream.next()).value, { input: 3, outcome: done(30) });
  assert.equal((await stream.next()).done, true);
});

test('a source that fails ends the stream, behind the outcomes of what it gave', async () => {
  async function* breakOff(): AsyncGenerator<number> {
    yield* count(4);
    throw new Error('the file ends here');
  }
  const seen: number[] = [];
  const all = async () => {
    for await (const { input } of processStream(breakOff(), { groupOf, handle })) seen.push(input);
  };
  await assert.rejects(all(), /the file ends here/);
  assert.deepEqual(seen, [0, 1, 2, 3]);
});

test('leaving the loop calls off what runs and closes the source', async () => {
  let isClosed = false;
  const signals: AbortSignal[] = [];
  async function* source(): AsyncGenerator<number> {
    try {
      yield* count(1000);
    } finally {
      isClosed = true;
    }
  }
  const options: StreamOptions<number, number> = {
    groupOf,
    maxPending: 20,
    handle: async (inputs, group, signal) => {
      signals.push(signal);
      // All but the first one hang.
      if (inputs.includes(0)) return handle(inputs, group, signal);
      return new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(signal.reason)));
    },
  };
  for await (const { input } of processStream(source(), options)) {
    assert.equal(input, 0);
    break;
  }
  await new Promise(setImmediate);
  assert.ok(isClosed);
  assert.ok(signals.length > 1 && signals.every((signal) => signal.aborted));
});

test('called off, it ends, though the source would never give anything again', async () => {
  const stop = new AbortController();
  async function* source(): AsyncGenerator<number> {
    yield 1;
    await new Promise(() => undefined);
  }
  const options: StreamOptions<number, number> = {
    groupOf,
    signal: stop.signal,
    handle: () => {
      stop.abort();
      return new Promise(() => undefined);
    },
  };
  const seen: object[] = [];
  for await (const one of processStream(source(), options)) seen.push(one);
  assert.deepEqual(seen, [{ input: 1, outcome: { kind: 'aborted' } }]);
});

test('a plain list, and nothing at all, are streams too', async () => {
  const values: number[] = [];
  for await (const { outcome } of processStream([1, 1, 2], { groupOf, handle })) if (outcome.kind === 'done') values.push(outcome.value);
  assert.deepEqual(values, [10, 10, 20]);
  assert.equal((await processStream([], { groupOf, handle }).next()).done, true);
});
