import { type Database, sql } from '#platform/database';
import { partitionOf } from './event-key.ts';

const dayMs = 24 * 3_600_000;
const chunkSize = 5000;
// Long enough for a role that is switched off over a holiday.
const abandonedAfterDays = 30;

/**
 * Deletes events that are older than `olderThanDays` and that no subscriber has still to handle: as far back as that a replay
 * reaches. A subscriber of which nothing was seen for 30 days holds nothing back. Failed events are kept apart and stay.
 * @returns how many were deleted
 */
export async function deleteHandledEvents(database: Database, now: Date, olderThanDays = 30): Promise<number> {
  const before = new Date(now.getTime() - olderThanDays * dayMs);
  const seenAfter = new Date(now.getTime() - abandonedAfterDays * dayMs);
  let deleted = 0;
  for (;;) {
    const count = await database.execute(
      'events.delete-handled',
      sql`delete from events where (transaction_id, position) in (
            select transaction_id, position from events
            where occurred_at < ${before}
              and not exists (
                select 1 from event_subscribers s join event_offsets o on o.subscriber = s.subscriber
                where s.seen_at >= ${seenAfter}
                  -- What it takes is not told before its first start with this version.
                  and (events.type = any(s.types) or s.types = '{}')
                  and (events.transaction_id, events.position) > (o.transaction_id, o.position)
                  and not exists (
                    select 1 from event_partition_offsets p
                    where p.subscriber = s.subscriber and p.partition = ${partitionOf}
                      and (p.transaction_id, p.position) >= (events.transaction_id, events.position)))
              and not exists (
                select 1 from event_replays y join event_subscribers s on s.subscriber = y.subscriber
                where events.occurred_at >= y.from_at and s.seen_at >= ${seenAfter})
            order by occurred_at limit ${chunkSize})`,
    );
    deleted += count;
    if (count < chunkSize) return deleted;
  }
}
