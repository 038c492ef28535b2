import { type Queryable, type RawBuilder, sql } from '#platform/database';
import type { Issue, IssueSchedule } from '../../distributor-types.ts';
import { issueColumns } from '../issue-store.ts';

/**
 * The moment of a time of day in a zone. A zone is looked up first: one that PostgreSQL does not know would fail the
 * statement, and so does one that the planner can see before the look-up. So the name comes from the row that was found.
 */
export async function readMoment(
  database: Queryable,
  local: string | null,
  timezone: string,
): Promise<{ readonly isKnownZone: boolean; readonly moment: Date | null }> {
  const row = await database.maybeOne(
    'schedules.read-moment',
    sql<{ moment: Date | null }>`select ${local}::timestamp at time zone name as moment from pg_timezone_names where name = ${timezone}`,
  );
  return row === undefined ? { isKnownZone: false, moment: null } : { isKnownZone: true, moment: row.moment };
}

/** No zone is further ahead: Pacific/Kiritimati. */
const furthestAhead = sql`interval '14 hours'`;

/** When the first reader's mail is due, and with it the audience is taken. */
export async function firstSendTime(database: Queryable, { mode, at, timezone }: IssueSchedule): Promise<Date> {
  if (mode !== 'reader_timezone') return new Date(at);
  const { first } = await database.one(
    'schedules.first-send-time',
    sql<{ first: Date }>`select ((${at}::timestamptz at time zone ${timezone}) at time zone 'UTC') - ${furthestAhead} as first`,
  );
  return first;
}

const zoneNames = sql`(select name from pg_timezone_names)`;

/**
 * When a row of the audience (as `audience`) is due; undefined where all are due when the issue starts. A zone that is not
 * known, or none, counts as the campaign's. A time that has passed is due at once.
 */
export function sendTimeSql({ mode, at, timezone }: IssueSchedule): RawBuilder<Date> | undefined {
  const zone = sql`case when audience.timezone in ${zoneNames} then audience.timezone else ${timezone}::text end`;
  if (mode === 'at') return undefined;
  if (mode === 'reader_timezone') return sql<Date>`((${at}::timestamptz at time zone ${timezone}::text) at time zone (${zone}))`;
  // The next time that it is that hour by the reader's clock, from `at` on.
  return sql<Date>`case when audience.send_hour is null then ${at}::timestamptz else (
      select case when planned.today >= planned.begins then planned.today else planned.today + interval '1 day' end at time zone planned.zone
      from (select here.zone, here.begins, date_trunc('day', here.begins) + audience.send_hour * interval '1 hour' as today
            from (select local.zone, ${at}::timestamptz at time zone local.zone as begins from (select ${zone} as zone) local) here) planned) end`;
}

export function scheduleIssue(tx: Queryable, id: string, schedule: IssueSchedule, startsAt: Date): Promise<Issue> {
  return tx.one(
    'issues.schedule',
    sql<Issue>`update newsletter_issues
        set status = 'scheduled', status_reason = null, schedule = ${JSON.stringify(schedule)}::jsonb, scheduled_at = ${startsAt}
        where id = ${id}::uuid returning ${issueColumns}`,
  );
}

/** Back to where nothing is planned; of the schedule itself `keep` says whether it stays written down. */
export function unscheduleIssue(tx: Queryable, id: string, status: 'draft' | 'preparing', keep: boolean): Promise<Issue> {
  return tx.one(
    'issues.unschedule',
    sql<Issue>`update newsletter_issues
        set status = ${status}, status_reason = null, scheduled_at = null, schedule = case when ${keep} then schedule end
        where id = ${id}::uuid returning ${issueColumns}`,
  );
}

/** Locks those whose time has come; whoever else looks meanwhile passes over them. */
export async function takeDueIssues(tx: Queryable, now: Date, limit: number): Promise<string[]> {
  const rows = await tx.query(
    'issues.take-due',
    sql<{ id: string }>`update newsletter_issues set status = 'preparing'
        where id in (select id from newsletter_issues where status = 'scheduled' and scheduled_at <= ${now}
                     order by scheduled_at limit ${limit} for update skip locked)
        returning id`,
  );
  return rows.map(({ id }) => id);
}
