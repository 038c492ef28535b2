import { type Queryable, sql } from '#platform/database';
import type { StoredEvent } from '../event-types.ts';

export type Noted = { readonly aggregateId: string; readonly value: number };

/** What handlers write in the tests: one row for each time that an event has an effect. */
export async function createNotes(database: Queryable): Promise<void> {
  await database.execute(
    'test.notes',
    sql`create table noted (
          place bigint generated always as identity, subscriber text not null, aggregate_id text not null, value int not null)`,
  );
}

export async function noteEvent(subscriber: string, { aggregateId, payload }: StoredEvent, tx: Queryable): Promise<void> {
  const value = 'value' in payload ? Number(payload.value) : 0;
  await tx.execute('test.note', sql`insert into noted (subscriber, aggregate_id, value) values (${subscriber}, ${aggregateId}, ${value})`);
}

/** In the order in which they were written. */
export function readNotes(database: Queryable, subscriber: string): Promise<Noted[]> {
  return database.query<Noted>(
    'test.read-notes',
    sql`select aggregate_id as "aggregateId", value from noted where subscriber = ${subscriber} order by place`,
  );
}
