import { setTimeout as delay } from 'node:timers/promises';
import { loadConfig } from '#app/config';
import { createContext } from '#app/context';
import { migrateAll } from '#app/database-server';
import { createApiKey } from '#platform/http-server';
import { findFreePort } from '../../tests/support/free-port.ts';
import { pgbouncer, startPgBouncer } from '../../tests/support/pgbouncer.ts';
import { startPostgresCluster } from '../../tests/support/postgres-cluster.ts';
import { installPrograms } from '../../tests/support/programs.ts';
import { redisServer, startRedis } from '../../tests/support/redis-servers.ts';
import { waitFor } from '../../tests/support/wait-for.ts';
import type { BenchResult } from '../bench.ts';
import { publishArticles } from '../support/articles.ts';
import { round } from '../support/figures.ts';
import { type OpenLoop, percentile, type Request, type Sent, startOpenLoop } from '../support/open-loop.ts';
import { createRoles, isListening } from '../support/roles.ts';

const perSecond = 200;
const beforeMs = 4000;
const duringMs = 7000;
const afterMs = 7000;
const articleCount = 200;
const wantedSuccess = 0.999;
const wantedRecoveryS = 5;

type Fault = {
  readonly name: string;
  readonly begin: () => Promise<void> | void;
  readonly end: () => Promise<void> | void;
  /** Reads must go on while it lasts. */
  readonly isPassedOver: boolean;
};

type Phases = {
  readonly before: readonly Sent[];
  readonly during: readonly Sent[];
  readonly after: readonly Sent[];
  readonly recoveryS: number;
};

const isRead = ({ kind }: Sent): boolean => kind !== 'write';
const successOf = (sent: readonly Sent[]): number => (sent.length === 0 ? 1 : sent.filter(({ isOk }) => isOk).length / sent.length);
const p99Of = (sent: readonly Sent[]): number =>
  round(
    percentile(
      sent.map(({ ms }) => ms),
      99,
    ),
  );

/** Seconds from when what was away was back to the last failure, of a read or a write. */
function recoverySecondsOf(after: readonly Sent[], backAt: number): number {
  const lastFailure = after.filter(({ isOk }) => !isOk).reduce((latest, { at, ms }) => Math.max(latest, at + ms), backAt);
  return round((lastFailure - backAt) / 1000);
}

async function measure(fault: Fault, loop: OpenLoop): Promise<Phases> {
  const beganAt = performance.now();
  await delay(beforeMs);
  const faultAt = performance.now();
  await fault.begin();
  await delay(Math.max(0, duringMs - (performance.now() - faultAt)));
  await fault.end();
  const backAt = performance.now();
  await delay(afterMs);
  const all = loop.since(beganAt);
  const after = all.filter(({ at }) => at >= backAt);
  return {
    before: all.filter(({ at }) => at < faultAt),
    during: all.filter(({ at }) => at >= faultAt && at < backAt),
    after,
    recoveryS: recoverySecondsOf(after, backAt),
  };
}

/**
 * One process of the API on PgBouncer, a primary, two replicas and Redis, under a steady load of pages, lists and writes, while each
 * of them in turn goes away. Cold reads are half of the reads, so that no cache hides what happens.
 */
export async function run(): Promise<BenchResult> {
  installPrograms([redisServer, pgbouncer]);
  const closers: (() => Promise<void>)[] = [];
  try {
    const cluster = await startPostgresCluster();
    closers.push(cluster.stop);
    const pooler = await startPgBouncer(cluster.primary.url);
    closers.push(pooler.stop);
    const redis = await startRedis();
    closers.push(redis.stop);
    const port = await findFreePort();
    const environment = {
      DATABASE_URL: pooler.url,
      DATABASE_POOLER: 'pgbouncer',
      DATABASE_DIRECT_URL: cluster.primary.url,
      DATABASE_REPLICA_URLS: cluster.replicas.map(({ url }) => url).join(','),
      REDIS_URL: redis.url,
      PORT: String(port),
      SAMPLE: 'off',
      LOG_LEVEL: 'fatal',
      LOG_FORMAT: 'json',
      RATE_LIMITS: 'off',
    };
    await migrateAll(loadConfig(environment), cluster.primary.url);
    const context = await createContext({
      config: loadConfig({ LOG_LEVEL: 'error', SAMPLE: 'off' }),
      databaseUrl: cluster.primary.url,
      name: 'bench',
      isScheduler: false,
    });
    const articles = await publishArticles(context, articleCount, 300);
    const { key } = await createApiKey(context.database, context.clock, { name: 'bench', scopes: ['*'] });
    await context.close();
    await cluster.waitForReplicas();
    const roles = createRoles(environment);
    closers.push(roles.stop);
    roles.start('api');
    await waitFor('the API', () => isListening(port));

    const acknowledged = new Set<string>();
    const authorization = `Bearer ${key}`;
    const next = (index: number): Request => {
      const article = articles[index % articles.length];
      if (index % 10 === 0) {
        const address = `reader${index}@example.org`;
        return {
          kind: 'write',
          method: 'POST',
          path: '/api/v1/suppressions',
          headers: { authorization, 'content-type': 'application/json' },
          body: JSON.stringify({ address }),
          onSuccess: () => void acknowledged.add(address),
        };
      }
      if (index % 2 === 0) return { kind: 'page', path: `/articles/${article?.slug}` };
      return { kind: 'cold', path: `/api/v1/content/${article?.id}`, headers: { authorization } };
    };
    const loop = startOpenLoop(`http://127.0.0.1:${port}`, perSecond, next);
    closers.push(loop.stop);
    // Compiled and filled, before anything is counted.
    await delay(6000);

    const [replica] = cluster.replicas;
    const faults: Fault[] = [
      { name: 'redis_killed', begin: redis.kill, end: redis.start, isPassedOver: true },
      { name: 'redis_hanging', begin: redis.pause, end: redis.resume, isPassedOver: true },
      { name: 'replica_killed', begin: () => replica?.kill(), end: () => replica?.start(), isPassedOver: true },
      { name: 'pgbouncer_restarted', begin: () => pooler.kill().then(pooler.start), end: () => undefined, isPassedOver: true },
      { name: 'primary_restarted', begin: cluster.primary.kill, end: cluster.primary.start, isPassedOver: false },
    ];
    const figures: Record<string, number> = {};
    const bars: BenchResult['bars'][number][] = [];
    for (const fault of faults) {
      const phases = await measure(fault, loop);
      for (const [phase, sent] of [
        ['before', phases.before],
        ['during', phases.during],
        ['after', phases.after],
      ] as const) {
        figures[`${fault.name}_${phase}_per_s`] = round(
          sent.length / ((phase === 'before' ? beforeMs : phase === 'during' ? duringMs : afterMs) / 1000),
        );
        figures[`${fault.name}_${phase}_errors`] = sent.filter(({ isOk }) => !isOk).length;
        figures[`${fault.name}_${phase}_p99_ms`] = p99Of(sent);
      }
      const reads = [...phases.during, ...phases.after].filter(isRead);
      const success = Math.round(successOf(reads) * 100_000) / 100_000;
      figures[`${fault.name}_read_success`] = success;
      if (fault.isPassedOver)
        bars.push({ name: `${fault.name}: reads that succeed`, want: `≥ ${wantedSuccess}`, got: success, ok: success >= wantedSuccess });
      else {
        figures[`${fault.name}_recovery_s`] = phases.recoveryS;
        const ok = phases.recoveryS <= wantedRecoveryS;
        bars.push({ name: `${fault.name}: recovery, s`, want: `≤ ${wantedRecoveryS}`, got: phases.recoveryS, ok });
      }
    }
    await loop.stop();
    const kept = await cluster.primary.query<{ address: string }>('select address from suppressions');
    const stored = new Set(kept.map(({ address }) => address));
    const lost = [...acknowledged].filter((address) => !stored.has(address)).length;
    figures.acknowledged_writes = acknowledged.size;
    bars.push({ name: 'acknowledged writes lost', want: '0', got: lost, ok: lost === 0 });
    return { bench: 'outage', ratios: {}, figures, bars };
  } finally {
    for (const close of closers.reverse()) await close();
  }
}
