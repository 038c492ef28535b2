import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type CircuitState, createCircuitBreaker } from './circuit-breaker.ts';

function createSubject() {
  let time = 0;
  const states: CircuitState[] = [];
  const breaker = createCircuitBreaker({
    failureThreshold: 3,
    openMs: 100,
    maxOpenMs: 300,
    now: () => time,
    onChange: (state) => void states.push(state),
  });
  return { breaker, states, advance: (ms: number) => void (time += ms) };
}

test('failures in a row open it, a success between them does not', () => {
  const { breaker } = createSubject();
  breaker.failed();
  breaker.failed();
  breaker.succeeded();
  breaker.failed();
  breaker.failed();
  assert.equal(breaker.state(), 'closed');
  breaker.failed();
  assert.equal(breaker.state(), 'open');
  assert.equal(breaker.tryAcquire(), false);
  assert.equal(breaker.retryInMs(), 100);
});

test('one trial at a time is let through; its success closes it', () => {
  const { breaker, states, advance } = createSubject();
  for (let count = 0; count < 3; count += 1) breaker.failed();
  advance(100);
  assert.equal(breaker.tryAcquire(), true);
  assert.equal(breaker.tryAcquire(), false);
  breaker.succeeded();
  assert.equal(breaker.tryAcquire(), true);
  assert.deepEqual(states, ['open', 'half_open', 'closed']);
});

test('a trial that fails doubles the wait, up to a limit, and closing forgets it', () => {
  const { breaker, advance } = createSubject();
  for (let count = 0; count < 3; count += 1) breaker.failed();
  for (const waitMs of [100, 200, 300, 300]) {
    assert.equal(breaker.retryInMs(), waitMs);
    advance(waitMs);
    assert.equal(breaker.tryAcquire(), true);
    breaker.failed();
  }
  advance(300);
  breaker.tryAcquire();
  breaker.succeeded();
  for (let count = 0; count < 3; count += 1) breaker.failed();
  assert.equal(breaker.retryInMs(), 100);
});

test('what was under way when it opened neither closes it nor opens it for longer', () => {
  const { breaker, advance } = createSubject();
  for (let count = 0; count < 3; count += 1) breaker.failed();
  advance(60);
  breaker.succeeded();
  breaker.failed();
  assert.equal(breaker.retryInMs(), 40);
});

test('a trial that never says how it ended is followed by another', () => {
  const { breaker, advance } = createSubject();
  for (let count = 0; count < 3; count += 1) breaker.failed();
  advance(100);
  assert.equal(breaker.tryAcquire(), true);
  advance(300);
  assert.equal(breaker.tryAcquire(), true);
});
