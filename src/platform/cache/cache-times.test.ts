import assert from 'node:assert/strict';
import { after, describe, test } from 'node:test';
import { createMetrics } from '#platform/telemetry';
import { createManualClock, startTestProcess } from './testing/test-caches.ts';

describe('times and figures', () => {
  async function start(settings: object = {}) {
    const clock = createManualClock();
    const metrics = createMetrics('test');
    const it = await startTestProcess({ clock, metrics, settings: { content: { ttlJitter: 0, eagerFraction: 1, ...settings } } });
    after(it.close);
    return { clock, metrics, caches: it.caches, cache: it.caches.named('content') };
  }

  test('fresh until its time, stale until the end of its grace, then gone', async () => {
    const { clock, cache } = await start();
    await cache.getOrSet('k', () => 'old', { ttlS: 10, graceS: 5 });
    clock.advance(9_999);
    assert.equal(await cache.getOrSet('k', () => 'new'), 'old');
    clock.advance(1);
    const down = () => Promise.reject(new Error('down'));
    assert.deepEqual([cache.peek('k'), await cache.getOrSet('k', down)], [undefined, 'old']);
    clock.advance(5_000);
    await assert.rejects(cache.getOrSet('k', down), /down/);
  });

  test('a source that goes on failing is called less and less often', async () => {
    const { clock, cache } = await start();
    let calls = 0;
    const fail = () => {
      calls += 1;
      throw new Error('down');
    };
    for (let second = 0; second < 60; second += 1) {
      for (let index = 0; index < 10; index += 1) await assert.rejects(cache.getOrSet('k', fail), /down/);
      clock.advance(1000);
    }
    assert.ok(calls < 40, `${calls} calls for 600 requests`);
    await cache.remove('k');
    assert.equal(await cache.getOrSet('k', () => 'well'), 'well', 'an invalidation ends the pause');
  });

  test('times are spread by the jitter, and never longer than given', async () => {
    const { clock, cache } = await start({ ttlJitter: 0.5 });
    const keys = Array.from({ length: 200 }, (_, index) => `k${index}`);
    for (const key of keys) await cache.getOrSet(key, () => 1, { ttlS: 100 });
    const left = () => keys.filter((key) => cache.peek(key) !== undefined).length;
    clock.advance(49_999);
    assert.equal(left(), 200);
    clock.advance(25_000);
    assert.ok(left() > 20 && left() < 180, `${left()} left`);
    clock.advance(25_002);
    assert.equal(left(), 0);
  });

  test('the named caches have their settings, and an unknown name is told those that there are', async () => {
    const { caches } = await start();
    assert.deepEqual(
      caches.figures().map(({ name, memory }) => [name, memory.maxEntries]),
      [
        ['content', 1000],
        ['user_sessions', 5000],
        ['api_responses', 2000],
        ['database_queries', 500],
      ],
    );
    assert.throws(() => caches.named('contents'), { code: 'unknown_cache', status: 404, message: /content, user_sessions/ });
  });

  test('figures and metrics count what happened', async () => {
    const { clock, cache, metrics } = await start();
    await cache.getOrSet('k', () => 'v', { ttlS: 10, graceS: 10 });
    await cache.getOrSet('k', () => 'v');
    clock.advance(10_000);
    await cache.getOrSet('k', () => Promise.reject(new Error('down')));
    const { memory, source } = cache.figures();
    assert.deepEqual(
      [memory.hits, memory.misses, memory.stale, memory.entries, memory.oldestAgeS, memory.meanAgeS, source.calls],
      [1, 2, 1, 1, 10, 10, 2],
    );
    for (let scrape = 0; scrape < 2; scrape += 1) {
      const text = await metrics.text();
      assert.match(text, /aquascene_cache_requests_total\{cache="content",level="memory",outcome="hits",role="test"\} 1\n/);
      assert.match(text, /aquascene_cache_entries\{cache="content",role="test"\} 1\n/);
    }
  });
});
