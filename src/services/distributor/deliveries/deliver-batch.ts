import type { ServiceDependencies } from '#platform/service';
import { findContent, findIssue, finishIssue, lockIssue } from '../campaigns/issue-store.ts';
import { issueFinished } from '../distributor-events.ts';
import { type DeliverBatch, deliverBatchJob } from '../distributor-jobs.ts';
import type { Audience, Issue } from '../distributor-types.ts';
import { endChains, isCurrentTurn, markAlive, nextTurn } from './chain-store.ts';
import { claimAt, leaseMs } from './claim.ts';
import { nextDueAt, releaseClaim, renewLease, skipCancelled } from './claim-store.ts';
import type { DeliveryStatus } from './delivery-store.ts';
import { type HandOverResult, handOver, type Sending } from './hand-over.ts';
import { settleInterrupted } from './interrupted.ts';
import type { MessageFactory } from './message-factory.ts';
import { outageDelayMs } from './retry-policy.ts';
import { createSupply } from './supply.ts';

/** So few recipients are not worth a further chain. */
export const batchSize = 250;
/** Then the chain's next job goes on, and the jobs of other issues have their turn. */
const maxBatchMs = 10_000;
const skipAtOnce = 5000;
const renewEveryMs = leaseMs / 3;
/** What nothing can be done about at the moment is looked at again no sooner and no later than this. */
const minWaitMs = 1000;
const maxWaitMs = 60_000;

export type DeliverBatchDependencies = ServiceDependencies & {
  readonly mail: Sending;
  readonly subscribers: Pick<Audience, 'findRecipients' | 'markBounced'>;
  readonly messages: MessageFactory;
};

/** How a batch ended, from which the time of the next one follows. */
type BatchResult = HandOverResult & { readonly claimed: number };

export function createDeliverBatch(dependencies: DeliverBatchDependencies) {
  const { database, jobs, events, clock, logger, metrics, mail, subscribers, messages } = dependencies;
  const outcomes = metrics.counter('aquascene_deliveries_total', 'Deliveries that came to a state', ['outcome']);
  const duration = metrics.histogram('aquascene_delivery_batch_seconds', 'Duration of batches of deliveries');
  const countOutcome = (outcome: DeliveryStatus) => outcomes.inc({ outcome });
  const { mailDomain } = messages;

  /** Keeps what is under way ours, and the chain known as alive. */
  function keepAlive(turn: DeliverBatch, claimedBy: string): NodeJS.Timeout {
    return setInterval(() => {
      const claim = claimAt(clock, turn.issueId, claimedBy);
      const endingBefore = new Date(claim.leaseUntil.getTime() - renewEveryMs);
      Promise.all([renewLease(database, claim, endingBefore), markAlive(database, turn, claim.now)]).catch((error: unknown) => {
        logger.warn({ err: error, issueId: turn.issueId }, 'the lease of a batch could not be renewed');
      });
    }, renewEveryMs);
  }

  async function deliver(issue: Issue, turn: DeliverBatch, signal: AbortSignal): Promise<BatchResult> {
    const claimedBy = clock.newId();
    const content = await findContent(database, issue.id);
    if (content === undefined) throw new Error(`The campaign ${issue.id} is being sent without content.`);
    const writeMail = messages.forIssue(issue, content);
    const supply = createSupply({ database, subscribers, clock, issue, claimedBy, countOutcome });
    const timer = keepAlive(turn, claimedBy);
    try {
      const result = await handOver(
        { database, mail, subscribers, clock, countOutcome },
        {
          ...{ issue, claimedBy, supply, signal },
          buildMail: ({ recipient, variant }) => writeMail(recipient, variant),
          endsAt: new Date(clock.now().getTime() + maxBatchMs),
        },
      );
      return { ...result, claimed: supply.claimed() };
    } finally {
      clearInterval(timer);
      await releaseClaim(database, claimAt(clock, issue.id, claimedBy));
    }
  }

  /** When the chain goes on; undefined when nothing of the issue is open. */
  async function nextStart(turn: DeliverBatch, result: BatchResult, now: Date): Promise<Date | undefined> {
    const later = (ms: number) => new Date(now.getTime() + ms);
    if (result.isServerDown) return later(outageDelayMs(result.accepted > 0 ? 1 : turn.outages + 1, clock.random()));
    const due = await nextDueAt(database, turn.issueId, later(maxWaitMs));
    if (due === undefined) return undefined;
    if (due <= now) return result.claimed > 0 ? now : later(minWaitMs);
    return new Date(Math.max(due.getTime(), later(minWaitMs).getTime()));
  }

  /** Ends the turn: the issue is finished, or the chain's next job stands. Twice, or overtaken, it does nothing. */
  async function endTurn(turn: DeliverBatch, status: 'sending' | 'cancelled', result: BatchResult): Promise<void> {
    const now = clock.now();
    const startsAt = await nextStart(turn, result, now);
    await database.transaction(async (tx) => {
      // Locked before the ledger is looked at: whoever adds to an issue does so under the same lock.
      const current = await lockIssue(tx, turn.issueId);
      if (current.status !== status || current.finishedAt !== null) return;
      if (startsAt === undefined && (await finishIssue(tx, turn.issueId, status, now))) {
        await endChains(tx, turn.issueId);
        if (status === 'sending') {
          await events.publish(tx, { type: issueFinished, aggregateId: turn.issueId, payload: { issueId: turn.issueId } });
        }
        return;
      }
      const next = await nextTurn(tx, turn, startsAt ?? now);
      if (next === undefined) return;
      const outages = result.isServerDown && result.accepted === 0 ? turn.outages + 1 : 0;
      await jobs.send(tx, deliverBatchJob, { ...next, outages }, startsAt === undefined || startsAt <= now ? {} : { startAfter: startsAt });
    });
  }

  /** Hands over a batch of the issue, and sees that the chain goes on. */
  return async function deliverBatch(turn: DeliverBatch, signal: AbortSignal): Promise<void> {
    const issue = await findIssue(database, turn.issueId);
    if (issue === undefined || !(await isCurrentTurn(database, turn))) return;
    if (issue.status !== 'sending' && issue.status !== 'cancelled') return;
    const endTimer = duration.startTimer();
    try {
      await settleInterrupted({ database, mail, clock, mailDomain, countOutcome }, issue);
      if (issue.status === 'sending') {
        await endTurn(turn, 'sending', await deliver(issue, turn, signal));
        return;
      }
      const skipped = await skipCancelled(database, issue.id, clock.now(), skipAtOnce);
      outcomes.inc({ outcome: 'skipped' }, skipped);
      await endTurn(turn, 'cancelled', { claimed: skipped, accepted: 0, isServerDown: false });
    } finally {
      endTimer();
    }
  };
}
