import { type Database, sql } from '#platform/database';
import type { Logger } from '#platform/telemetry';
import { messageOf } from '#shared/errors';

export type ProcessShareOptions = {
  readonly database: Database;
  /** A new id for each life of a process. */
  readonly id: string;
  readonly logger: Logger;
  readonly heartbeatMs?: number;
};

export type ProcessShare = {
  /** Processes that live, this one among them, as of the last heartbeat; 1 before the first. */
  readonly processes: () => number;
  /** Tells the others at once; they notice at their next heartbeat. Rejects when the database cannot be reached: it is tried on. */
  start(): Promise<void>;
  stop(): Promise<void>;
};

/** Missed heartbeats after which a process counts as gone. */
const missedBeats = 3;

/**
 * Among how many processes a limit is shared when nothing else connects them. Each writes a row now and then and counts those
 * of the others that are fresh; all by the database's clock. A request asks nothing.
 */
export function createProcessShare({ database, id, logger, heartbeatMs = 5000 }: ProcessShareOptions): ProcessShare {
  let count = 1;
  let timer: NodeJS.Timeout | undefined;
  let isStopped = false;
  let beating: Promise<void> = Promise.resolve();

  async function beat(): Promise<void> {
    const lifetime = sql`make_interval(secs => ${(heartbeatMs * missedBeats) / 1000}::float8)`;
    // The statement sees the table as it was before it: the others are counted, and this process is added. After an outage all
    // are stale at once, and would delete one another in a ring, but for those rows being skipped that their owner holds.
    const { others } = await database.one<{ others: number }>(
      'api-processes.beat',
      sql`with gone as (
            delete from api_processes where id in (
              select id from api_processes where id <> ${id}::uuid and heartbeat_at < clock_timestamp() - ${lifetime}
              for update skip locked)
          ), self as (
            insert into api_processes (id, heartbeat_at) values (${id}::uuid, clock_timestamp())
            on conflict (id) do update set heartbeat_at = excluded.heartbeat_at
          )
          select count(*)::int as others from api_processes
          where id <> ${id}::uuid and heartbeat_at >= clock_timestamp() - ${lifetime}`,
    );
    if (others + 1 !== count) logger.info({ processes: others + 1 }, 'the rate limits are shared among the API processes');
    count = others + 1;
  }

  function schedule(): void {
    if (isStopped) return;
    timer = setTimeout(() => {
      beating = beat()
        // With the database gone the last count is the best that is known; the outage itself is told where connections are made.
        .catch((error: unknown) => logger.debug({ reason: messageOf(error) }, 'no heartbeat of this API process'))
        .finally(schedule);
    }, heartbeatMs);
    timer.unref();
  }

  return {
    processes: () => count,
    async start() {
      try {
        await beat();
      } finally {
        schedule();
      }
    },
    async stop() {
      isStopped = true;
      clearTimeout(timer);
      await beating;
      // Else the others would count it for some seconds more, which hurts nobody.
      await database
        .execute('api-processes.leave', sql`delete from api_processes where id = ${id}::uuid`)
        .catch((error: unknown) => logger.debug({ reason: messageOf(error) }, 'this API process could not be signed off'));
    },
  };
}
