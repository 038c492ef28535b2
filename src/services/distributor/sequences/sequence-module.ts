import { registerJob } from '#platform/jobs';
import type { ServiceModule } from '#platform/service';
import { advanceSequencesJob, enrolFromSegmentsJob } from '../distributor-jobs.ts';
import { type AdvanceDependencies, advanceSequences } from './advance-sequences.ts';
import { enrolByEvent, enrolFromSegments, enrollingEvents } from './enrol-readers.ts';
import { sequenceRoutes } from './sequence-routes.ts';
import { createSequences, type SequenceDependencies } from './sequences.ts';

export type SequenceModule = Omit<ServiceModule, 'name'>;

export function createSequenceModule(
  dependencies: SequenceDependencies & AdvanceDependencies & Parameters<typeof enrolFromSegments>[0],
): SequenceModule {
  const { database } = dependencies;
  return {
    routes: sequenceRoutes({ database, sequences: createSequences(dependencies) }),
    jobs: [
      registerJob(advanceSequencesJob, (_, { signal }) => advanceSequences(dependencies, signal)),
      registerJob(enrolFromSegmentsJob, (_, { signal }) => enrolFromSegments(dependencies, signal)),
    ],
    subscriptions: [
      {
        subscriber: 'distributor.sequences',
        types: [...enrollingEvents],
        handle: (event, tx) => enrolByEvent(dependencies, event, tx),
      },
    ],
    schedules: [
      { definition: advanceSequencesJob, cron: '* * * * *' },
      { definition: enrolFromSegmentsJob, cron: '*/5 * * * *' },
    ],
  };
}
