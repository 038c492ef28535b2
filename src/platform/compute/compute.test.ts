import assert from 'node:assert/strict';
import { availableParallelism } from 'node:os';
import { after, before, test } from 'node:test';
import { createMetrics } from '#platform/telemetry';
import { AppError } from '#shared/errors';
import { waitFor } from '../../../tests/support/wait-for.ts';
import { type Compute, createCompute } from './index.ts';
import type { Behaviour } from './testing/misbehaving-worker.ts';

const worker = new URL('./testing/misbehaving-worker.ts', import.meta.url);
const metrics = createMetrics('test');
// The limits only end what must end: a task that behaves is done long before.
const patientMs = 60_000;
let compute: Compute;

before(() => {
  compute = createCompute({ maxThreads: 2, metrics, maxQueue: 4, maxHeapMib: 32 });
});
after(() => compute.close());

const run = (behaviour: Behaviour, timeoutMs = patientMs, more: object = {}) =>
  compute.run<object, string>(worker, { behaviour, text: behaviour, ...more }, { timeoutMs });

const isAppError = (code: string, message?: RegExp) => (error: unknown) => {
  assert.ok(error instanceof AppError, String(error));
  assert.equal(error.code, code, error.message);
  if (message !== undefined) assert.match(error.message, message);
  return true;
};

/** Holds tasks in their threads until it is opened, and counts those that have begun. */
function createGate() {
  const gate = new Int32Array(new SharedArrayBuffer(8));
  return {
    gate,
    begun: () => Atomics.load(gate, 1),
    open() {
      Atomics.store(gate, 0, 1);
      Atomics.notify(gate, 0);
    },
  };
}

test('a task runs in a thread and gives its result', async () => {
  assert.equal(await run('echo'), 'echo');
});

for (const behaviour of ['loop', 'backtrack', 'hang'] as const) {
  test(`a task that never ends (${behaviour}) is ended at its limit, and the pool goes on`, async () => {
    await assert.rejects(run(behaviour, 50), isAppError('compute_timed_out', /misbehaving-worker\.ts used more than its 50 ms/));
    assert.equal(await run('echo'), 'echo');
  });
}

test('endless tasks in every thread do not keep those that wait from running', async () => {
  const endless = [run('loop', 50), run('loop', 50)];
  const waiting = [run('echo'), run('echo'), run('echo')];
  for (const outcome of await Promise.allSettled(endless)) assert.equal(outcome.status, 'rejected');
  assert.deepEqual(await Promise.all(waiting), ['echo', 'echo', 'echo']);
});

test('running out of memory is the error of that task only', async () => {
  const gate = createGate();
  const bystander = run('echo', patientMs, { gate: gate.gate });
  await assert.rejects(run('hoard'), isAppError('compute_out_of_memory', /32 MiB/));
  // Against V8's own limit this one would end the process.
  await assert.rejects(run('hoard-json'), isAppError('compute_out_of_memory', /32 MiB/));
  gate.open();
  assert.equal(await bystander, 'echo');
  assert.equal(await run('echo'), 'echo');
});

test('what a task throws arrives with its message; an AppError with its code, status and fields', async () => {
  await assert.rejects(run('throw'), isAppError('compute_failed', /the page made no sense/));
  await assert.rejects(run('recurse'), isAppError('compute_failed', /call stack/));
  await assert.rejects(run('refuse'), (error: unknown) => {
    assert.ok(error instanceof AppError);
    assert.deepEqual([error.code, error.status, error.fields], ['page_empty', 422, [{ path: '/html', message: 'is empty' }]]);
    return true;
  });
});

test('a thread that exits, and a result that cannot leave its thread, are errors of the task', async () => {
  await assert.rejects(run('exit'), isAppError('compute_failed', /exited/));
  await assert.rejects(run('uncloneable'), isAppError('compute_failed', /cannot be copied/));
  await assert.rejects(
    compute.run(worker, { behaviour: 'echo', text: () => undefined }, { timeoutMs: patientMs }),
    isAppError('compute_failed', /could not be cloned/),
  );
  assert.equal(await run('echo'), 'echo');
});

test('a module without a function run, or none at all, is named', async () => {
  const types = new URL('./index.ts', import.meta.url);
  await assert.rejects(compute.run(types, {}, { timeoutMs: patientMs }), isAppError('compute_failed', /exports no function "run"/));
  const nowhere = new URL('./no-such-worker.ts', import.meta.url);
  await assert.rejects(compute.run(nowhere, {}, { timeoutMs: patientMs }), isAppError('compute_failed', /no-such-worker\.ts/));
});

test('the queue is bounded, and time spent in it is not counted', async () => {
  const gate = createGate();
  const threads = Math.min(2, availableParallelism());
  const running = Array.from({ length: threads }, () => run('echo', patientMs, { gate: gate.gate }));
  await waitFor('every thread to be busy', () => gate.begun() === threads);
  const limitMs = 20;
  const queuedAt = performance.now();
  const waiting = Array.from({ length: 4 }, () => run('echo', limitMs));
  await assert.rejects(run('echo'), (error: unknown) => {
    assert.ok(isAppError('compute_overloaded')(error) && error instanceof AppError);
    assert.deepEqual([error.retryable, error.status], [true, 503]);
    return true;
  });
  // Longer than even a task that uses no CPU time may take.
  await waitFor('the limit to be long past', () => performance.now() - queuedAt > limitMs * 15);
  gate.open();
  assert.deepEqual(await Promise.all(waiting), Array(4).fill('echo'));
  await Promise.all(running);
});

test('work can be called off, waiting or running', async () => {
  const gate = createGate();
  const threads = Math.min(2, availableParallelism());
  const stop = new AbortController();
  const call = () => compute.run(worker, { behaviour: 'echo', gate: gate.gate }, { timeoutMs: patientMs, signal: stop.signal });
  const calls = Array.from({ length: threads + 1 }, call);
  const settled = Promise.allSettled(calls);
  await waitFor('every thread to be busy', () => gate.begun() === threads);
  stop.abort();
  for (const outcome of await settled) {
    assert.equal(outcome.status, 'rejected');
    isAppError('compute_aborted')(outcome.reason);
  }
  await assert.rejects(call(), isAppError('compute_aborted'));
  assert.equal(await run('echo'), 'echo');
});

test('there are never more threads than cores, idle ones end, and closing ends the rest', async () => {
  const own = createMetrics('own');
  const pool = createCompute({ maxThreads: 64, metrics: own, idleTimeoutMs: 1 });
  const threadsOf = async () => Number(/^aquascene_compute_threads\{.*\} (\d+)$/m.exec(await own.text())?.[1]);
  const gate = createGate();
  const cores = availableParallelism();
  const call = () => pool.run(worker, { behaviour: 'echo', gate: gate.gate }, { timeoutMs: patientMs });
  const calls = Array.from({ length: cores + 2 }, call);
  await waitFor('every core to be busy', () => gate.begun() === cores);
  assert.equal(await threadsOf(), cores);
  gate.open();
  await Promise.all(calls);
  await waitFor('the idle threads to end', async () => (await threadsOf()) === 0);

  const second = createGate();
  const running = pool.run(worker, { behaviour: 'echo', gate: second.gate }, { timeoutMs: patientMs });
  const ended = assert.rejects(running, isAppError('compute_closed'));
  await waitFor('the task to run', () => second.begun() === 1);
  await pool.close();
  await ended;
  await assert.rejects(call(), isAppError('compute_closed'));
});

test('every task is counted by its outcome', async () => {
  const text = await metrics.text();
  for (const outcome of ['done', 'compute_timed_out', 'compute_out_of_memory', 'compute_overloaded', 'page_empty']) {
    assert.match(text, new RegExp(`aquascene_compute_tasks_total\\{worker="misbehaving-worker.ts",outcome="${outcome}"`));
  }
});
