import { setTimeout as delay } from 'node:timers/promises';
import { type Db, type JobWithMetadata, PgBoss, type WorkOptions } from 'pg-boss';
import type { Database, Transaction } from '#platform/database';
import { isDatabaseOutage, sql } from '#platform/database';
import { type Logger, type Metrics, runWithTrace } from '#platform/telemetry';
import { AppError, messageOf } from '#shared/errors';
import type { JobDefinition, JobRegistration } from './definition.ts';
import { createDueWatch } from './due-watch.ts';

export const deadLetterQueue = 'dead-letters';

export type SendJobOptions = {
  /** Of the job, instead of a new one: a UUID. The same a second time sends nothing and answers null. */
  readonly id?: string;
  /** For keyed jobs: at most one with this key is waiting or running; a second send answers null. */
  readonly singletonKey?: string;
  readonly startAfter?: Date;
  readonly priority?: number;
};

export type JobView = {
  readonly id: string;
  readonly name: string;
  readonly state: string;
  readonly data: unknown;
  readonly output: unknown;
  readonly retryCount: number;
  /** Of a dead letter: the queue that it comes from. */
  readonly sourceName: string | null;
  readonly createdAt: Date;
  readonly startedAt: Date | null;
  readonly completedAt: Date | null;
};

export type QueueView = {
  readonly name: string;
  readonly queued: number;
  readonly active: number;
  readonly failed: number;
  readonly total: number;
};

export type ListJobsFilter = { readonly name?: string; readonly state?: string; readonly limit: number; readonly before?: string };

export type Jobs = {
  /** Sends in the caller's transaction: the job exists if and only if the rows do. Null when the singleton key is taken. */
  send<T extends object>(
    transaction: Transaction | Database,
    definition: JobDefinition<T>,
    data: T,
    options?: SendJobOptions,
  ): Promise<string | null>;
  /** Many jobs of one kind in one statement, each with its own data and options, in the caller's transaction. */
  sendMany<T extends object>(
    transaction: Transaction | Database,
    definition: JobDefinition<T>,
    jobs: readonly (SendJobOptions & { readonly data: T })[],
  ): Promise<void>;
  /** Makes sure that a queue exists for each kind of job; before anything is sent. */
  prepare(definitions: readonly JobDefinition<object>[]): Promise<void>;
  /** Starts working on the registrations. Resolves when every queue exists and is polled. */
  work(registrations: readonly JobRegistration[]): Promise<void>;
  /** Keeps recurring jobs as given (cron, UTC); only the process with the scheduler role calls it. */
  schedule(definition: JobDefinition<object>, cron: string): Promise<void>;
  list(filter: ListJobsFilter): Promise<JobView[]>;
  /** @throws AppError `job_not_found`: there never was one, or it ended so long ago that it is no longer kept */
  find(id: string): Promise<JobView>;
  /** Puts a failed job back into its queue. */
  retry(id: string): Promise<void>;
  deadLetters(limit: number): Promise<JobView[]>;
  /** Moves dead letters back to the queues that they came from. */
  redrive(name?: string): Promise<number>;
  queues(): Promise<QueueView[]>;
  /** Tells what runs by its signal, waits for it (up to `timeoutMs`, then it is put back), takes nothing new. */
  stop(timeoutMs: number): Promise<void>;
};

export type JobsOptions = {
  readonly database: Database;
  /** Watches heartbeats, runs schedules and maintenance. One such process suffices; more do no harm. */
  readonly isSupervisor: boolean;
  readonly logger: Logger;
  readonly metrics: Metrics;
};

// A dead worker's jobs are noticed after heartbeat + monitor interval: 20 s + 10 s, inside the promised 60 s.
const heartbeatSeconds = 20;
const monitorIntervalSeconds = 10;
// Workers are woken by NOTIFY and by the due watch; looking for themselves they only make up for what both missed.
const pollingIntervalSeconds = 30;
const settleTimeoutMs = 3000;
const secondsPerDay = 24 * 3600;
const keepEndedSeconds = 7 * secondsPerDay;

const jobColumns = sql`
  id, name, state::text as state, data, coalesce(output, source_output) as output,
  coalesce(source_retry_count, retry_count) as "retryCount", source_name as "sourceName",
  created_on as "createdAt", started_on as "startedAt", completed_on as "completedAt"`;

export async function createJobs(options: JobsOptions): Promise<Jobs> {
  const { database, logger, metrics } = options;
  const adapter: Db = {
    executeSql: database.executeSql,
    async listen(channel, onNotification, onReconnect) {
      return database.listen(channel, (payload) => (payload === '' ? onReconnect() : onNotification(payload)));
    },
  };
  const boss = new PgBoss({
    db: adapter,
    schema: 'pgboss',
    useListenNotify: true,
    supervise: options.isSupervisor,
    schedule: options.isSupervisor,
    monitorIntervalSeconds,
    superviseIntervalSeconds: monitorIntervalSeconds,
    // Schema changes are made by `migrate`, never by a process that starts.
    migrate: false,
    createSchema: false,
  });
  // Every worker meets an outage of the database with every look at its queue; the database's own log says it once.
  boss.on('error', (error) => logger[isDatabaseOutage(error) ? 'debug' : 'warn']({ err: error }, 'job queue error'));
  boss.on('warning', (warning) => logger.debug({ warning }, 'job queue warning'));
  await boss.start();

  await ensureQueue(deadLetterQueue, { retryLimit: 0, deleteAfterSeconds: 0, retentionSeconds: 30 * secondsPerDay });
  async function ensureQueue(name: string, queueOptions: Parameters<PgBoss['createQueue']>[1]) {
    if ((await boss.getQueue(name)) === null) await boss.createQueue(name, queueOptions);
  }

  const dueWatch = createDueWatch({ database, logger });
  const stopping = new AbortController();
  const running = new Set<Promise<unknown>>();
  const finished = metrics.counter('aquascene_jobs_total', 'Jobs that ended', ['job', 'outcome']);
  const duration = metrics.histogram('aquascene_job_seconds', 'Duration of jobs', ['job']);

  async function runOne(registration: JobRegistration, job: JobWithMetadata<object>): Promise<unknown> {
    const { name } = registration.definition;
    const log = logger.child({ jobId: job.id, jobName: name });
    const endTimer = duration.startTimer({ job: name });
    try {
      const output = await runWithTrace({ jobId: job.id, jobName: name }, () =>
        registration.handler(job.data, {
          id: job.id,
          retryCount: job.retryCount,
          signal: AbortSignal.any([job.signal, stopping.signal]),
        }),
      );
      finished.inc({ job: name, outcome: 'done' });
      return output;
    } catch (error) {
      if (stopping.signal.aborted && (await putBack(job))) {
        finished.inc({ job: name, outcome: 'interrupted' });
        log.info({ reason: messageOf(error) }, 'job interrupted by the stop; it was put back');
        return undefined;
      }
      finished.inc({ job: name, outcome: 'failed' });
      log.warn({ err: error, retryCount: job.retryCount }, 'job failed');
      // What pg-boss keeps with the job and its dead letter: the error, without a stack.
      const failure = new AppError(error instanceof AppError ? error.code : 'job_failed', messageOf(error));
      delete failure.stack;
      throw failure;
    } finally {
      endTimer();
    }
  }

  /** A stop of ours is no failure of the job: it costs no try, and whoever runs next can take it at once. */
  async function putBack(job: JobWithMetadata<object>): Promise<boolean> {
    const count = await database.execute(
      'jobs.put-back',
      sql`update pgboss.job set state = 'created', started_on = null, heartbeat_on = null, start_after = now()
          where name = ${job.name} and id = ${job.id}::uuid and state = 'active'`,
    );
    return count > 0;
  }

  async function startWorker(registration: JobRegistration): Promise<void> {
    let workerId = '';
    workerId = await boss.work<object, unknown, WorkOptions & { includeMetadata: true }>(
      registration.definition.name,
      { includeMetadata: true, pollingIntervalSeconds, notifyPollingIntervalSeconds: pollingIntervalSeconds },
      async ([job]) => {
        if (job === undefined) return undefined;
        // Taken in the moment of the stop, or again after it was put back: it is for the next process.
        if (stopping.signal.aborted) {
          await putBack(job);
          return undefined;
        }
        try {
          const run = runOne(registration, job);
          running.add(run);
          return await run.finally(() => running.delete(run));
        } finally {
          // Where there was one job there may be more: look again at once instead of after the pause.
          if (!stopping.signal.aborted) boss.notifyWorker(workerId);
        }
      },
    );
    dueWatch.add(registration.definition.name, () => boss.notifyWorker(workerId));
  }

  async function find(id: string): Promise<JobView> {
    const job = await database.maybeOne<JobView>('jobs.find', sql`select ${jobColumns} from pgboss.job where id = ${id}::uuid`);
    if (job !== undefined) return job;
    const keptFor = `A job that has ended is kept for ${keepEndedSeconds / secondsPerDay} days`;
    throw new AppError('job_not_found', `No job with the id "${id}". ${keptFor}.`, { status: 404 });
  }

  return {
    send(transaction, definition, data, sendOptions = {}) {
      return boss.send(definition.name, data, {
        db: { executeSql: transaction.executeSql },
        ...(sendOptions.id !== undefined && { id: sendOptions.id }),
        ...(sendOptions.singletonKey !== undefined && { singletonKey: sendOptions.singletonKey }),
        ...(sendOptions.startAfter !== undefined && { startAfter: sendOptions.startAfter }),
        ...(sendOptions.priority !== undefined && { priority: sendOptions.priority }),
      });
    },
    async sendMany(transaction, definition, jobs) {
      if (jobs.length > 0) await boss.insert(definition.name, [...jobs], { db: { executeSql: transaction.executeSql } });
    },
    async prepare(definitions) {
      for (const definition of definitions) {
        await ensureQueue(definition.name, {
          retryLimit: definition.retryLimit,
          retryDelay: definition.retryDelaySeconds,
          retryBackoff: true,
          retryDelayMax: definition.retryDelayMaxSeconds,
          expireInSeconds: definition.expireInSeconds,
          deleteAfterSeconds: keepEndedSeconds,
          heartbeatSeconds,
          deadLetter: deadLetterQueue,
          notify: true,
          policy: definition.isKeyed ? 'exclusive' : 'standard',
        });
      }
    },
    async work(registrations) {
      for (const registration of registrations) {
        for (let worker = 0; worker < registration.concurrency; worker += 1) await startWorker(registration);
      }
    },
    async schedule(definition, cron) {
      await boss.schedule(definition.name, cron, {}, { tz: 'UTC' });
    },
    list: (filter) =>
      database.query<JobView>(
        'jobs.list',
        sql`select ${jobColumns} from pgboss.job
            where name not like '\\_\\_pgboss%'
              and (${filter.name ?? null}::text is null or name = ${filter.name ?? null})
              and (${filter.state ?? null}::text is null or state::text = ${filter.state ?? null})
              and (${filter.before ?? null}::uuid is null or
                   (created_on, id) < (select created_on, id from pgboss.job where id = ${filter.before ?? null}::uuid limit 1))
            order by created_on desc, id desc limit ${filter.limit}`,
      ),
    find,
    async retry(id) {
      const job = await find(id);
      if (job.state !== 'failed') {
        throw new AppError('job_not_failed', `The job is ${job.state}; only a failed job can be retried.`, { status: 409 });
      }
      await boss.retry(job.name, id);
    },
    deadLetters: (limit) =>
      database.query<JobView>(
        'jobs.dead-letters',
        sql`select ${jobColumns} from pgboss.job where name = ${deadLetterQueue} order by created_on desc, id desc limit ${limit}`,
      ),
    redrive: (name) => boss.redrive(deadLetterQueue, name === undefined ? {} : { sourceName: name }),
    async queues() {
      const queues = await boss.getQueues();
      return queues
        .filter((queue) => !queue.name.startsWith('__pgboss'))
        .map((queue) => ({
          name: queue.name,
          queued: queue.queuedCount,
          active: queue.activeCount,
          failed: queue.failedCount,
          total: queue.totalCount,
        }));
    },
    async stop(timeoutMs) {
      stopping.abort();
      const stopped = boss.stop({ graceful: true, timeout: timeoutMs, close: false });
      await dueWatch.stop();
      await stopped;
      // What did not end in time is put back by now; the handlers themselves, told by their signal, may need a moment more.
      await Promise.race([Promise.allSettled(running), delay(settleTimeoutMs, undefined, { ref: false })]);
    },
  };
}
