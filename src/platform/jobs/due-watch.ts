import { type Database, isDatabaseOutage, sql } from '#platform/database';
import type { Logger } from '#platform/telemetry';

export type DueWatch = {
  /** From now on `wake` is called when jobs of this queue are due. */
  add(queue: string, wake: () => void): void;
  stop(): Promise<void>;
};

const lookIntervalMs = 500;

/**
 * NOTIFY wakes workers for new jobs; retries and delayed jobs come due in silence and have to be looked for. One look a
 * process sees them all, where each worker of each queue would look for itself.
 */
export function createDueWatch({ database, logger }: { database: Database; logger: Logger }): DueWatch {
  const wakers = new Map<string, (() => void)[]>();
  let timer: NodeJS.Timeout | undefined;
  let looking = Promise.resolve();
  let isStopped = false;

  async function look(): Promise<void> {
    try {
      const due = await database.query<{ name: string }>(
        'jobs.look-for-due',
        sql`select queue.name from unnest(${[...wakers.keys()]}::text[]) as queue(name)
            where exists (select 1 from pgboss.job
                          where job.name = queue.name and job.state < 'active' and not job.blocked and job.start_after <= pgboss.job_now())`,
      );
      if (!isStopped) for (const { name } of due) for (const wake of wakers.get(name) ?? []) wake();
    } catch (error) {
      logger[isDatabaseOutage(error) ? 'debug' : 'warn']({ err: error }, 'due jobs could not be looked for');
    }
  }

  function lookLater(): void {
    timer = setTimeout(() => {
      looking = look().then(() => {
        if (!isStopped) lookLater();
      });
    }, lookIntervalMs);
  }

  return {
    add(queue, wake) {
      wakers.set(queue, [...(wakers.get(queue) ?? []), wake]);
      if (timer === undefined) lookLater();
    },
    async stop() {
      isStopped = true;
      clearTimeout(timer);
      await looking;
    },
  };
}
