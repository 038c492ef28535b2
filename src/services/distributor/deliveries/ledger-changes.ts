import { type Queryable, sql, type Transaction } from '#platform/database';
import type { ServiceDependencies } from '#platform/service';
import { lockIssue } from '../campaigns/issue-store.ts';
import { chainsPerIssue, deliverBatchJob } from '../distributor-jobs.ts';
import { takeChains, wakeChain } from './chain-store.ts';
import type { BounceClass } from './reply-class.ts';

/**
 * Changes of a ledger that come from elsewhere than its senders. All lock the issue first, as its end does: an issue is never
 * finished over the head of what is being added to it.
 */

type Jobs = Pick<ServiceDependencies, 'jobs'>;
const reopenable: readonly string[] = ['sent', 'sending', 'paused'];

/**
 * Adds these recipients to an issue that has been prepared, each once ever. One that was sent is opened again.
 * @returns how many were new to it
 */
export async function enqueueRecipients(
  dependencies: Jobs,
  tx: Transaction,
  issueId: string,
  subscriberIds: readonly string[],
  at: Date,
): Promise<number> {
  return changeUnderLock(dependencies, tx, issueId, at, () =>
    tx.execute(
      'deliveries.enqueue-some',
      sql`insert into deliveries (issue_id, subscriber_id, status, next_attempt_at, changed_at)
          select ${issueId}::uuid, id, 'queued', ${at}::timestamptz, ${at}::timestamptz from unnest(${subscriberIds}::uuid[]) id
          on conflict (issue_id, subscriber_id) do nothing`,
    ),
  );
}

/** Queues failures again, with all of their time before them. `classes`: of these only; not to addresses that do not exist, unless told. */
export function requeueFailed(
  dependencies: Jobs,
  tx: Transaction,
  issueId: string,
  at: Date,
  classes: readonly BounceClass[] = ['soft', 'policy', 'content', 'transient', 'unknown'],
): Promise<number> {
  return changeUnderLock(dependencies, tx, issueId, at, () =>
    tx.execute(
      'deliveries.requeue-failed',
      sql`update deliveries set status = 'queued', next_attempt_at = ${at}, changed_at = ${at}, attempts = 0, first_tried_at = null,
                 reason = null, failure_class = null
          where issue_id = ${issueId}::uuid and status = 'failed' and coalesce(failure_class, 'unknown') = any(${classes}::text[])`,
    ),
  );
}

/** What a person decided about one delivery, or all (null), of which nobody knows whether it arrived. @returns how many there were */
export function resolveUncertain(
  dependencies: Jobs,
  tx: Transaction,
  issueId: string,
  subscriberId: string | null,
  decision: 'sent' | 'resend' | 'failed',
  at: Date,
): Promise<number> {
  const status = decision === 'resend' ? 'queued' : decision;
  return changeUnderLock(dependencies, tx, issueId, at, () =>
    tx.execute(
      'deliveries.resolve-uncertain',
      sql`update deliveries set status = ${status}, changed_at = ${at}, next_attempt_at = case when ${status} = 'queued' then ${at}::timestamptz end,
                 failure_class = case when ${status} = 'failed' then 'unknown' end
          where issue_id = ${issueId}::uuid and status = 'uncertain'
            and (${subscriberId}::uuid is null or subscriber_id = ${subscriberId}::uuid)`,
    ),
  );
}

/**
 * A provider's event says that these arrived, whatever we thought: what was uncertain, or still under way, is sent. A row that
 * waits to be tried again is sent too; only what failed or was skipped is left as it is.
 * @returns how many changed
 */
export function markSentByEvent(tx: Queryable, issueId: string, subscriberIds: readonly string[], at: Date): Promise<number> {
  return tx.execute(
    'deliveries.mark-sent-by-event',
    sql`update deliveries set status = 'sent', reason = null, claimed_by = null, next_attempt_at = null, failure_class = null, changed_at = ${at}
        where issue_id = ${issueId}::uuid and subscriber_id = any(${subscriberIds}::uuid[])
          and status in ('queued', 'claimed', 'sending', 'uncertain')
          and (status in ('sending', 'uncertain') or attempts > 0)`,
  );
}

async function changeUnderLock({ jobs }: Jobs, tx: Transaction, issueId: string, at: Date, change: () => Promise<number>): Promise<number> {
  const issue = await lockIssue(tx, issueId);
  if (!reopenable.includes(issue.status)) return 0;
  const changed = await change();
  if (changed === 0 || issue.status === 'paused') return changed;
  const wasSent = issue.status === 'sent';
  if (wasSent && !(await reopenIssue(tx, issueId))) return changed;
  const turns = wasSent ? await takeChains(tx, issueId, chainsFor(changed), at) : await wakeChain(tx, issueId, at);
  for (const turn of turns) await jobs.send(tx, deliverBatchJob, { ...turn, outages: 0 });
  return changed;
}

const chainsFor = (deliveries: number) => Math.min(chainsPerIssue, Math.ceil(deliveries / 250));

/** Only where something of it is open again. */
async function reopenIssue(tx: Queryable, issueId: string): Promise<boolean> {
  const count = await tx.execute(
    'issues.reopen',
    sql`update newsletter_issues set status = 'sending', finished_at = null where id = ${issueId}::uuid and status = 'sent'
          and exists (select 1 from deliveries where issue_id = ${issueId}::uuid and next_attempt_at is not null)`,
  );
  return count > 0;
}
