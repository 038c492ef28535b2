import { createDatabase, type Database, runInSession, sql } from '#platform/database';
import { createLogger, createMetrics } from '#platform/telemetry';
import { type PostgresCluster, startPostgresCluster } from '../../tests/support/postgres-cluster.ts';
import { waitFor } from '../../tests/support/wait-for.ts';
import type { BenchResult } from '../bench.ts';

const pairs = 100_000;
const sessions = 24;
const lagMs = 5000;
const readsUnderLoad = 40_000;
/** However slow the machine is, the bench ends; what was not done by then counts against it. */
const giveUpAfterMs = 240_000;

const round = (value: number): number => Math.round(value * 1000) / 1000;

type Seen = { readonly value: number; readonly isReplica: boolean };

const readRow = (database: Database, id: number): Promise<Seen> =>
  database.reads.one<Seen>('bench.read', sql`select value, pg_is_in_recovery() as "isReplica" from bench_rows where id = ${id}`);

/** Each session writes and reads what it wrote; beside it somebody who wrote nothing reads. */
async function writeThenRead(database: Database) {
  const started = performance.now();
  let done = 0;
  let begun = 0;
  let stale = 0;
  let ownOnReplicas = 0;
  let othersOnReplicas = 0;
  const session = async (id: number) => {
    for (let value = 1; begun < pairs && performance.now() - started < giveUpAfterMs; value += 1) {
      begun += 1;
      await runInSession(async () => {
        await database.execute('bench.write', sql`update bench_rows set value = ${value} where id = ${id}`);
        const own = await readRow(database, id);
        if (own.value !== value) stale += 1;
        if (own.isReplica) ownOnReplicas += 1;
      });
      if ((await readRow(database, id)).isReplica) othersOnReplicas += 1;
      done += 1;
    }
  };
  await Promise.all(Array.from({ length: sessions }, (_, id) => session(id)));
  const seconds = (performance.now() - started) / 1000;
  return { done, stale, ownOnReplicas, othersOnReplicas, seconds };
}

/** Reads side by side; a third of the way one replica is killed, at two thirds it is started again. */
async function killUnderLoad(database: Database, cluster: PostgresCluster) {
  const started = performance.now();
  let begun = 0;
  let done = 0;
  let failed = 0;
  let slowestMs = 0;
  const reader = async (id: number) => {
    while (begun < readsUnderLoad && performance.now() - started < giveUpAfterMs) {
      begun += 1;
      const askedAt = performance.now();
      await readRow(database, id).then(
        () => (done += 1),
        () => (failed += 1),
      );
      slowestMs = Math.max(slowestMs, performance.now() - askedAt);
    }
  };
  const reading = Promise.all(Array.from({ length: sessions }, (_, id) => reader(id)));
  const [victim] = cluster.replicas;
  await waitFor('a third of the reads', () => begun > readsUnderLoad / 3);
  await victim?.kill();
  await waitFor('two thirds of the reads', () => begun > (readsUnderLoad * 2) / 3);
  await victim?.start();
  await reading;
  return { done, failed, slowestMs };
}

/**
 * 100,000 pairs of a write and a read of it, with replicas that replay 5 s late; then a replica that is killed while reads
 * are under way.
 */
export async function run(): Promise<BenchResult> {
  const cluster = await startPostgresCluster({ replicas: 2 });
  const { url } = cluster.primary;
  const database = createDatabase({
    ...{ url, replicaUrls: cluster.replicas.map((replica) => replica.url) },
    ...{ applicationName: 'bench', maxConnections: sessions },
    logger: createLogger({ level: 'fatal', format: 'json', role: 'bench' }),
    metrics: createMetrics('bench'),
  });
  try {
    // Rows that are changed again and again stay in their pages.
    await cluster.primary.query('create table bench_rows (id int primary key, value int not null) with (fillfactor = 20)');
    await cluster.primary.query(`insert into bench_rows select id, 0 from generate_series(0, ${sessions - 1}) id`);
    await cluster.waitForReplicas();
    for (const replica of cluster.replicas) await replica.setReplayDelay(lagMs);
    const pair = await writeThenRead(database);
    for (const replica of cluster.replicas) await replica.setReplayDelay(0);
    await cluster.waitForReplicas();
    const kill = await killUnderLoad(database, cluster);
    const share = pair.done === 0 ? 0 : round(pair.othersOnReplicas / pair.done);
    const failed = kill.failed + (readsUnderLoad - kill.done - kill.failed);
    return {
      bench: 'replicas',
      ratios: { other_reads_on_replicas: share },
      figures: {
        pairs: pair.done,
        pairs_per_s: Math.round(pair.done / pair.seconds),
        stale_own_reads: pair.stale,
        own_reads_on_replicas: pair.ownOnReplicas,
        reads_around_the_kill: kill.done,
        slowest_read_ms: Math.round(kill.slowestMs),
      },
      bars: [
        { name: 'pairs', want: String(pairs), got: pair.done, ok: pair.done === pairs },
        { name: 'stale own reads', want: '0', got: pair.stale, ok: pair.stale === 0 },
        { name: 'share of other reads on replicas', want: '≥ 0.9', got: share, ok: share >= 0.9 },
        { name: 'failed reads as a replica is killed', want: '0', got: failed, ok: failed === 0 },
      ],
    };
  } finally {
    await database.close();
    await cluster.stop();
  }
}
