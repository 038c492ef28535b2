import assert from 'node:assert/strict';
import { test } from 'node:test';
import { AggregatorRegistry } from 'prom-client';
import { createMetrics } from './metrics.ts';

function createSubject() {
  const metrics = createMetrics('test');
  const histogram = metrics.latency('test_seconds', 'For a test', ['route', 'status'], [0.1, 0.5]);
  return { metrics, histogram };
}

const linesOf = (text: string) => text.split('\n').filter((line) => line.startsWith('test_seconds'));

test('buckets are cumulative, with sum and count, by label', async () => {
  const { metrics, histogram } = createSubject();
  const record = histogram.of('/a', '200');
  for (const seconds of [0.1, 0.2, 0.7]) record(seconds);
  histogram.of('/a', '404')(0.05);
  const text = await metrics.text();
  assert.match(text, /# TYPE test_seconds histogram/);
  const lines = linesOf(text);
  assert.ok(lines.includes('test_seconds_bucket{le="0.1",route="/a",status="200",role="test"} 1'));
  assert.ok(lines.includes('test_seconds_bucket{le="0.5",route="/a",status="200",role="test"} 2'));
  assert.ok(lines.includes('test_seconds_bucket{le="+Inf",route="/a",status="200",role="test"} 3'));
  assert.ok(lines.includes('test_seconds_count{route="/a",status="200",role="test"} 3'));
  assert.ok(lines.some((line) => /^test_seconds_sum\{route="\/a",status="200",role="test"\} (1|0\.99)/.test(line)));
  assert.ok(lines.includes('test_seconds_count{route="/a",status="404",role="test"} 1'));
});

test('figures of several processes add up', async () => {
  const [first, second] = [createSubject(), createSubject()];
  first.histogram.of('/a', '200')(0.2);
  second.histogram.of('/a', '200')(0.2);
  const merged = AggregatorRegistry.aggregate([await first.metrics.snapshot(), await second.metrics.snapshot()]);
  assert.ok(linesOf(await merged.metrics()).some((line) => line.startsWith('test_seconds_count{') && line.endsWith(' 2')));
});

test('asking twice for a name gives the same histogram', () => {
  const { metrics, histogram } = createSubject();
  assert.equal(metrics.latency('test_seconds', 'For a test', ['route', 'status']), histogram);
});
