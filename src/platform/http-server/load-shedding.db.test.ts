import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { createTestContext, type TestContext } from '../../../tests/support/test-context.ts';
import { createTestServer } from '../../../tests/support/test-server.ts';
import { waitFor } from '../../../tests/support/wait-for.ts';
import { createLoadMonitor, type LoadMonitorOptions, type MemoryReading } from './load-monitor.ts';
import type { RegisterRoutes } from './server.ts';

let t: TestContext;
before(async () => {
  t = await createTestContext();
});
after(() => t.close());

const routes: RegisterRoutes = (app) => {
  for (const cost of ['expensive', 'normal', 'essential'] as const) {
    app.get(`/${cost}`, { config: { access: 'public', cost } }, async () => ({ ok: true }));
  }
  app.get('/page', { config: { access: 'public', isPage: true } }, async () => ({ ok: true }));
};

const idle: MemoryReading = { rssBytes: 100, heapShare: 0.1 };

function makeMonitor(options: Partial<LoadMonitorOptions>) {
  const monitor = createLoadMonitor({
    ...{ logger: t.logger, metrics: t.metrics, sampleMs: 5, readLag: () => 0, readMemory: () => idle },
    ...options,
  });
  return monitor;
}

test('with lag what is expensive is refused first, then the rest, and never what is essential; then all is served again', async () => {
  let lagMs = 0;
  const loadMonitor = makeMonitor({ readLag: () => lagMs });
  const app = await createTestServer(t, [routes], { loadMonitor, renderError: async ({ code }) => `<h1>${code}</h1>` });
  const statuses = async () => {
    const answers = await Promise.all(['/expensive', '/normal', '/essential'].map((url) => app.inject(url)));
    return answers.map(({ statusCode }) => statusCode);
  };
  assert.deepEqual(await statuses(), [200, 200, 200]);
  lagMs = 250;
  await waitFor('the first level', () => loadMonitor.level() === 1);
  assert.deepEqual(await statuses(), [503, 200, 200]);
  lagMs = 450;
  await waitFor('the second level', () => loadMonitor.level() === 2);
  assert.deepEqual(await statuses(), [503, 503, 200]);
  const refused = await app.inject('/normal');
  assert.equal(refused.json().code, 'overloaded');
  assert.ok(Number(refused.headers['retry-after']) > 0);
  const page = await app.inject('/page');
  assert.deepEqual([page.statusCode, page.body, page.headers['retry-after']], [503, '<h1>overloaded</h1>', '5']);
  const { values } = await t.metrics.counter('aquascene_http_requests_shed_total', '').get();
  assert.equal(values.find(({ labels }) => labels.cost === 'expensive')?.value, 2);
  lagMs = 0;
  await waitFor('the end of it', () => loadMonitor.level() === 0);
  assert.deepEqual(await statuses(), [200, 200, 200]);
  loadMonitor.close();
  await app.close();
});

test('memory past its limit, resident or of the heap, refuses what is expensive; far past it, the rest', async () => {
  const limits = { maxRssBytes: 1000 };
  for (const [memory, level] of [
    [{ rssBytes: 1050, heapShare: 0.1 }, 1],
    [{ rssBytes: 1200, heapShare: 0.1 }, 2],
    [{ rssBytes: 100, heapShare: 0.92 }, 1],
    [{ rssBytes: 100, heapShare: 0.97 }, 2],
  ] as const) {
    const monitor = makeMonitor({ limits, readMemory: () => memory });
    await waitFor(`level ${level}`, () => monitor.level() === level);
    monitor.close();
  }
});

test('a single long task is no overload', async () => {
  const readings = [900, 0, 0, 900, 0, 0, 0];
  const monitor = makeMonitor({ readLag: () => readings.shift() ?? 0 });
  const levels = new Set<number>();
  await waitFor('all readings', () => {
    levels.add(monitor.level());
    return readings.length === 0;
  });
  assert.deepEqual(levels, new Set([0]));
  monitor.close();
});

test('an event loop that is really blocked again and again shows', async () => {
  const monitor = createLoadMonitor({ logger: t.logger, metrics: t.metrics, sampleMs: 100 });
  const giveUpAt = performance.now() + 60_000;
  while (monitor.level() === 0 && performance.now() < giveUpAt) {
    const until = performance.now() + 300;
    while (performance.now() < until);
    await nextTurn();
  }
  assert.ok(monitor.level() > 0);
  monitor.close();
});
