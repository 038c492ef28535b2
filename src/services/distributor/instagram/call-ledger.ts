import { type Database, sql } from '#platform/database';
import type { Clock } from '#shared/clock';

/** The API's limit for one account, in any hour (Graph API, "Rate Limits": 200 calls an hour for each user). */
export const maxCallsPerHour = 200;
const hourMs = 3600_000;

export type CallLedger = {
  /** Notes a call; when it would be one too many in an hour, nothing is noted and the time is given from which one may be made. */
  take(): Promise<Date | undefined>;
  count(): Promise<number>;
};

/** Calls of the last hour as rows: exact over all processes, and two hundred of them are nothing. */
export function createCallLedger({ database, clock }: { readonly database: Database; readonly clock: Clock }): CallLedger {
  return {
    take: () =>
      database.transaction(async (tx) => {
        const now = clock.now();
        await tx.execute('instagram.lock-calls', sql`select pg_advisory_xact_lock(hashtextextended('instagram_calls', 0))`);
        const cutoff = new Date(now.getTime() - hourMs);
        await tx.execute('instagram.forget-calls', sql`delete from instagram_calls where called_at <= ${cutoff}`);
        const row = await tx.maybeOne(
          'instagram.limiting-call',
          sql<{
            calledAt: Date;
          }>`select called_at as "calledAt" from instagram_calls order by called_at desc offset ${maxCallsPerHour - 1} limit 1`,
        );
        if (row !== undefined) return new Date(row.calledAt.getTime() + hourMs + 1);
        await tx.execute('instagram.note-call', sql`insert into instagram_calls (id, called_at) values (${clock.newId()}, ${now})`);
        return undefined;
      }),
    async count() {
      const { count } = await database.one(
        'instagram.count-calls',
        sql<{ count: number }>`select count(*) as count from instagram_calls where called_at > ${new Date(clock.now().getTime() - hourMs)}`,
      );
      return count;
    },
  };
}
