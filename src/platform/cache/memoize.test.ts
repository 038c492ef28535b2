import assert from 'node:assert/strict';
import { after, describe, test } from 'node:test';
import { createLogger } from '#platform/telemetry';
import { AppError } from '#shared/errors';
import { memoize } from './memoize.ts';
import { refreshAfter } from './refresh-after.ts';
import { stableKey } from './stable-key.ts';
import { createManualClock, startTestProcess } from './testing/test-caches.ts';

const logger = createLogger({ level: 'fatal', format: 'json', role: 'test' });

describe('stable keys', () => {
  test('the order of keys does not matter; everything else does', () => {
    assert.equal(stableKey({ a: 1, b: { c: 2, d: [3] } }), stableKey({ b: { d: [3], c: 2 }, a: 1 }));
    assert.equal(stableKey({ a: undefined }), stableKey({}));
    const different = [
      1,
      '1',
      [1],
      ['1'],
      { 1: 1 },
      null,
      undefined,
      true,
      'true',
      1n,
      [],
      {},
      [[]],
      [undefined],
      '',
      new Date(1),
      'date:x',
      -1,
    ];
    assert.equal(new Set(different.map(stableKey)).size, different.length);
  });

  test('a long one becomes a digest of itself', () => {
    const [one, other] = ['x', 'y'].map((end) => stableKey(['a'.repeat(5000) + end]));
    assert.ok(one !== undefined && one.length < 100 && one !== other);
  });

  const cycle: unknown[] = [];
  cycle.push(cycle);
  for (const [what, value] of [
    ['a function', [() => 1]],
    ['a symbol', { a: Symbol('x') }],
    ['an instance of a class', { a: new Map() }],
    ['a cycle', cycle],
    ['NaN', { a: [Number.NaN] }],
    ['an invalid date', new Date(Number.NaN)],
  ] as const) {
    test(`${what} has none, and is told where it stands`, () => {
      assert.throws(
        () => stableKey(value),
        (error: unknown) => error instanceof AppError && error.code === 'no_stable_key',
      );
    });
  }
});

describe('memoize', () => {
  test('equal arguments give one call, other arguments another; the namespace forgets them', async () => {
    const it = await startTestProcess();
    after(it.close);
    const cache = it.caches.named('database_queries');
    const calls: unknown[] = [];
    const search = memoize(
      async (query: { readonly words: string; readonly page: number }) => {
        calls.push(query);
        return query.page;
      },
      { cache, name: 'search', ttlS: 60 },
    );
    assert.deepEqual([await search({ words: 'moss', page: 1 }), await search({ page: 1, words: 'moss' })], [1, 1]);
    assert.equal(await search({ words: 'moss', page: 2 }), 2);
    assert.equal(calls.length, 2);
    await cache.removeNamespace('search');
    await search({ words: 'moss', page: 1 });
    assert.equal(calls.length, 3);
    const byName = memoize((visit: () => string) => visit(), { cache, name: 'visit', key: () => 'always' });
    assert.equal(await byName(() => 'first'), await byName(() => 'second'));
    await assert.rejects(
      memoize((visit: () => string) => visit(), { cache, name: 'bad' })(() => ''),
      { code: 'no_stable_key' },
    );
  });
});

describe('refreshAfter', () => {
  test('loads at first use, refreshes in the background after its age, and keeps the old when that fails', async () => {
    const clock = createManualClock();
    let next: () => Promise<string> = async () => 'first';
    let loads = 0;
    const read = refreshAfter(
      () => {
        loads += 1;
        return next();
      },
      { ageS: 10, clock, logger },
    );
    assert.equal(loads, 0);
    assert.deepEqual(await Promise.all([read(), read()]), ['first', 'first']);
    clock.advance(9_999);
    await read();
    assert.equal(loads, 1);
    const gate = Promise.withResolvers<string>();
    next = () => gate.promise;
    clock.advance(1);
    assert.deepEqual([await read(), await read(), loads], ['first', 'first', 2]);
    gate.resolve('second');
    await gate.promise;
    await new Promise(setImmediate);
    assert.equal(await read(), 'second');
    next = () => Promise.reject(new Error('down'));
    clock.advance(10_000);
    assert.equal(await read(), 'second');
    await new Promise(setImmediate);
    assert.deepEqual([await read(), loads], ['second', 3]);
    clock.advance(1000);
    next = async () => 'third';
    await read();
    await new Promise(setImmediate);
    assert.equal(await read(), 'third');
  });

  test('a first load that fails is told, and tried again', async () => {
    let isDown = true;
    const read = refreshAfter(
      async () => {
        if (isDown) throw new Error('down');
        return 1;
      },
      { ageS: 10, clock: createManualClock(), logger },
    );
    await assert.rejects(read(), /down/);
    isDown = false;
    assert.equal(await read(), 1);
  });
});
