import type { Database } from '#platform/database';
import type { Events, Subscription } from '#platform/events';
import type { RegisterRoutes } from '#platform/http-server';
import type { JobDefinition, JobRegistration, Jobs } from '#platform/jobs';
import type { Logger, Metrics } from '#platform/telemetry';
import type { Clock } from '#shared/clock';

/** What every service is built from. */
export type ServiceDependencies = {
  readonly database: Database;
  readonly jobs: Jobs;
  readonly events: Events;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics: Metrics;
};

export type Schedule = { readonly definition: JobDefinition<object>; readonly cron: string };

/** What a service brings into the processes whose role serves its routes or runs its jobs. */
export type ServiceModule = {
  readonly name: string;
  readonly routes: RegisterRoutes;
  readonly jobs: readonly JobRegistration[];
  readonly subscriptions: readonly Subscription[];
  readonly schedules: readonly Schedule[];
};
