import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { sql } from '#platform/database';
import { createRedisConnections, type RedisConnections } from '#platform/redis';
import { reasonToSkip } from '../../../tests/support/programs.ts';
import {
  type RedisNode,
  type RedisServers,
  redisServer,
  startRedis,
  startRedisCluster,
  startRedisSentinel,
} from '../../../tests/support/redis-servers.ts';
import { waitFor } from '../../../tests/support/wait-for.ts';
import { partitionCount } from './event-key.ts';
import { defaultEventSettings } from './event-settings.ts';
import { tidyStreams } from './redis-driver.ts';
import { createEventStreams } from './redis-streams.ts';
import { createEventFixture, type EventFixture } from './testing/event-fixture.ts';
import { testEventsContract } from './testing/events-contract.ts';
import type { Noted } from './testing/noted-events.ts';

const skip = reasonToSkip(redisServer);
const keys = Array.from({ length: partitionCount }, (_, partition) => `aquascene:events:{${partition}}`);
const aggregates = ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 'i', 'j'];

function connect(fixture: EventFixture, url: string): RedisConnections {
  return createRedisConnections({ url, name: 'test-eye', logger: fixture.t.logger, metrics: fixture.t.metrics });
}

async function sum(of: (key: string) => Promise<number>): Promise<number> {
  return (await Promise.all(keys.map(of))).reduce((total, count) => total + count, 0);
}

const lengthOfStreams = ({ commands }: RedisConnections) => sum((key) => commands.xlen(key));

const pendingOf = ({ commands }: RedisConnections, group: string) =>
  sum(async (key) => {
    const groups = (await commands.exists(key)) === 0 ? [] : ((await commands.xinfo('GROUPS', key)) as unknown[][]);
    return groups.some((fields) => fields[1] === group) ? Number(((await commands.xpending(key, group)) as unknown[])[0]) : 0;
  });

async function publishToAll({ publish }: EventFixture, type: string, from: number, to: number): Promise<void> {
  for (let value = from; value <= to; value += 1) await Promise.all(aggregates.map((aggregate) => publish(type, aggregate, value)));
}

function assertEachOnceInOrder(notes: readonly Noted[], last: number): void {
  for (const aggregate of aggregates) {
    const values = notes.filter(({ aggregateId }) => aggregateId === aggregate).map(({ value }) => value);
    assert.deepEqual(
      values,
      Array.from({ length: last }, (_, index) => index + 1),
      aggregate,
    );
  }
}

async function isRelayed({ t }: EventFixture): Promise<boolean> {
  const row = await t.database.one<{ left: number }>(
    'test.left-to-relay',
    sql`select count(*) as left from events e, event_relay r
        where r.partition = -1 and (e.transaction_id, e.position) > (r.transaction_id, r.position)`,
  );
  return row.left === 0;
}

describe('events over Redis Streams', { skip }, () => {
  let redis: RedisNode;
  let fixture: EventFixture;
  let eye: RedisConnections;
  before(async () => {
    redis = await startRedis();
    fixture = await createEventFixture(redis.url);
    eye = connect(fixture, redis.url);
    await waitFor('Redis', () => eye.commands.status === 'ready');
  });
  after(async () => {
    await fixture.close();
    await eye.close();
    await redis.stop();
  });
  testEventsContract(() => fixture);

  test('events come by the streams, not from the outbox, and are acknowledged', async () => {
    const events = fixture.open();
    await events.subscribe([fixture.noting('streamed', 'streamed.noted')]);
    await waitFor('its beginning', async () => (await isRelayed(fixture)) && (await pendingOf(eye, 'streamed')) === 0);
    const fillsOf = () => fixture.countOf('events.fill');
    const filled = fillsOf();
    const lengthBefore = await lengthOfStreams(eye);
    await publishToAll(fixture, 'streamed.noted', 1, 10);
    await fixture.waitForNotes('streamed', 100);
    assert.equal((await lengthOfStreams(eye)) - lengthBefore, 100);
    assert.ok(fillsOf() - filled < 10, `${fillsOf() - filled} reads of the outbox`);
    await waitFor('all acknowledged', async () => (await pendingOf(eye, 'streamed')) === 0);
    await events.stop();
  });

  test('what a dead consumer had taken is reclaimed', async () => {
    for (const value of [1, 2, 3]) await fixture.publish('reclaim.noted', 'a', value, value === 2 ? { deadly: true } : {});
    // Relayed before: by the streams then, and none is in the outbox's way.
    const relay = fixture.open();
    await relay.subscribe([fixture.noting('bystander', 'bystander.noted')]);
    await waitFor('the relay', () => isRelayed(fixture));
    await relay.stop();
    await fixture.runDyingProcess('reclaim', 'reclaim.noted', 'handling');
    assert.ok((await pendingOf(eye, 'reclaim')) > 0);
    const heir = fixture.open();
    await heir.subscribe([fixture.noting('reclaim', 'reclaim.noted')]);
    const notes = await fixture.waitForNotes('reclaim', 3);
    assert.deepEqual(
      notes.map(({ value }) => value),
      [1, 2, 3],
    );
    await waitFor('all acknowledged', async () => (await pendingOf(eye, 'reclaim')) === 0);
    await heir.stop();
  });

  test('a Redis that forgets everything loses no event and repeats none', async () => {
    const events = fixture.open();
    await events.subscribe([fixture.noting('flushed', 'flushed.noted')]);
    await publishToAll(fixture, 'flushed.noted', 1, 5);
    const publishing = publishToAll(fixture, 'flushed.noted', 6, 20);
    await eye.commands.flushall();
    await publishing;
    await eye.commands.flushall();
    await fixture.waitForNotes('flushed', 200);
    // Copied once more from the very first on: all of it was handled.
    await eye.commands.flushall();
    await fixture.t.database.execute('test.rewind', sql`update event_relay set transaction_id = '0', position = 0`);
    await publishToAll(fixture, 'flushed.noted', 21, 21);
    assertEachOnceInOrder(await fixture.waitForNotes('flushed', 210), 21);
    assert.ok((await lengthOfStreams(eye)) > 210);
    await events.stop();
  });

  test('entries that Redis lost before they were read come from the outbox', async () => {
    const relay = fixture.open();
    await relay.subscribe([fixture.noting('witness', 'lost.noted')]);
    await publishToAll(fixture, 'lost.noted', 1, 3);
    await fixture.waitForNotes('witness', 30);
    await waitFor('the relay', () => isRelayed(fixture));
    // As after a failover to a replica that had not got the last writes: some streams are gone, some end sooner.
    const [first = '', second = '', ...others] = keys;
    await eye.commands.del(first, second);
    for (const key of others) {
      const newest = (await eye.commands.xrevrange(key, '+', '-', 'COUNT', 1)) as [string, string[]][];
      for (const [id] of newest) await eye.commands.xdel(key, id);
    }
    const events = fixture.open();
    await events.subscribe([fixture.noting('lost', 'lost.noted')]);
    assertEachOnceInOrder(await fixture.waitForNotes('lost', 30), 3);
    await Promise.all([relay.stop(), events.stop()]);
  });

  test('while Redis is down events are published; handlers get them all when it is back, with nothing that it knew', async () => {
    const events = fixture.open();
    await events.subscribe([fixture.noting('outage', 'outage.noted')]);
    await publishToAll(fixture, 'outage.noted', 1, 2);
    await redis.kill();
    await publishToAll(fixture, 'outage.noted', 3, 4);
    await redis.start();
    await publishToAll(fixture, 'outage.noted', 5, 5);
    assertEachOnceInOrder(await fixture.waitForNotes('outage', 50), 5);
    await events.stop();
    await waitFor('the eye', () => eye.commands.status === 'ready');
  });

  test('a Redis that hangs delays events and loses none', async () => {
    const events = fixture.open();
    await events.subscribe([fixture.noting('hanging', 'hanging.noted')]);
    await publishToAll(fixture, 'hanging.noted', 1, 1);
    redis.pause();
    try {
      await publishToAll(fixture, 'hanging.noted', 2, 3);
    } finally {
      redis.resume();
    }
    assertEachOnceInOrder(await fixture.waitForNotes('hanging', 30), 3);
    await events.stop();
  });

  test('streams are trimmed by what every subscriber has handled, and nothing unread goes', async () => {
    const settings = { ...defaultEventSettings, streamRetentionMs: 0 };
    const tidy = () => {
      fixture.t.clock.advance(1000);
      return tidyStreams({ ...fixture.t, settings }, createEventStreams(eye, 'tidy'));
    };
    const [quick, absent] = [fixture.open(), fixture.open()];
    await absent.subscribe([fixture.noting('absent', 'trim.noted')]);
    await publishToAll(fixture, 'trim.noted', 1, 1);
    await fixture.waitForNotes('absent', 10);
    await absent.stop();
    // Those of other tests are gone for good.
    await fixture.t.database.execute('test.forget', sql`delete from event_partition_offsets where subscriber not in ('absent')`);
    await quick.subscribe([fixture.noting('quick', 'trim.noted')]);
    await publishToAll(fixture, 'trim.noted', 2, 6);
    await fixture.waitForNotes('quick', 60);
    await tidy();
    const kept = await lengthOfStreams(eye);
    assert.ok(kept >= 50, `${kept} entries`);
    const back = fixture.open();
    await back.subscribe([fixture.noting('absent', 'trim.noted')]);
    assertEachOnceInOrder(await fixture.waitForNotes('absent', 60), 6);
    await tidy();
    // The last of each partition stays.
    assert.ok((await lengthOfStreams(eye)) <= partitionCount);
    await Promise.all([quick.stop(), back.stop()]);
  });

  test('both drivers at once, and one after the other, handle each event once and in order', async () => {
    const { open, noting } = fixture;
    const both = [open({}, 'postgres'), open({}, 'redis')];
    for (const events of both) await events.subscribe([noting('change', 'change.noted')]);
    await publishToAll(fixture, 'change.noted', 1, 10);
    await fixture.waitForNotes('change', 100);
    await Promise.all(both.map((events) => events.stop()));
    for (const [index, driver] of (['redis', 'postgres', 'redis'] as const).entries()) {
      const events = open({}, driver);
      await publishToAll(fixture, 'change.noted', 11 + index, 11 + index);
      await events.subscribe([noting('change', 'change.noted')]);
      await fixture.waitForNotes('change', 110 + index * 10);
      await events.stop();
    }
    assertEachOnceInOrder(await fixture.notes('change'), 13);
  });
});

describe('events over several Redis servers', { skip }, () => {
  for (const { name, start } of [
    { name: 'a Cluster', start: startRedisCluster },
    { name: 'Sentinel', start: startRedisSentinel },
  ]) {
    test(`${name}: each event once and in order by two processes, also while a primary fails over`, async (context) => {
      const servers: RedisServers = await start();
      context.after(() => servers.stop());
      const fixture = await createEventFixture(servers.url);
      context.after(() => fixture.close());
      const processes = [fixture.open(), fixture.open()];
      for (const events of processes) await events.subscribe([fixture.noting('several', 'several.noted')]);
      await publishToAll(fixture, 'several.noted', 1, 5);
      await fixture.waitForNotes('several', 50);
      await servers.nodes[0]?.kill();
      await publishToAll(fixture, 'several.noted', 6, 10);
      assertEachOnceInOrder(await fixture.waitForNotes('several', 100), 10);
      await Promise.all(processes.map((events) => events.stop()));
    });
  }
});
