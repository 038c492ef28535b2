import { deleteExpiredAnswers } from '#platform/http-server';
import { defineJob, registerJob } from '#platform/jobs';
import type { ServiceDependencies, ServiceModule } from '#platform/service';

const deleteExpiredAnswersJob = defineJob('delete-expired-answers', { isKeyed: true, retryLimit: 2 });

/** What the platform's own tables need now and then. Whoever has the scheduler's role does it. */
export function createMaintenance({ database, clock }: Pick<ServiceDependencies, 'database' | 'clock'>): ServiceModule {
  return {
    name: 'scheduler',
    routes: () => undefined,
    jobs: [registerJob(deleteExpiredAnswersJob, async () => ({ deleted: await deleteExpiredAnswers(database, clock) }))],
    subscriptions: [],
    schedules: [{ definition: deleteExpiredAnswersJob, cron: '*/10 * * * *' }],
  };
}
