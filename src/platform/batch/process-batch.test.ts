import assert from 'node:assert/strict';
import { test } from 'node:test';
import { AppError } from '#shared/errors';
import { waitFor } from '../../../tests/support/wait-for.ts';
import { type BatchOptions, done, failed, type Outcome, processBatch } from './index.ts';

type Input = { readonly id: number; readonly kind: string; readonly provider: string };

const inputOf = (id: number, provider = 'anthropic', kind = 'article'): Input => ({ id, kind, provider });
const listOf = (count: number, provider?: string) => Array.from({ length: count }, (_, id) => inputOf(id, provider));
const groupOf = ({ kind, provider }: Input) => ({ kind, provider });
const answerAll = async (inputs: readonly Input[]) => inputs.map(({ id }) => done(id));

/** Keeps every batch until it is told to go on, and counts. */
function createHold() {
  const held: { readonly provider: string; readonly size: number; go(): void }[] = [];
  let running = 0;
  const most = new Map<string, number>([['all', 0]]);
  const count = (provider: string) => {
    const ofProvider = held.filter((batch) => batch.provider === provider).length;
    most.set(provider, Math.max(most.get(provider) ?? 0, ofProvider));
    most.set('all', Math.max(most.get('all') ?? 0, running));
  };
  const handle: BatchOptions<Input, number>['handle'] = async (inputs, { provider }) => {
    running += 1;
    const gate = Promise.withResolvers<void>();
    const entry = { provider, size: inputs.length, go: gate.resolve };
    held.push(entry);
    count(provider);
    await gate.promise;
    held.splice(held.indexOf(entry), 1);
    running -= 1;
    return inputs.map(({ id }) => done(id));
  };
  return { held, most, handle };
}

test('inputs of one kind and provider share batches of the size of that provider', async () => {
  const batches: string[] = [];
  const inputs = [...listOf(7, 'openai'), ...listOf(4), inputOf(1, 'openai', 'summary'), ...listOf(4, 'constructor')];
  const outcomes = await processBatch(inputs, {
    groupOf,
    handle: async (batch, { kind, provider }) => {
      assert.ok(batch.every((input) => input.kind === kind && input.provider === provider));
      batches.push(`${provider} ${kind} ${batch.length}`);
      return answerAll(batch);
    },
  });
  assert.deepEqual(batches.sort(), [
    'anthropic article 1',
    'anthropic article 3',
    'constructor article 1',
    'constructor article 3',
    'openai article 2',
    'openai article 5',
    'openai summary 1',
  ]);
  assert.deepEqual(
    outcomes,
    inputs.map(({ id }) => done(id)),
  );
});

test('the sizes can be told', async () => {
  const sizes: number[] = [];
  const handle = async (batch: readonly Input[]) => {
    sizes.push(batch.length);
    return answerAll(batch);
  };
  await processBatch([...listOf(4), ...listOf(4, 'ollama')], { groupOf, handle, batchSizes: { default: 4, ollama: 2 } });
  assert.deepEqual(sizes.sort(), [2, 2, 4]);
});

test('outcomes stand in the order of the inputs, whichever batch ends first, and duplicates each have theirs', async () => {
  const { held, handle } = createHold();
  const inputs = [inputOf(1, 'a'), inputOf(2, 'b'), inputOf(3, 'a'), inputOf(1, 'a'), inputOf(2, 'b')];
  const outcomes = processBatch(inputs, { groupOf, handle });
  for (const batch of [...held].reverse()) batch.go();
  assert.deepEqual(await outcomes, [1, 2, 3, 1, 2].map(done));
});

test('an empty list is nothing to do', async () => {
  assert.deepEqual(await processBatch([], { groupOf, handle: () => assert.fail('there is nothing to handle') }), []);
});

test('no more batches run at once than allowed, in all and for one provider, and providers take turns', async () => {
  const { held, most, handle } = createHold();
  const inputs = ['a', 'b', 'c'].flatMap((provider) => listOf(9, provider));
  const options = { groupOf, handle, maxConcurrent: 4, maxConcurrentPerProvider: 2, batchSizes: { default: 1 } };
  let isDone = false;
  const outcomes = processBatch(inputs, options).finally(() => {
    isDone = true;
  });
  assert.deepEqual(held.map(({ provider }) => provider).sort(), ['a', 'a', 'b', 'b']);
  held[0]?.go();
  await waitFor('the next provider', () => held.some(({ provider }) => provider === 'c'));
  await waitFor('the end', () => {
    for (const batch of [...held]) batch.go();
    return isDone;
  });
  assert.equal((await outcomes).length, 27);
  assert.deepEqual([...most.entries()].sort(), [
    ['a', 2],
    ['all', 4],
    ['b', 2],
    ['c', 2],
  ]);
});

test('a failure is the outcome of its batch only, and a failed input of itself only', async () => {
  const handle = async (batch: readonly Input[], { provider }: { provider: string }) => {
    if (provider === 'down') throw new AppError('llm_unavailable', 'nobody there', { retryable: true });
    if (provider === 'odd') throw new TypeError('not a function');
    return batch.map(({ id }): Outcome<number> => (id === 1 ? failed(new AppError('too_long', 'too many words')) : done(id)));
  };
  const outcomes = await processBatch([inputOf(0), inputOf(0, 'down'), inputOf(1), inputOf(2, 'odd'), inputOf(2)], { groupOf, handle });
  const failure = (code: string, message: string, retryable: boolean) => ({ kind: 'failed', error: { code, message, retryable } });
  assert.deepEqual(outcomes, [
    done(0),
    failure('llm_unavailable', 'nobody there', true),
    failure('too_long', 'too many words', false),
    failure('batch_failed', 'not a function', false),
    done(2),
  ]);
});

test('with splitOnFailure a batch that failed is tried one by one: a bad input spoils only itself', async () => {
  const sizes: number[] = [];
  const handle = async (batch: readonly Input[]) => {
    sizes.push(batch.length);
    if (batch.some(({ id }) => id === 1)) throw new Error('indigestible');
    return answerAll(batch);
  };
  const outcomes = await processBatch(listOf(3), { groupOf, handle, splitOnFailure: true });
  assert.deepEqual(
    outcomes.map(({ kind }) => kind),
    ['done', 'failed', 'done'],
  );
  assert.deepEqual(sizes, [3, 1, 1, 1]);
});

test('too few or too many answers are a failure of that batch, and say so', async () => {
  for (const count of [0, 2, 4]) {
    const handle = async () => Array.from({ length: count }, (_, index) => done(index));
    for (const outcome of await processBatch(listOf(3), { groupOf, handle })) {
      assert.ok(outcome.kind === 'failed');
      assert.equal(outcome.error.code, 'batch_answer_mismatch');
      assert.match(outcome.error.message, new RegExp(`batch of 3 \\(article, anthropic\\) was answered with ${count} outcomes`));
    }
  }
});

test('an input that belongs nowhere fails by itself', async () => {
  const outcomes = await processBatch(listOf(2), {
    handle: answerAll,
    groupOf(input) {
      if (input.id === 0) throw new AppError('unknown_provider', 'nobody writes this');
      return groupOf(input);
    },
  });
  assert.deepEqual(outcomes, [failed(new AppError('unknown_provider', 'nobody writes this')), done(1)]);
});

test('what is not known when it is called off is aborted, at once; what is known stays', async () => {
  const stop = new AbortController();
  const seen: AbortSignal[] = [];
  const late = Promise.withResolvers<void>();
  const handle = async (batch: readonly Input[], _group: object, signal: AbortSignal) => {
    seen.push(signal);
    if (seen.length > 1) await late.promise;
    return answerAll(batch);
  };
  const outcomes = processBatch(listOf(3), { groupOf, handle, batchSizes: { default: 1 }, maxConcurrent: 1, signal: stop.signal });
  await waitFor('the second batch', () => seen.length === 2);
  stop.abort();
  assert.deepEqual(await outcomes, [done(0), { kind: 'aborted' }, { kind: 'aborted' }]);
  assert.ok(seen.every((signal) => signal.aborted));
  late.resolve();
  const before = AbortSignal.abort();
  assert.deepEqual(await processBatch([inputOf(1)], { groupOf, handle: () => assert.fail('too late'), signal: before }), [
    { kind: 'aborted' },
  ]);
});

test('when the time is over, what is not known has failed and may be tried again; a late failure harms nobody', async () => {
  const late = Promise.withResolvers<void>();
  const handle = async (batch: readonly Input[], { provider }: { provider: string }) => {
    if (provider === 'slow') await late.promise;
    return answerAll(batch);
  };
  const outcomes = await processBatch([inputOf(1, 'slow'), inputOf(2)], { groupOf, handle, totalTimeoutMs: 20 });
  const [slow, fast] = outcomes;
  assert.deepEqual(fast, done(2));
  assert.ok(slow?.kind === 'failed');
  assert.deepEqual([slow.error.code, slow.error.retryable], ['batch_timed_out', true]);
  late.reject(new Error('too late'));
  await new Promise(setImmediate);
});

test('a long list is handled in its batches', async () => {
  const outcomes = await processBatch(listOf(20_000), { groupOf, handle: answerAll });
  assert.equal(outcomes.length, 20_000);
  assert.deepEqual(outcomes.at(-1), done(19_999));
});
