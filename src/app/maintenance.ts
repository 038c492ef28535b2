import { deleteHandledEvents } from '#platform/events';
import { deleteExpiredAnswers } from '#platform/http-server';
import { defineJob, registerJob } from '#platform/jobs';
import type { ServiceDependencies, ServiceModule } from '#platform/service';
import type { Storage } from '#platform/storage';

const deleteExpiredAnswersJob = defineJob('delete-expired-answers', { isKeyed: true, retryLimit: 2 });
const deleteHandledEventsJob = defineJob('delete-handled-events', { isKeyed: true, retryLimit: 2 });
const removeAbandonedUploadsJob = defineJob('remove-abandoned-uploads', { isKeyed: true, retryLimit: 2 });

const dayMs = 24 * 3600_000;

type Dependencies = Pick<ServiceDependencies, 'database' | 'clock'> & { readonly storage: Pick<Storage, 'removeAbandonedUploads'> };

/** What the platform's own tables and files need now and then. Whoever has the scheduler's role does it. */
export function createMaintenance({ database, storage, clock }: Dependencies): ServiceModule {
  return {
    name: 'scheduler',
    routes: () => undefined,
    jobs: [
      registerJob(deleteExpiredAnswersJob, async () => ({ deleted: await deleteExpiredAnswers(database, clock) })),
      registerJob(deleteHandledEventsJob, async () => ({ deleted: await deleteHandledEvents(database, clock.now()) })),
      registerJob(removeAbandonedUploadsJob, () => storage.removeAbandonedUploads(new Date(clock.now().getTime() - dayMs))),
    ],
    subscriptions: [],
    schedules: [
      { definition: deleteExpiredAnswersJob, cron: '*/10 * * * *' },
      { definition: deleteHandledEventsJob, cron: '17 3 * * *' },
      { definition: removeAbandonedUploadsJob, cron: '47 3 * * *' },
    ],
  };
}
