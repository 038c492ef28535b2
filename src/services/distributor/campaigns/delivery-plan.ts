import { type RawBuilder, sql } from '#platform/database';
import type { EnqueueOptions } from '../deliveries/delivery-store.ts';
import type { AudienceRow, Issue } from '../distributor-types.ts';
import { variantSql } from './ab-tests/split-audience.ts';
import { hasWaitingRest } from './drafts/draft-fields.ts';
import { engagedReaders } from './engaged-readers.ts';
import { sendTimeSql } from './schedules/schedule-store.ts';

/** Who gets which variant, and when. Whoever waits for a winner has no variant, and no time. */
export function deliveryPlanOf(issue: Pick<Issue, 'id' | 'schedule' | 'scheduledAt' | 'variants' | 'abTest'>, now: Date): EnqueueOptions {
  const { id, schedule, scheduledAt, variants, abTest } = issue;
  // Sent by hand, it goes out at once, whatever was written down.
  const sendAt = schedule === null || scheduledAt === null ? undefined : sendTimeSql(schedule);
  if (abTest === null || variants.length === 0) return sendAt === undefined ? {} : { sendAt };
  const variant = variantSql(id, variants.length, abTest);
  if (!hasWaitingRest(abTest)) return { variant, ...(sendAt !== undefined && { sendAt }) };
  return { variant, sendAt: sql<Date>`case when ${variant} is null then 'infinity'::timestamptz else ${now}::timestamptz end` };
}

/** Of an audience those who got the issue and neither opened nor clicked it themselves, as far as can be told. */
export function unopenedOf(audience: RawBuilder<AudienceRow>, issueId: string): RawBuilder<AudienceRow> {
  return sql<AudienceRow>`select reader.* from (${audience}) reader
    where exists (select 1 from deliveries where issue_id = ${issueId}::uuid and subscriber_id = reader.id and status = 'sent')
      and reader.id not in (${engagedReaders(issueId, 'opens')}) and reader.id not in (${engagedReaders(issueId, 'clicks')})`;
}
