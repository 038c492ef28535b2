import { defineJob } from '#platform/jobs';

/** Keyed by the issue: compiles it and fills the ledger of deliveries. */
export const prepareIssueJob = defineJob<{ issueId: string }>('prepare-issue', { isKeyed: true, expireInSeconds: 600 });

/** One link of a chain: hands over a batch, then sends its successor until nothing of the issue is open. */
export type DeliverBatch = {
  readonly issueId: string;
  readonly chain: number;
  /** A job that is not its chain's newest does nothing. */
  readonly turn: number;
  /** Batches in a row that found the mail server unusable. */
  readonly outages: number;
};
export const deliverBatchJob = defineJob<DeliverBatch>('deliver-batch', { expireInSeconds: 600, retryDelaySeconds: 5 });

/** Starts again what lost its jobs. */
export const resumeIssuesJob = defineJob<object>('resume-issues', { retryLimit: 0, expireInSeconds: 300 });

/** Begins the issues whose time has come: at that time, and every minute for what was missed. */
export const startScheduledJob = defineJob<object>('start-scheduled-issues', { expireInSeconds: 300 });

/** Decides A/B tests whose time has come and gives the rest the winner; every minute, and when something is due. */
export const advanceAbTestsJob = defineJob<object>('advance-ab-tests', { expireInSeconds: 900 });

/** Makes the recurring digests that are due. */
export const runRecurringDigestsJob = defineJob<object>('run-recurring-digests', { expireInSeconds: 300 });

/** Moves readers on in their sequences; every minute, and when somebody was enrolled. */
export const advanceSequencesJob = defineJob<object>('advance-sequences', { expireInSeconds: 600 });
/** Enrols those who joined the segment of a sequence. */
export const enrolFromSegmentsJob = defineJob<object>('enrol-from-segments', { retryLimit: 0, expireInSeconds: 900 });

/** One mail to one person. */
export const sendTransactionalJob = defineJob<{ mailId: string }>('send-transactional-mail', {
  expireInSeconds: 300,
  retryDelaySeconds: 5,
});
/** Gives a new job to mails that have lost theirs, and forgets what was kept long enough. */
export const resumeTransactionalJob = defineJob<object>('resume-transactional-mails', { retryLimit: 0, expireInSeconds: 300 });

/** Chains of an issue: batches of it that may be under way at once, over all processes. */
export const chainsPerIssue = 4;
/** Batches under way at once in one process: while one waits for the database, the other keeps the mail server busy. */
export const batchesPerProcess = 2;
