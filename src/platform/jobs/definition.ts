/**
 * A kind of job. `name` is the queue's name and imperative (`deliver-batch`). Handlers may run twice for the same job;
 * the second time must change nothing.
 */
export type JobDefinition<T extends object> = {
  readonly name: string;
  readonly retryLimit: number;
  /** First delay in seconds; doubles with each try, with jitter, up to `retryDelayMaxSeconds`. */
  readonly retryDelaySeconds: number;
  readonly retryDelayMaxSeconds: number;
  /** A job that runs longer is failed and tried again. */
  readonly expireInSeconds: number;
  /** A keyed job is always sent with a `singletonKey`; at most one job a key is waiting or running. */
  readonly isKeyed: boolean;
  /** Carries the type of the job's data; never set. */
  readonly data?: T;
};

export type JobContext = {
  readonly id: string;
  /** 0 at the first try. */
  readonly retryCount: number;
  /** Aborted when the job has run too long, and when the process stops: end soon, and leave what another run can go on from. */
  readonly signal: AbortSignal;
};

export type JobHandler<T extends object> = (data: T, job: JobContext) => Promise<unknown>;

/** What a service registers: its role's processes run it. */
export type JobRegistration = {
  readonly definition: JobDefinition<object>;
  readonly handler: JobHandler<object>;
  /** Jobs of this kind running at once in one process. */
  readonly concurrency: number;
};

export function defineJob<T extends object>(
  name: string,
  options: Partial<Omit<JobDefinition<T>, 'name' | 'data'>> = {},
): JobDefinition<T> {
  return { name, retryLimit: 5, retryDelaySeconds: 2, retryDelayMaxSeconds: 300, expireInSeconds: 900, isKeyed: false, ...options };
}

export function registerJob<T extends object>(definition: JobDefinition<T>, handler: JobHandler<T>, concurrency = 1): JobRegistration {
  return { definition, handler: handler as JobHandler<object>, concurrency };
}
