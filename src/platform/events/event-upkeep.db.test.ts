import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { sql } from '#platform/database';
import { addPartitions, addSubscriber, gatherPartitions, skipOtherTypes } from './event-offsets.ts';
import { deleteHandledEvents } from './event-retention.ts';
import { createEventFixture, type EventFixture } from './testing/event-fixture.ts';

let fixture: EventFixture;
before(async () => {
  fixture = await createEventFixture();
});
after(() => fixture.close());

const dayMs = 24 * 3_600_000;
const valuesLeft = async () =>
  (
    await fixture.t.database.query(
      'test.left',
      sql<{ value: number }>`select (payload ->> 'value')::int as value from events order by transaction_id, position`,
    )
  ).map(({ value }) => value);

test('old events go when every subscriber that takes them is past them, in either driver, and no other', async () => {
  const { t, open, publish, noting, waitForNotes } = fixture;
  const { database } = t;
  const start = new Date('2026-01-01T00:00:00Z');
  t.clock.set(start);
  await publish('kept.noted', 'a', 1);
  await publish('kept.noted', 'b', 2);
  await publish('rare.noted', 'c', 3);
  await publish('nobodys.noted', 'd', 4);
  t.clock.set(new Date(start.getTime() + 40 * dayMs));
  await publish('kept.noted', 'a', 5);
  const now = new Date(start.getTime() + 50 * dayMs);
  t.clock.set(now);
  // One that takes another type, one that is at its beginning, one that was last seen long ago.
  await addSubscriber(database, 'rare', ['rare.noted'], now);
  await addSubscriber(database, 'behind', ['kept.noted'], now);
  await addSubscriber(database, 'gone', ['nobodys.noted'], start);
  assert.equal(await deleteHandledEvents(database, now), 1);
  assert.deepEqual(await valuesLeft(), [1, 2, 3, 5]);

  // Over Redis it is past the first in its partition.
  await addPartitions(database, 'behind');
  await database.execute(
    'test.move',
    sql`update event_partition_offsets p set transaction_id = e.transaction_id, position = e.position
        from events e where p.subscriber = 'behind' and e.payload ->> 'value' = '1'
          and p.partition = (get_byte(sha256(convert_to(e.aggregate_id, 'UTF8')), 0) & 7)`,
  );
  assert.equal(await deleteHandledEvents(database, now), 1);
  assert.deepEqual(await valuesLeft(), [2, 3, 5]);

  const events = open();
  await events.subscribe([noting('behind', 'kept.noted'), noting('rare', 'rare.noted')]);
  const notes = await waitForNotes('behind', 2);
  // What the other driver had handled is not handled again.
  assert.deepEqual(
    notes.map(({ value }) => value),
    [2, 5],
  );
  await waitForNotes('rare', 1);
  await events.stop();
  assert.equal(await deleteHandledEvents(database, now), 2);
  assert.deepEqual(await valuesLeft(), [5]);
});

test('offsets move past many events of other types, never past one of their own', async () => {
  const { t, publish } = fixture;
  const { database } = t;
  const positionOf = async (subscriber: string) =>
    (await database.one('test.offset', sql<{ position: number }>`select position from event_offsets where subscriber = ${subscriber}`))
      .position;
  await addSubscriber(database, 'seldom', ['seldom.noted'], t.clock.now());
  await addSubscriber(database, 'never', ['never.noted'], t.clock.now());
  await publish('seldom.noted', 'a', 1);
  await database.transaction(async (tx) => {
    await tx.execute(
      'test.many',
      sql`insert into events (id, type, aggregate_id, payload, occurred_at)
          select gen_random_uuid(), 'often.noted', 'a', '{}', now() from generate_series(1, 1500)`,
    );
  });
  await skipOtherTypes(database, ['seldom', 'never']);
  assert.equal(await positionOf('seldom'), 0);
  assert.ok((await positionOf('never')) > 1500);
});

test('the offset over all partitions is brought up to the slowest of them', async () => {
  const { database, clock } = fixture.t;
  await addSubscriber(database, 'gather', ['x'], clock.now());
  await addPartitions(database, 'gather');
  const offset = () =>
    database.one(
      'test.offset',
      sql<{ transactionId: string; position: number }>`
        select transaction_id::text as "transactionId", position from event_offsets where subscriber = 'gather'`,
    );
  await database.execute('test.relay', sql`update event_relay set transaction_id = '50', position = 50 + partition`);
  await database.execute(
    'test.move',
    sql`update event_partition_offsets p set transaction_id = r.transaction_id, position = r.position
        from event_relay r where r.partition = p.partition and p.subscriber = 'gather'`,
  );
  await gatherPartitions(database);
  // Nothing is left in any of them: as far as the relay.
  assert.deepEqual(await offset(), { transactionId: '50', position: 49 });
  await database.execute('test.relay', sql`update event_relay set transaction_id = '60'`);
  await database.execute(
    'test.move',
    sql`update event_partition_offsets set transaction_id = '60' where subscriber = 'gather' and partition <> 3`,
  );
  await gatherPartitions(database);
  assert.deepEqual(await offset(), { transactionId: '50', position: 53 });
});
