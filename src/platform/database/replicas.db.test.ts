import assert from 'node:assert/strict';
import { after, afterEach, before, beforeEach, describe, test } from 'node:test';
import { createDatabase, type Database, type DatabaseOptions, runInSession, sessionToken, sql } from '#platform/database';
import { createLogger, createMetrics } from '#platform/telemetry';
import { AppError } from '#shared/errors';
import { haproxy, startHaproxy } from '../../../tests/support/haproxy.ts';
import { type PostgresCluster, startPostgresCluster } from '../../../tests/support/postgres-cluster.ts';
import { reasonToSkip } from '../../../tests/support/programs.ts';
import { startTcpProxy } from '../../../tests/support/tcp-proxy.ts';
import { waitFor } from '../../../tests/support/wait-for.ts';

const logger = createLogger({ level: process.env.TEST_LOG_LEVEL ?? 'silent', format: 'json', role: 'test' });
// Later than any test: what is delayed by it stays undone.
const neverMs = 600_000;

type Place = { readonly isReplica: boolean; readonly port: number };

const onPort = (url: string, port: number): string => {
  const changed = new URL(url);
  changed.port = String(port);
  return changed.toString();
};
const isUnavailable = (error: unknown) => error instanceof AppError && error.code === 'database_unavailable' && error.status === 503;
const place = sql<Place>`select pg_is_in_recovery() as "isReplica", inet_server_port() as port`;

describe('reads on replicas', () => {
  let cluster: PostgresCluster;
  let database: Database;
  const opened: Database[] = [];

  function open(replicaUrls: readonly string[], options: Partial<DatabaseOptions> = {}): Database {
    const { url } = cluster.primary;
    const made = createDatabase({
      ...{ url, replicaUrls, applicationName: 'replicas', maxConnections: 8, maxReplicaLagMs: neverMs },
      ...{ logger, metrics: createMetrics('test'), ...options },
    });
    opened.push(made);
    return made;
  }
  const whereOf = (of: Database = database) => of.reads.one('test.place', place);
  const read = async (of: Database = database) =>
    (await of.reads.one<{ value: number }>('test.read', sql`select value from counters`)).value;
  const write = (value: number, of: Database = database) => of.execute('test.write', sql`update counters set value = ${value}`);
  const delayAll = (delayMs: number) => Promise.all(cluster.replicas.map((replica) => replica.setReplayDelay(delayMs)));
  const replicaAt = (index: number) => {
    const replica = cluster.replicas[index];
    assert.ok(replica);
    return replica;
  };
  const isUpAgain = (of: Database) => waitFor('every replica', () => of.replicas().every(({ isUp }) => isUp));

  /** Reads without a pause, side by side, until `enough` more than those under way have been answered. */
  function readAllTheTime(of: Database) {
    let answered = 0;
    let isOver = false;
    const failures: unknown[] = [];
    const places: Place[] = [];
    const loops = Array.from({ length: 6 }, async () => {
      while (!isOver) {
        try {
          places.push(await whereOf(of));
          answered += 1;
        } catch (error) {
          failures.push(error);
        }
      }
    });
    return {
      places,
      more: async (enough: number) => {
        const goal = answered + failures.length + enough;
        await waitFor('reads', () => answered + failures.length >= goal);
      },
      async stop(): Promise<readonly unknown[]> {
        isOver = true;
        await Promise.all(loops);
        return failures;
      },
    };
  }

  before(async () => {
    cluster = await startPostgresCluster();
    await cluster.primary.query('create table counters (value int not null)');
    await cluster.primary.query('insert into counters values (0)');
    await cluster.waitForReplicas();
  });
  beforeEach(() => {
    database = open(cluster.replicas.map(({ url }) => url));
  });
  afterEach(async () => {
    await Promise.all(opened.splice(0).map((each) => each.close()));
    await delayAll(0);
  });
  after(() => cluster.stop());

  test('a session sees what it wrote, whatever the replicas lack; the others read from replicas', async () => {
    await delayAll(neverMs);
    for (let value = 1; value <= 30; value += 1) {
      await runInSession(async () => {
        await write(value);
        assert.equal(await read(), value, 'after a statement');
        await database.transaction((tx) => tx.execute('test.write', sql`update counters set value = ${-value}`));
        assert.equal(await read(), -value, 'after a transaction');
      });
    }
    const seen = sql<Place & { value: number }>`select pg_is_in_recovery() as "isReplica", 0 as port, value from counters`;
    // A machine that is busy may take a replica for hung, for a moment.
    const { value } = await waitFor('a read on a replica', async () => {
      const row = await database.reads.one('test.seen', seen);
      return row.isReplica && row;
    });
    assert.equal(value, 0, 'replicas still have what was there before');
  });

  test('once it is replayed, a session reads from replicas again', async () => {
    await runInSession(async () => {
      await write(41);
      await waitFor('a read on a replica', async () => (await whereOf()).isReplica);
      assert.equal(await read(), 41);
    });
  });

  test('a token carries the session into another process', async () => {
    await delayAll(neverMs);
    const token = await runInSession(async () => {
      await write(77);
      return sessionToken() ?? '';
    });
    const other = open(cluster.replicas.map(({ url }) => url));
    assert.equal(await runInSession(() => read(other), { token }), 77);
    await waitFor('a read on a replica', () => runInSession(() => whereOf(other).then((at) => at.isReplica)));
  });

  test('a token of the far future or of another timeline leads to the primary, a malformed one nowhere', async () => {
    const tokenOf = (timeline: number, lsn: bigint) => {
      const bytes = Buffer.alloc(13);
      bytes.writeUInt8(1, 0);
      bytes.writeUInt32BE(timeline, 1);
      bytes.writeBigUInt64BE(lsn, 5);
      return bytes.toString('base64url');
    };
    const isReplicaWith = (token: string) => runInSession(() => whereOf().then((at) => at.isReplica), { token });
    assert.equal(await isReplicaWith(tokenOf(1, 1n << 60n)), false);
    assert.equal(await isReplicaWith(tokenOf(9, 1n)), false);
    await waitFor('a read on a replica', () => isReplicaWith('no-token'));
    await waitFor('a read on a replica', () => isReplicaWith(tokenOf(1, 1n)));
  });

  test('a replica that is killed under load fails no read, and is taken back', async () => {
    const load = readAllTheTime(database);
    const { port } = replicaAt(0);
    await waitFor('reads on it', () => load.places.some((at) => at.port === port));
    await replicaAt(0).kill();
    await load.more(200);
    await waitFor('the replica to be missed', () => database.replicas().some(({ isUp }) => !isUp));
    await replicaAt(0).start();
    await isUpAgain(database);
    load.places.length = 0;
    await waitFor('reads on it', () => load.places.some((at) => at.port === port));
    assert.deepEqual(await load.stop(), []);
  });

  test('a replica that hangs under load fails no read, and is taken back', async () => {
    const proxy = await startTcpProxy({ targetPort: replicaAt(0).port });
    const through = open([onPort(replicaAt(0).url, proxy.port), replicaAt(1).url]);
    const load = readAllTheTime(through);
    await load.more(200);
    proxy.set('silent');
    await load.more(200);
    await waitFor('the replica to be missed', () => through.replicas().some(({ isUp }) => !isUp));
    proxy.set('open');
    await isUpAgain(through);
    load.places.length = 0;
    await waitFor('reads on it', () => load.places.some((at) => at.port === replicaAt(0).port));
    assert.deepEqual(await load.stop(), []);
    await through.close();
    opened.splice(opened.indexOf(through), 1);
    await proxy.close();
  });

  test('without any replica the primary serves', async () => {
    const load = readAllTheTime(database);
    await load.more(50);
    await Promise.all(cluster.replicas.map((replica) => replica.kill()));
    await waitFor('the primary', () => load.places.at(-1)?.isReplica === false);
    await load.more(50);
    await Promise.all(cluster.replicas.map((replica) => replica.start()));
    await isUpAgain(database);
    await waitFor('a replica', () => load.places.at(-1)?.isReplica);
    assert.deepEqual(await load.stop(), []);
  });

  test('while the primary is down reads go on from replicas, and writes are refused until it is back', async () => {
    await write(5);
    await cluster.waitForReplicas();
    assert.equal((await database.latest.one('test.place', place)).isReplica, false);
    await cluster.primary.kill();
    for (let round = 0; round < 20; round += 1) {
      assert.equal(await read(), 5);
      assert.equal((await database.latest.one<{ value: number }>('test.read', sql`select value from counters`)).value, 5);
      await assert.rejects(write(6), isUnavailable);
    }
    await cluster.primary.start();
    await waitFor('a write', () => write(7).catch((error: unknown) => assert.ok(isUnavailable(error))));
    await waitFor('the primary', async () => !(await database.latest.one('test.place', place)).isReplica);
    await runInSession(async () => {
      await write(8);
      assert.equal(await read(), 8);
    });
    await cluster.waitForReplicas();
  });

  test('a read that a replica cancels to go on replaying is answered elsewhere', async () => {
    const one = open([replicaAt(0).url]);
    await isUpAgain(one);
    await replicaAt(0).query(`alter system set max_standby_streaming_delay = 0`);
    await replicaAt(0).query('select pg_reload_conf()');
    await waitFor('a read on the replica', async () => (await whereOf(one)).isReplica);
    const slow = one.reads.one<Place>(
      'test.slow',
      // On a replica it would never end.
      sql`select pg_is_in_recovery() as "isReplica", 0 as port, pg_sleep(case when pg_is_in_recovery() then 600 else 0 end) from counters limit 1`,
    );
    await waitFor('the read to run', async () => {
      const rows = await replicaAt(0).query(
        `select 1 from pg_stat_activity where state = 'active' and query like '%pg_sleep(case%' and pid <> pg_backend_pid()`,
      );
      return rows.length > 0;
    });
    await cluster.primary.query('begin; lock table counters in access exclusive mode; update counters set value = value; commit');
    assert.equal((await slow).isReplica, false);
    await isUpAgain(one);
  });

  test('what a migration has just made is read where it is', async () => {
    await delayAll(neverMs);
    await cluster.primary.query('create table made_by_migration as select 3 as value');
    assert.deepEqual(await database.reads.query('test.read', sql<object>`select value from made_by_migration`), [{ value: 3 }]);
    await assert.rejects(database.reads.query('test.read', sql<object>`select value from made_by_nobody`), /does not exist/);
  });

  test('a write by way of reads is refused', async () => {
    await waitFor('a read on a replica', async () => (await whereOf()).isReplica);
    await assert.rejects(database.reads.execute('test.write', sql`update counters set value = 1`), /read-only/);
  });

  describe('behind a balancer of connections', { skip: reasonToSkip(haproxy) }, () => {
    test('a session sees what it wrote, whichever replica a connection leads to, and a killed one fails no read', async () => {
      const balancer = await startHaproxy(cluster.replicas.map(({ port }) => port));
      const behind = open([onPort(cluster.primary.url, balancer.port)]);
      await replicaAt(0).setReplayDelay(neverMs);
      const load = readAllTheTime(behind);
      await waitFor('both replicas', () => cluster.replicas.every(({ port }) => load.places.some((at) => at.port === port)));
      for (let value = 100; value < 130; value += 1) {
        await runInSession(async () => {
          await write(value, behind);
          assert.equal(await read(behind), value);
        });
      }
      await replicaAt(1).kill();
      await load.more(100);
      await replicaAt(1).start();
      await load.more(100);
      assert.deepEqual(await load.stop(), []);
      await behind.close();
      opened.splice(opened.indexOf(behind), 1);
      await balancer.stop();
    });
  });
});
