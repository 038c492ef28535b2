import { type Database, type Queryable, sql } from '#platform/database';
import { defineJob } from '#platform/jobs';

export const keepEventPartitionsJob = defineJob('keep-event-partitions', { isKeyed: true, retryLimit: 3, expireInSeconds: 1800 });

const monthsAhead = 3;
/** Thirteen months: a year can be compared with the one before. Figures of issues stay for good; they name nobody. */
const keptMonths = 13;
/** Providers repeat an event for days, not months. */
const keyDays = 60;
const deletedAtOnce = 10_000;

const monthOf = (time: Date, offset: number) => new Date(Date.UTC(time.getUTCFullYear(), time.getUTCMonth() + offset, 1));
const nameOf = (month: Date) => `email_events_${month.toISOString().slice(0, 7).replace('-', '_')}`;

/** Makes the partitions of the months to come, and deletes what is older than it is kept. Can be run at any time, and again. */
export async function keepEventPartitions(database: Database, now: Date): Promise<{ created: number; dropped: number; deleted: number }> {
  let created = 0;
  for (let offset = 0; offset <= monthsAhead; offset += 1) {
    if (await createPartition(database, monthOf(now, offset), monthOf(now, offset + 1))) created += 1;
  }
  const oldest = monthOf(now, -keptMonths);
  return { created, dropped: await dropPartitionsBefore(database, oldest), deleted: await deleteBefore(database, oldest, now) };
}

async function createPartition(database: Database, from: Date, to: Date): Promise<boolean> {
  const name = nameOf(from);
  const partition = sql.id(name);
  return database.transaction(async (tx) => {
    await tx.execute('email-events.lock-partitions', sql`select pg_advisory_xact_lock(hashtextextended('email_events', 0))`);
    const existing = await tx.one('email-events.find-partition', sql<{ oid: string | null }>`select to_regclass(${name})::text as oid`);
    if (existing.oid !== null) return false;
    await tx.execute(
      'email-events.create-partition',
      sql`create table ${partition} (like email_events including defaults including constraints including indexes)`,
    );
    // What came before its month had a place stands in the default partition, and must leave it first.
    await tx.execute(
      'email-events.move-to-partition',
      sql`with moved as (delete from email_events_default where occurred_at >= ${from} and occurred_at < ${to} returning *)
          insert into ${partition} select * from moved`,
    );
    await tx.execute(
      'email-events.attach-partition',
      sql`alter table email_events attach partition ${partition} for values from (${sql.lit(from.toISOString())}) to (${sql.lit(to.toISOString())})`,
    );
    return true;
  });
}

async function dropPartitionsBefore(database: Queryable, oldest: Date): Promise<number> {
  const partitions = await database.query(
    'email-events.partitions',
    sql<{ name: string }>`select c.relname as name from pg_inherits i join pg_class c on c.oid = i.inhrelid
        where i.inhparent = 'email_events'::regclass and c.relname ~ '^email_events_[0-9]{4}_[0-9]{2}$' and c.relname < ${nameOf(oldest)}`,
  );
  for (const { name } of partitions) await database.execute('email-events.drop-partition', sql`drop table ${sql.id(name)}`);
  return partitions.length;
}

async function deleteBefore(database: Queryable, oldest: Date, now: Date): Promise<number> {
  const keysBefore = new Date(now.getTime() - keyDays * 24 * 3600_000);
  const statements = [
    sql`delete from email_events_default where ctid = any(array(select ctid from email_events_default where occurred_at < ${oldest} limit ${deletedAtOnce}))`,
    sql`delete from email_engagements where ctid = any(array(select ctid from email_engagements where last_at < ${oldest} limit ${deletedAtOnce}))`,
    sql`delete from email_event_keys where ctid = any(array(select ctid from email_event_keys where occurred_at < ${keysBefore} limit ${deletedAtOnce}))`,
  ];
  let deleted = 0;
  for (const statement of statements) {
    for (;;) {
      const rows = await database.execute('email-events.delete-old', statement);
      deleted += rows;
      if (rows < deletedAtOnce) break;
    }
  }
  return deleted;
}
