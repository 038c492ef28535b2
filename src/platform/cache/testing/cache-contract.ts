import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { AppError } from '#shared/errors';
import { waitFor } from '../../../../tests/support/wait-for.ts';
import type { Cache } from '../cache-types.ts';
import { startTestProcess, type TestProcess } from './test-caches.ts';

export type ContractPlace = {
  readonly title: string;
  readonly skip: string | false;
  /** The address of Redis, or undefined without one. */
  readonly start: () => Promise<{ readonly url: string | undefined; stop(): Promise<void> }>;
};

const never = () => new Promise<never>(() => undefined);
const short = { ttlS: 0.001, graceS: 600 };

/** What holds whatever stands behind the cache. */
export function describeCacheContract({ title, skip, start }: ContractPlace): void {
  describe(`cache: ${title}`, { skip }, () => {
    let place: Awaited<ReturnType<ContractPlace['start']>>;
    let one: TestProcess;
    let cache: Cache;
    let calls = 0;
    const count = () => (calls += 1);
    before(async () => {
      place = await start();
      one = await startTestProcess({ url: place.url });
      if (place.url !== undefined) await waitFor('Redis', () => one.caches.named('content').figures().redis?.state === 'ready');
      cache = one.caches.named('content');
    });
    after(async () => {
      await one?.close();
      await place?.stop();
    });

    const isStale = (key: string) => waitFor('the value to be past its time', async () => (await cache.get(key)) === undefined);

    test('concurrent callers cause one call of the factory, and later ones none', async () => {
      calls = 0;
      const values = await Promise.all(Array.from({ length: 500 }, () => cache.getOrSet('flight', async () => count())));
      assert.deepEqual([new Set(values), await cache.getOrSet('flight', count), calls], [new Set([1]), 1, 1]);
    });

    test('a value is shared and cannot be changed by one of those who have it', async () => {
      const value = await cache.getOrSet('frozen', () => ({ list: [1], at: new Date(0) }));
      assert.throws(() => value.list.push(2), TypeError);
      assert.deepEqual(await cache.get('frozen'), { list: [1], at: new Date(0) });
    });

    test('when the factory throws, every caller gets its error and nothing is kept', async () => {
      calls = 0;
      const fail = async () => {
        count();
        throw new Error('source down');
      };
      const outcomes = await Promise.allSettled(Array.from({ length: 20 }, () => cache.getOrSet('error', fail)));
      assert.ok(outcomes.every((outcome) => outcome.status === 'rejected' && outcome.reason.message === 'source down'));
      assert.equal(calls, 1);
      assert.equal(await cache.getOrSet('error', () => 'well again'), 'well again');
    });

    test('a stale value is served while one refresh runs', async () => {
      calls = 0;
      await cache.getOrSet('swr', () => 'old', short);
      await isStale('swr');
      const gate = Promise.withResolvers<void>();
      const refresh = async () => {
        count();
        await gate.promise;
        return 'new';
      };
      const answers = await Promise.all([1, 2, 3].map(() => cache.getOrSet('swr', refresh, { ttlS: 600 })));
      assert.deepEqual(answers, ['old', 'old', 'old']);
      gate.resolve();
      await waitFor('the new value', async () => (await cache.get('swr')) === 'new');
      assert.equal(calls, 1);
    });

    test('a stale value is served when the source fails, which is then left alone for a while', async () => {
      calls = 0;
      await cache.getOrSet('grace', () => 'old', short);
      await isStale('grace');
      const fail = () => {
        count();
        throw new Error('source down');
      };
      for (let index = 0; index < 50; index += 1) assert.equal(await cache.getOrSet('grace', fail, short), 'old');
      // A machine that is slow enough may come to a second try.
      assert.ok(calls < 10, `${calls} calls`);
    });

    test('an answer such as "not found" is no outage: no stale value hides it', async () => {
      await cache.getOrSet('gone', () => 'old', short);
      await isStale('gone');
      const missing = () => Promise.reject(new AppError('not_found', 'No such article.', { status: 404 }));
      const waits = { ...short, softTimeoutMs: 60_000 };
      await assert.rejects(cache.getOrSet('gone', missing, waits), { code: 'not_found' });
      await assert.rejects(cache.getOrSet('gone', missing, waits), { code: 'not_found' });
    });

    test('soft time-out: the new value when it comes in time, else the stale one, while the factory goes on', async () => {
      await cache.getOrSet('soft', () => 'old', short);
      await isStale('soft');
      assert.equal(await cache.getOrSet('soft', async () => 'newer', { ...short, softTimeoutMs: 60_000 }), 'newer');
      await isStale('soft');
      const gate = Promise.withResolvers<string>();
      assert.equal(await cache.getOrSet('soft', () => gate.promise, { ttlS: 600, softTimeoutMs: 1 }), 'newer');
      gate.resolve('newest');
      await waitFor('the newest value', async () => (await cache.get('soft')) === 'newest');
    });

    test('hard time-out: source_timed_out, and the factory is told', async () => {
      let signal: AbortSignal | undefined;
      const hang = (context: { signal: AbortSignal }) => {
        signal = context.signal;
        return never();
      };
      await assert.rejects(cache.getOrSet('hard', hang, { hardTimeoutMs: 1 }), { code: 'source_timed_out', status: 503, retryable: true });
      await waitFor('another try', () => cache.getOrSet('hard', () => 'there', { hardTimeoutMs: 60_000 }));
      assert.ok(signal === undefined || signal.aborted);
    });

    test('null and undefined are kept on request only', async () => {
      calls = 0;
      const nothing = () => {
        count();
        return null;
      };
      await cache.getOrSet('null', nothing);
      await cache.getOrSet('null', nothing);
      assert.equal(calls, 2);
      for (let index = 0; index < 3; index += 1) assert.equal(await cache.getOrSet('null', nothing, { negativeTtlS: 600 }), null);
      assert.equal(calls, 3);
    });

    test('an eager refresh replaces the value before its time, by one factory call', async () => {
      calls = 0;
      const given = { ttlS: 600, eagerFraction: 0 };
      await cache.getOrSet('eager', () => 'first', given);
      const gate = Promise.withResolvers<void>();
      const refresh = async () => {
        count();
        await gate.promise;
        return 'second';
      };
      const answers = await Promise.all([1, 2, 3].map(() => cache.getOrSet('eager', refresh, given)));
      assert.deepEqual(answers, ['first', 'first', 'first']);
      gate.resolve();
      await waitFor('the second value', () => cache.peek('eager') === 'second');
      assert.equal(calls, 1);
    });

    test('set replaces; remove, tags, namespaces and all remove what they name and nothing else', async () => {
      const has = async (key: string, namespace?: string) =>
        (await cache.get(key, namespace === undefined ? {} : { namespace })) !== undefined;
      await cache.set('a', 1, { tags: ['odd'], waitsForWrite: true });
      await cache.set('b', 2, { tags: ['even', 'prime'], waitsForWrite: true });
      await cache.set('a', 3, { tags: ['odd'], waitsForWrite: true });
      await cache.set('a', 4, { namespace: 'n', waitsForWrite: true });
      assert.deepEqual([await cache.get('a'), await cache.get('a', { namespace: 'n' })], [3, 4]);
      await cache.removeByTag('prime');
      assert.deepEqual([await has('a'), await has('b'), await has('a', 'n')], [true, false, true]);
      await cache.removeNamespace('n');
      assert.deepEqual([await has('a'), await has('a', 'n')], [true, false]);
      await cache.remove('a');
      assert.equal(await has('a'), false);
      await cache.set('c', 5, { waitsForWrite: true });
      await cache.removeAll();
      assert.equal(await has('c'), false);
    });

    for (const [what, invalidate] of [
      ['its key', () => cache.remove('race')],
      ['its tag', () => cache.removeByTag('race-tag')],
      ['a tag that the factory gave', () => cache.removeByTag('race-late')],
      ['everything', () => cache.removeAll()],
    ] as const) {
      test(`what a factory read before ${what} was invalidated is not kept, and not given to who asks later`, async () => {
        const gate = Promise.withResolvers<void>();
        const began = Promise.withResolvers<void>();
        const early = cache.getOrSet(
          'race',
          async ({ addTags }) => {
            began.resolve();
            await gate.promise;
            addTags('race-late');
            return 'before';
          },
          { tags: ['race-tag'] },
        );
        await began.promise;
        await invalidate();
        // A tag that nobody knew of yet cannot part the callers; what is kept is another matter.
        const isKnown = !what.startsWith('a tag that');
        if (isKnown) assert.equal(await cache.getOrSet('race', () => 'after'), 'after');
        gate.resolve();
        assert.equal(await early, 'before');
        assert.equal(await cache.getOrSet('race', () => 'after'), 'after');
        await cache.remove('race');
      });
    }

    test('a value that is too large is handed on and not kept', async () => {
      calls = 0;
      const large = () => {
        count();
        return 'x'.repeat(2 * 2 ** 20);
      };
      assert.equal((await cache.getOrSet('large', large)).length, 2 * 2 ** 20);
      await cache.getOrSet('large', large);
      assert.equal(calls, 2);
    });

    test('keys, tags and namespaces that cannot be are refused by name', async () => {
      await assert.rejects(cache.getOrSet('', count), { code: 'cache_key_invalid' });
      await assert.rejects(cache.getOrSet('k', count, { namespace: 'a b' }), { code: 'cache_namespace_invalid' });
      await assert.rejects(cache.getOrSet('k-tags', count, { tags: [''] }), { code: 'cache_tags_invalid' });
    });
  });
}
