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

/** Chains of an issue: batches of it that may be under way at once, over all processes. */
export const chainsPerIssue = 4;
/** Batches under way at once in one process: while one waits for the database, the other keeps the mail server busy. */
export const batchesPerProcess = 2;
