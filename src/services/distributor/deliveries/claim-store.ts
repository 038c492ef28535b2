import { type Queryable, sql } from '#platform/database';
import type { DeliveryStatus } from './delivery-store.ts';
import type { BounceClass } from './reply-class.ts';

// Each as the index of open deliveries has it: the queue is where nobody has a claim.
const isQueued = sql`claimed_by is null and next_attempt_at is not null`;
const isUnderWay = sql`claimed_by is not null and next_attempt_at is not null`;
const inQueueOrder = sql`claimed_by, next_attempt_at, subscriber_id`;

export type Claim = { readonly issueId: string; readonly claimedBy: string; readonly leaseUntil: Date; readonly now: Date };
export type ClaimedDelivery = {
  readonly subscriberId: string;
  readonly attempts: number;
  readonly firstTriedAt: Date | null;
  readonly variant: number;
};

/** A place in the queue: what stands before it was claimed by this process a moment ago, and is dead weight to walk over again. */
export type QueuePosition = { readonly at: Date; readonly subscriberId: string };
export const queueStart: QueuePosition = { at: new Date(0), subscriberId: '00000000-0000-0000-0000-000000000000' };

/**
 * Claims what is due, behind a place in the queue, which is a hint only: what comes back to the queue before it is found from
 * the start again. Nothing is claimed of an issue that is paused or cancelled.
 */
export async function claimDeliveries(
  database: Queryable,
  claim: Claim,
  limit: number,
  after: QueuePosition = queueStart,
): Promise<{ claimed: ClaimedDelivery[]; last: QueuePosition }> {
  const { issueId, claimedBy, leaseUntil, now } = claim;
  const rows = await database.query(
    'deliveries.claim',
    sql<ClaimedDelivery & { queuedFor: Date }>`with due as materialized (
          select subscriber_id from deliveries
          where issue_id = ${issueId}::uuid and ${isQueued} and next_attempt_at <= ${now}
            and (next_attempt_at, subscriber_id) > (${after.at}::timestamptz, ${after.subscriberId}::uuid)
            and exists (select 1 from newsletter_issues where id = ${issueId}::uuid and status = 'sending')
          order by ${inQueueOrder} limit ${limit} for update skip locked
        )
        update deliveries d set status = 'claimed', claimed_by = ${claimedBy}::uuid, next_attempt_at = ${leaseUntil}, changed_at = ${now}
        where d.issue_id = ${issueId}::uuid and d.subscriber_id = any(array(select subscriber_id from due))
        returning d.subscriber_id as "subscriberId", d.attempts, d.first_tried_at as "firstTriedAt", coalesce(d.variant, 0) as variant,
                  old.next_attempt_at as "queuedFor"`,
  );
  let last = after;
  for (const { queuedFor, subscriberId } of rows) {
    if (queuedFor > last.at || (queuedFor.getTime() === last.at.getTime() && subscriberId > last.subscriberId)) {
      last = { at: queuedFor, subscriberId };
    }
  }
  return { claimed: rows, last };
}

/** What becomes of a delivery. `tries` says how many handings-over count against it. */
export type Transition = {
  readonly subscriberId: string;
  readonly status: Exclude<DeliveryStatus, 'claimed'>;
  readonly tries: 0 | 1;
  readonly reason: string | null;
  readonly failureClass: BounceClass | null;
  /** Of what is queued again. */
  readonly nextAttemptAt: Date | null;
};

export type Moved = { readonly subscriberId: string; readonly status: DeliveryStatus };

/**
 * Moves deliveries of one claim; returns those that moved. `sending` needs the claim and an issue that is not paused or
 * cancelled; marked already by this claim, it moves again, as after a commit whose answer was lost. `sent` is a fact and
 * holds even where the claim was lost meanwhile; everything else needs the claim.
 */
export function moveDeliveries(database: Queryable, claim: Claim, transitions: readonly Transition[]): Promise<Moved[]> {
  const { issueId, claimedBy, now } = claim;
  const ids = transitions.map(({ subscriberId }) => subscriberId);
  return database.query(
    'deliveries.move',
    sql<Moved>`
      update deliveries d
      set status = u.status, attempts = d.attempts + u.tries, reason = u.reason, failure_class = u.failure_class, changed_at = ${now},
          first_tried_at = case when u.status = 'queued' and u.tries > 0 then coalesce(d.first_tried_at, ${now}) else d.first_tried_at end,
          claimed_by = case when u.status = 'sending' then d.claimed_by end,
          next_attempt_at = case u.status when 'sending' then d.next_attempt_at when 'queued' then coalesce(u.next_attempt_at, ${now}) end
      from unnest(${ids}::uuid[], ${transitions.map((t) => t.status)}::text[],
                  ${transitions.map((t) => t.tries)}::smallint[], ${transitions.map((t) => t.reason)}::text[],
                  ${transitions.map((t) => t.failureClass)}::text[], ${transitions.map((t) => t.nextAttemptAt)}::timestamptz[])
           as u (subscriber_id, status, tries, reason, failure_class, next_attempt_at)
      where d.issue_id = ${issueId}::uuid and d.subscriber_id = u.subscriber_id and d.subscriber_id = any(${ids}::uuid[])
        and case u.status
              when 'sending' then d.status in ('claimed', 'sending') and d.claimed_by = ${claimedBy}::uuid
                and exists (select 1 from newsletter_issues where id = ${issueId}::uuid and status = 'sending')
              when 'sent' then d.status in ('queued', 'claimed', 'sending', 'uncertain')
              else d.status in ('claimed', 'sending') and d.claimed_by = ${claimedBy}::uuid
            end
      returning d.subscriber_id as "subscriberId", d.status`,
  );
}

/** What was claimed and not handed over is free again. */
export async function releaseClaim(database: Queryable, { issueId, claimedBy, now }: Claim): Promise<number> {
  return database.execute(
    'deliveries.release',
    sql`update deliveries set status = 'queued', claimed_by = null, next_attempt_at = ${now}, changed_at = ${now}
        where issue_id = ${issueId}::uuid and ${isUnderWay} and claimed_by = ${claimedBy}::uuid and status = 'claimed'`,
  );
}

/** Renews the claim of what is under way where its lease ends before `endingBefore`. */
export async function renewLease(database: Queryable, claim: Claim, endingBefore: Date): Promise<void> {
  const { issueId, claimedBy, leaseUntil } = claim;
  await database.execute(
    'deliveries.renew-lease',
    sql`update deliveries set next_attempt_at = ${leaseUntil}
        where issue_id = ${issueId}::uuid and ${isUnderWay} and claimed_by = ${claimedBy}::uuid and next_attempt_at < ${endingBefore}`,
  );
}

export async function releaseExpiredClaims(database: Queryable, issueId: string, now: Date): Promise<number> {
  return database.execute(
    'deliveries.release-expired',
    sql`update deliveries set status = 'queued', claimed_by = null, next_attempt_at = ${now}, changed_at = ${now}
        where issue_id = ${issueId}::uuid and ${isUnderWay} and next_attempt_at < ${now} and status = 'claimed'`,
  );
}

export type InterruptedDelivery = {
  readonly subscriberId: string;
  readonly attempts: number;
  readonly firstTriedAt: Date | null;
  readonly handedOverAt: Date;
};

/** Takes over deliveries whose worker ended while they were under way. `changed_at` stays: it says when they were handed over. */
export function claimInterrupted(database: Queryable, claim: Claim, limit: number): Promise<InterruptedDelivery[]> {
  const { issueId, claimedBy, leaseUntil, now } = claim;
  return database.query(
    'deliveries.claim-interrupted',
    sql<InterruptedDelivery>`with interrupted as materialized (
          select subscriber_id from deliveries
          where issue_id = ${issueId}::uuid and ${isUnderWay} and next_attempt_at < ${now} and status = 'sending'
          limit ${limit} for update skip locked
        )
        update deliveries d set claimed_by = ${claimedBy}::uuid, next_attempt_at = ${leaseUntil}
        where d.issue_id = ${issueId}::uuid and d.subscriber_id = any(array(select subscriber_id from interrupted))
        returning d.subscriber_id as "subscriberId", d.attempts, d.first_tried_at as "firstTriedAt", d.changed_at as "handedOverAt"`,
  );
}

/** Skips a part of what a cancelled issue still has; returns how many. */
export async function skipCancelled(database: Queryable, issueId: string, now: Date, limit: number): Promise<number> {
  return database.execute(
    'deliveries.skip-cancelled',
    sql`with queued as materialized (
          select subscriber_id from deliveries where issue_id = ${issueId}::uuid and ${isQueued}
          order by ${inQueueOrder} limit ${limit} for update skip locked
        ), claimed as materialized (
          select subscriber_id from deliveries where issue_id = ${issueId}::uuid and ${isUnderWay} and status = 'claimed'
          limit ${limit} for update skip locked
        )
        update deliveries d
        set status = 'skipped', reason = 'cancelled', claimed_by = null, next_attempt_at = null, changed_at = ${now}
        where d.issue_id = ${issueId}::uuid
          and d.subscriber_id = any(array(select subscriber_id from queued union all select subscriber_id from claimed))`,
  );
}

/** When the next of the open deliveries can be gone on with, `latest` at the latest; undefined when none is open. */
export async function nextDueAt(database: Queryable, issueId: string, latest: Date): Promise<Date | undefined> {
  const row = await database.one(
    'deliveries.next-due',
    sql<{ due: Date | null }>`select case when due is not null then least(due, ${latest}) end as due
        from (select least(
          (select next_attempt_at from deliveries where issue_id = ${issueId}::uuid and ${isQueued} order by ${inQueueOrder} limit 1),
          (select min(next_attempt_at) from deliveries where issue_id = ${issueId}::uuid and ${isUnderWay})) as due) open`,
  );
  return row.due ?? undefined;
}
