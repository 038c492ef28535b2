import { registerJob } from '#platform/jobs';
import type { ServiceModule } from '#platform/service';
import { runRecurringDigestsJob } from '../distributor-jobs.ts';
import { recurringDigestRoutes } from './digest-routes.ts';
import { createRecurringDigests, type RecurringDependencies } from './recurring-digests.ts';

export function createRecurringModule(dependencies: RecurringDependencies): Pick<ServiceModule, 'routes' | 'jobs' | 'schedules'> {
  const digests = createRecurringDigests(dependencies);
  return {
    routes: recurringDigestRoutes({ database: dependencies.database, digests }),
    jobs: [registerJob(runRecurringDigestsJob, (_, { signal }) => digests.runDue(signal))],
    schedules: [{ definition: runRecurringDigestsJob, cron: '* * * * *' }],
  };
}
