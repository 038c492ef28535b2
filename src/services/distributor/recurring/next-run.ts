import { Cron } from 'croner';
import { type FieldFault, messageOf } from '#shared/errors';
import { isTimeZone } from '../sequences/check-definition.ts';

/** A newsletter more often than this is a mistake. */
const minIntervalMs = 3600_000;
const looksAhead = 50;

/** The next time after `after` by the reader-independent clock of the zone; undefined where there is none. */
export function nextRunAfter(cron: string, timezone: string, after: Date): Date | undefined {
  return new Cron(cron, { timezone, mode: '5-part' }).nextRun(after) ?? undefined;
}

export function cronFaults(cron: string, timezone: string, now: Date): FieldFault[] {
  if (!isTimeZone(timezone)) return [{ path: '/timezone', message: 'must be a time zone such as Europe/Sofia' }];
  try {
    const runs = new Cron(cron, { timezone, mode: '5-part' }).nextRuns(looksAhead, now);
    if (runs.length === 0) return [{ path: '/cron', message: 'never comes true' }];
    const isTooOften = runs.some((run, index) => index > 0 && run.getTime() - (runs[index - 1]?.getTime() ?? 0) < minIntervalMs);
    return isTooOften ? [{ path: '/cron', message: 'must leave at least an hour between two digests' }] : [];
  } catch (error) {
    return [{ path: '/cron', message: `must be five fields such as "0 9 * * 1": ${messageOf(error)}` }];
  }
}
