import type { MailTransport } from '#platform/mail';
import type { ServiceDependencies } from '#platform/service';
import { findContent, findIssue, finishIssue, getIssue } from '../campaigns/issue-store.ts';
import { issueFinished } from '../distributor-events.ts';
import { type DeliverBatch, deliverBatchJob } from '../distributor-jobs.ts';
import type { Audience, Issue, Recipient } from '../distributor-types.ts';
import { endChains, isCurrentTurn, markAlive, nextTurn } from './chain-store.ts';
import { claimAt, leaseMs } from './claim.ts';
import {
  type ClaimedDelivery,
  claimDeliveries,
  type DeliveryStatus,
  moveDeliveries,
  nextDueAt,
  releaseClaim,
  renewLease,
  skipCancelled,
} from './delivery-store.ts';
import { type HandOverResult, handOver } from './hand-over.ts';
import { settleInterrupted } from './interrupted.ts';
import type { MessageFactory } from './message-factory.ts';
import { outageDelayMs } from './retry-policy.ts';

export const batchSize = 250;
/** Whoever leaves while a batch is under way may still get what it carries: so it takes no longer, however slow the server. */
const maxBatchMs = 10_000;
const skipAtOnce = 5000;
const renewEveryMs = leaseMs / 3;
/** What nothing can be done about at the moment is looked at again no sooner and no later than this. */
const minWaitMs = 1000;
const maxWaitMs = 60_000;

export type DeliverBatchDependencies = ServiceDependencies & {
  readonly mail: MailTransport;
  readonly subscribers: Audience;
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

  /** Reads the recipients as they are now: who has left or was suppressed since gets nothing. */
  async function skipObstructed(issueId: string, claimedBy: string, claimed: readonly ClaimedDelivery[]) {
    const found = await subscribers.findRecipients(
      database,
      claimed.map(({ subscriberId }) => subscriberId),
    );
    const recipients = new Map<string, Recipient>(found.map((recipient) => [recipient.id, recipient]));
    const obstacleOf = (id: string) => {
      const recipient = recipients.get(id);
      return recipient === undefined ? 'gone' : recipient.obstacle;
    };
    const obstructed = claimed.flatMap(({ subscriberId }) => {
      const reason = obstacleOf(subscriberId);
      return reason === null ? [] : [{ subscriberId, status: 'skipped', tries: 0, reason, nextAttemptAt: null } as const];
    });
    if (obstructed.length > 0) {
      for (const { status } of await moveDeliveries(database, claimAt(clock, issueId, claimedBy), obstructed)) countOutcome(status);
    }
    return { recipients, deliveries: claimed.filter(({ subscriberId }) => obstacleOf(subscriberId) === null) };
  }

  async function deliverClaimed(issue: Issue, turn: DeliverBatch, signal: AbortSignal): Promise<BatchResult> {
    const claimedBy = clock.newId();
    const claimed = await claimDeliveries(database, claimAt(clock, issue.id, claimedBy), batchSize);
    if (claimed.length === 0) return { claimed: 0, accepted: 0, isServerDown: false };
    const content = await findContent(database, issue.id);
    if (content === undefined) throw new Error(`The campaign ${issue.id} is being sent without content.`);
    const keepAlive = setInterval(() => {
      const claim = claimAt(clock, issue.id, claimedBy);
      Promise.all([renewLease(database, claim), markAlive(database, turn, claim.now)]).catch((error: unknown) => {
        logger.warn({ err: error, issueId: issue.id }, 'the lease of a batch could not be renewed');
      });
    }, renewEveryMs);
    try {
      const { recipients, deliveries } = await skipObstructed(issue.id, claimedBy, claimed);
      const writeMail = messages.forIssue(issue, content);
      const result = await handOver(
        { database, mail, subscribers, clock, countOutcome },
        {
          issueId: issue.id,
          claimedBy,
          deliveries,
          buildMail: (subscriberId) => {
            const recipient = recipients.get(subscriberId);
            if (recipient === undefined) throw new Error('the recipient is gone');
            return writeMail(recipient);
          },
          signal,
          endsAt: new Date(clock.now().getTime() + maxBatchMs),
        },
      );
      return { ...result, claimed: claimed.length };
    } finally {
      clearInterval(keepAlive);
      await releaseClaim(database, claimAt(clock, issue.id, claimedBy));
    }
  }

  /** When the chain goes on; undefined when nothing of the issue is open. */
  async function nextStart(turn: DeliverBatch, result: BatchResult, now: Date): Promise<Date | undefined> {
    const later = (ms: number) => new Date(now.getTime() + ms);
    if (result.isServerDown) return later(outageDelayMs(result.accepted > 0 ? 1 : turn.outages + 1, clock.random()));
    if (result.claimed === batchSize) return now;
    const due = await nextDueAt(database, turn.issueId, now);
    if (due === undefined) return undefined;
    if (due <= now) return result.claimed > 0 ? now : later(minWaitMs);
    return new Date(Math.min(Math.max(due.getTime(), later(minWaitMs).getTime()), later(maxWaitMs).getTime()));
  }

  /** Ends the turn: the issue is finished, or the chain's next job stands. Twice, or overtaken, it does nothing. */
  async function endTurn(turn: DeliverBatch, status: 'sending' | 'cancelled', result: BatchResult): Promise<void> {
    const now = clock.now();
    const startsAt = await nextStart(turn, result, now);
    await database.transaction(async (tx) => {
      if (startsAt === undefined && (await finishIssue(tx, turn.issueId, status, now))) {
        await endChains(tx, turn.issueId);
        if (status === 'sending') {
          await events.publish(tx, { type: issueFinished, aggregateId: turn.issueId, payload: { issueId: turn.issueId } });
        }
        return;
      }
      const current = await getIssue(tx, turn.issueId);
      if (current.status !== status || current.finishedAt !== null) return;
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
      await settleInterrupted({ database, mail, clock, mailDomain, countOutcome }, issue.id);
      if (issue.status === 'sending') {
        await endTurn(turn, 'sending', await deliverClaimed(issue, turn, signal));
        return;
      }
      const skipped = await skipCancelled(database, issue.id, clock.now(), skipAtOnce);
      outcomes.inc({ outcome: 'skipped' }, skipped);
      await endTurn(turn, 'cancelled', { claimed: Math.min(skipped, batchSize), accepted: 0, isServerDown: false });
    } finally {
      endTimer();
    }
  };
}
