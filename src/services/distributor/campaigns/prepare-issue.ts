import type { ServiceDependencies } from '#platform/service';
import { AppError } from '#shared/errors';
import { type Turn, takeChains } from '../deliveries/chain-store.ts';
import { batchSize } from '../deliveries/deliver-batch.ts';
import { analysePartition, createPartition, enqueueStatement } from '../deliveries/delivery-store.ts';
import { issueStarted } from '../distributor-events.ts';
import { chainsPerIssue, deliverBatchJob } from '../distributor-jobs.ts';
import type { Audience, Issue, IssueContent } from '../distributor-types.ts';
import { deliveryPlanOf, unopenedOf } from './delivery-plan.ts';
import { findIssue, lockIssue, setIssueStatus, startIssue } from './issue-store.ts';
import { assertSendable, type RunPreflight } from './preflight/index.ts';

export type PrepareIssueDependencies = ServiceDependencies & {
  readonly subscribers: Pick<Audience, 'enqueueAudience'>;
  readonly compile: (issue: Issue) => Promise<IssueContent>;
  readonly runPreflight: RunPreflight;
};

/** Compiles the issue, looks it over, fills its ledger and starts its chains. A fault that trying again cannot cure ends it as failed. */
export async function prepareIssue(dependencies: PrepareIssueDependencies, issueId: string): Promise<void> {
  const { database, logger } = dependencies;
  const issue = await findIssue(database, issueId);
  if (issue?.status !== 'preparing') return;
  try {
    const content = await dependencies.compile(issue);
    // Whoever asked for it may have done so long ago: what it leads to can be gone since.
    await assertSendable(dependencies.runPreflight, issue, content);
    await createPartition(database, issueId);
    await start(dependencies, issueId, content);
  } catch (error) {
    if (!(error instanceof AppError) || error.retryable || error.status >= 500) throw error;
    logger.warn({ err: error, issueId }, 'a campaign cannot be sent');
    await database.transaction(async (tx) => {
      const current = await lockIssue(tx, issueId);
      if (current.status === 'preparing') await setIssueStatus(tx, issueId, 'failed', error.message);
    });
  }
}

async function start(dependencies: PrepareIssueDependencies, issueId: string, content: IssueContent): Promise<void> {
  const { database, events, clock, subscribers } = dependencies;
  const now = clock.now();
  await database.transaction(async (tx) => {
    const issue = await lockIssue(tx, issueId);
    if (issue.status !== 'preparing') return;
    const enqueue = enqueueStatement(issueId, now, deliveryPlanOf(issue, now));
    const recipients = await subscribers.enqueueAudience(tx, {
      segmentId: issue.segmentId,
      topics: issue.topics,
      insertFrom: (audience) => enqueue(issue.resendOf === null ? audience : unopenedOf(audience, issue.resendOf)),
    });
    await analysePartition(tx, issueId);
    await startIssue(tx, issueId, content, now);
    await events.publish(tx, { type: issueStarted, aggregateId: issueId, payload: { issueId } });
    const count = Math.min(chainsPerIssue, Math.max(1, Math.ceil(recipients / batchSize)));
    await sendTurns(dependencies, tx, await takeChains(tx, issueId, count, now));
  });
}

export async function sendTurns(
  { jobs }: Pick<ServiceDependencies, 'jobs'>,
  tx: Parameters<ServiceDependencies['jobs']['send']>[0],
  turns: readonly Turn[],
): Promise<void> {
  for (const turn of turns) await jobs.send(tx, deliverBatchJob, { ...turn, outages: 0 });
}
