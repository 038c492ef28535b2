import type { Metrics } from '#platform/telemetry';
import type { CacheFigures } from './cache-types.ts';

type Labels = { readonly cache: string; readonly level: string; readonly outcome: string };

/** Nothing is counted twice: the caches' own figures are read when somebody scrapes. */
export function observeCaches(metrics: Metrics, figures: () => readonly CacheFigures[]): void {
  const told = new Map<string, number>();
  metrics.gauge('aquascene_cache_entries', 'Entries in memory', ['cache'], (gauge) => {
    for (const { name, memory } of figures()) gauge.set({ cache: name }, memory.entries);
    // A scrape goes through the figures in the order in which they were made: the counter comes after this one.
    update();
  });
  metrics.gauge('aquascene_cache_bytes', 'Bytes in memory, in encoded form', ['cache'], (gauge) => {
    for (const { name, memory } of figures()) gauge.set({ cache: name }, memory.bytes);
  });
  metrics.gauge('aquascene_cache_age_seconds', 'Age of what is in memory', ['cache', 'which'], (gauge) => {
    for (const { name, memory } of figures()) {
      gauge.set({ cache: name, which: 'oldest' }, memory.oldestAgeS);
      gauge.set({ cache: name, which: 'mean' }, memory.meanAgeS);
    }
  });
  metrics.gauge('aquascene_cache_redis_ready', 'Whether the cache uses Redis at the moment', ['cache'], (gauge) => {
    for (const { name, redis } of figures()) if (redis !== undefined) gauge.set({ cache: name }, redis.state === 'ready' ? 1 : 0);
  });
  const requests = metrics.counter('aquascene_cache_requests_total', 'Requests by level and outcome', ['cache', 'level', 'outcome']);

  function tell(labels: Labels, count: number): void {
    const key = `${labels.cache} ${labels.level} ${labels.outcome}`;
    requests.inc({ ...labels }, count - (told.get(key) ?? 0));
    told.set(key, count);
  }

  function update(): void {
    for (const { name: cache, memory, redis, source } of figures()) {
      const levels = {
        memory: { ...pick(memory), evictions: memory.evictions, rejected: memory.rejectedByAdmission },
        redis: redis && pick(redis),
        source,
      };
      for (const [level, counts] of Object.entries(levels)) {
        for (const [outcome, count] of Object.entries(counts ?? {})) if (outcome !== 'meanMs') tell({ cache, level, outcome }, count);
      }
    }
  }
}

function pick({
  hits,
  misses,
  stale,
  errors,
}: {
  readonly hits: number;
  readonly misses: number;
  readonly stale: number;
  readonly errors: number;
}) {
  return { hits, misses, stale, errors };
}
