import type { Queryable } from '#platform/database';
import { type FieldFault, invalid } from '#shared/errors';
import type { IssueSchedule } from '../../distributor-types.ts';
import { readMoment } from './schedule-store.ts';

export type ScheduleInput = {
  readonly mode?: IssueSchedule['mode'];
  /** ISO 8601: with an offset (`2026-12-01T09:00:00+02:00`), or without, which is read in the time zone. */
  readonly at: string;
  readonly timezone?: string;
};

const maxAheadMs = 366 * 24 * 3600_000;
const localTime = /^(\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(?::\d{2}(?:\.\d{1,3})?)?)(Z|[+-]\d{2}:\d{2})?$/i;

/**
 * A schedule as it is kept: `at` as a moment. Where the clocks are put forward, a time that does not exist is the one an hour
 * later; where they are put back, of the two it is the later one (standard time), as PostgreSQL has it.
 * @throws AppError `invalid_request` that names each faulty field under `path`
 */
export async function readSchedule(
  database: Queryable,
  input: ScheduleInput | null,
  now: Date,
  path: string,
): Promise<IssueSchedule | null> {
  if (input === null) return null;
  const { mode = 'at', timezone = 'UTC' } = input;
  const [, local, offset] = localTime.exec(input.at) ?? [];
  const isRealDate = local !== undefined && isRealTime(local);
  const { isKnownZone, moment } = await readMoment(database, isRealDate ? local : null, timezone);
  const faults: FieldFault[] = [];
  if (!isKnownZone) faults.push({ path: `${path}/timezone`, message: 'must be a time zone such as Europe/Sofia' });
  const at = offset === undefined ? moment : new Date(input.at);
  if (!isRealDate || (at !== null && Number.isNaN(at.getTime()))) {
    faults.push({ path: `${path}/at`, message: 'must be a date and time such as 2026-12-01T09:00 or 2026-12-01T09:00:00+02:00' });
  } else if (at !== null && at <= now) {
    faults.push({ path: `${path}/at`, message: `must be ahead; it is ${now.toISOString()} now` });
  } else if (at !== null && at.getTime() > now.getTime() + maxAheadMs) {
    faults.push({ path: `${path}/at`, message: 'must be within a year' });
  }
  if (faults.length > 0 || at === null) {
    throw invalid(`The schedule is not valid: ${faults.map((fault) => `${fault.path} ${fault.message}`).join('; ')}.`, faults);
  }
  return { mode, at: at.toISOString(), timezone };
}

/** The 30th of February and the 25th hour are none, which `Date` would carry over. */
function isRealTime(local: string): boolean {
  const read = new Date(`${local}Z`);
  return !Number.isNaN(read.getTime()) && read.toISOString().startsWith(local.slice(0, 16)) && read.getUTCFullYear() > 1970;
}
