import { type Database, type Queryable, type RawBuilder, sql } from '#platform/database';
import type { DeliveryCounts } from '../distributor-types.ts';

/**
 * One row a recipient of an issue.
 *
 *   queued ──claim──▶ claimed ──mark──▶ sending ──▶ sent | failed | uncertain
 *     ▲  ▲               │                 │
 *     │  └── released ───┘                 │   (also skipped, from queued and claimed)
 *     └───── try again, or surely absent ──┘
 *
 * `sending` is committed before the message leaves: a crash later leaves a row of which nobody here knows whether it arrived.
 * Claims have a lease. When it ends, `claimed` is queued again; `sending` is asked about at the mail server, never resent blindly.
 */
export type DeliveryStatus = 'queued' | 'claimed' | 'sending' | 'sent' | 'failed' | 'skipped' | 'uncertain';

// Each as its partial index has it.
const isQueued = sql`status = 'queued'`;
const isUnderWay = sql`status in ('claimed', 'sending')`;

/** Whether anything of the issue is still to be done. */
export const hasOpenDeliveries = (issueId: string) => sql<boolean>`(
  exists (select 1 from deliveries where issue_id = ${issueId}::uuid and ${isQueued})
  or exists (select 1 from deliveries where issue_id = ${issueId}::uuid and ${isUnderWay}))`;

const partitionOf = (issueId: string) => `deliveries_${issueId.replaceAll('-', '')}`;

/** Creates the issue's partition. Empty, it says nothing; so it need not be in the transaction that fills it. */
export async function createPartition(database: Database, issueId: string): Promise<void> {
  const name = partitionOf(issueId);
  await database.transaction(async (tx) => {
    await tx.execute('deliveries.lock-partition', sql`select pg_advisory_xact_lock(hashtextextended(${name}, 0))`);
    const existing = await tx.one('deliveries.find-partition', sql<{ oid: string | null }>`select to_regclass(${name})::text as oid`);
    if (existing.oid !== null) return;
    // `create … partition of` would stop every other issue's deliveries for a moment; attaching does not.
    await tx.execute(
      'deliveries.create-partition',
      sql`create table ${sql.id(name)} (like deliveries including defaults including constraints including indexes)`,
    );
    await tx.execute(
      'deliveries.attach-partition',
      sql`alter table deliveries attach partition ${sql.id(name)} for values in (${sql.lit(issueId)})`,
    );
  });
}

/** For `Audience.enqueueAudience`: a row for each of the audience, once. */
export function enqueueStatement(issueId: string, at: Date): (audience: RawBuilder<{ id: string }>) => RawBuilder<unknown> {
  return (audience) => sql`insert into deliveries (issue_id, subscriber_id, status, changed_at)
    select ${issueId}::uuid, audience.id, 'queued', ${at}::timestamptz from (${audience}) audience
    on conflict (issue_id, subscriber_id) do nothing`;
}

/** Without it the planner takes a partition of a million rows for one of a thousand until autovacuum comes by. */
export async function analysePartition(database: Queryable, issueId: string): Promise<void> {
  await database.execute('deliveries.analyse', sql`analyze ${sql.id(partitionOf(issueId))}`);
}

export type Claim = { readonly issueId: string; readonly claimedBy: string; readonly leaseUntil: Date; readonly now: Date };
export type ClaimedDelivery = { readonly subscriberId: string; readonly attempts: number };

/** Nothing is claimed of an issue that is paused or cancelled. */
export function claimDeliveries(database: Queryable, claim: Claim, limit: number): Promise<ClaimedDelivery[]> {
  const { issueId, claimedBy, leaseUntil, now } = claim;
  return database.query(
    'deliveries.claim',
    sql<ClaimedDelivery>`with due as materialized (
          select subscriber_id from deliveries
          where issue_id = ${issueId}::uuid and ${isQueued} and (next_attempt_at is null or next_attempt_at <= ${now})
            and exists (select 1 from newsletter_issues where id = ${issueId}::uuid and status = 'sending')
          order by next_attempt_at nulls first, subscriber_id limit ${limit} for update skip locked
        )
        update deliveries d set status = 'claimed', claimed_by = ${claimedBy}, lease_until = ${leaseUntil}, changed_at = ${now}
        where d.issue_id = ${issueId}::uuid and d.subscriber_id = any(array(select subscriber_id from due))
        returning d.subscriber_id as "subscriberId", d.attempts`,
  );
}

/** What becomes of a delivery. `tries` says how many handings-over count against it. */
export type Transition = {
  readonly subscriberId: string;
  readonly status: Exclude<DeliveryStatus, 'claimed'>;
  readonly tries: 0 | 1;
  readonly reason: string | null;
  readonly nextAttemptAt: Date | null;
};

/**
 * Moves deliveries of one claim; returns those that moved. `sending` needs the claim and an issue that is not paused or
 * cancelled; marked already by this claim, it moves again, as after a commit whose answer was lost. `sent` is a fact and
 * holds even where the claim was lost meanwhile; everything else needs the claim.
 */
export function moveDeliveries(
  database: Queryable,
  claim: Claim,
  transitions: readonly Transition[],
): Promise<{ subscriberId: string; status: DeliveryStatus }[]> {
  const { issueId, claimedBy, leaseUntil, now } = claim;
  const ids = transitions.map(({ subscriberId }) => subscriberId);
  return database.query(
    'deliveries.move',
    sql<{ subscriberId: string; status: DeliveryStatus }>`
      update deliveries d
      set status = u.status, attempts = d.attempts + u.tries, reason = u.reason, next_attempt_at = u.next_attempt_at, changed_at = ${now},
          claimed_by = case when u.status = 'sending' then d.claimed_by end,
          lease_until = case when u.status = 'sending' then ${leaseUntil}::timestamptz end
      from unnest(${ids}::uuid[], ${transitions.map((t) => t.status)}::text[],
                  ${transitions.map((t) => t.tries)}::smallint[], ${transitions.map((t) => t.reason)}::text[],
                  ${transitions.map((t) => t.nextAttemptAt)}::timestamptz[]) as u (subscriber_id, status, tries, reason, next_attempt_at)
      where d.issue_id = ${issueId}::uuid and d.subscriber_id = u.subscriber_id and d.subscriber_id = any(${ids}::uuid[])
        and case u.status
              when 'sending' then d.status in ('claimed', 'sending') and d.claimed_by = ${claimedBy}
                and exists (select 1 from newsletter_issues where id = ${issueId}::uuid and status = 'sending')
              when 'sent' then d.status in ('queued', 'claimed', 'sending', 'uncertain')
              else d.status in ('claimed', 'sending') and d.claimed_by = ${claimedBy}
            end
      returning d.subscriber_id as "subscriberId", d.status`,
  );
}

/** What was claimed and not handed over is free again. */
export async function releaseClaim(database: Queryable, { issueId, claimedBy, now }: Claim): Promise<number> {
  return database.execute(
    'deliveries.release',
    sql`update deliveries set status = 'queued', claimed_by = null, lease_until = null, changed_at = ${now}
        where issue_id = ${issueId}::uuid and ${isUnderWay} and status = 'claimed' and claimed_by = ${claimedBy}`,
  );
}

export async function renewLease(database: Queryable, { issueId, claimedBy, leaseUntil }: Claim): Promise<void> {
  await database.execute(
    'deliveries.renew-lease',
    sql`update deliveries set lease_until = ${leaseUntil}
        where issue_id = ${issueId}::uuid and ${isUnderWay} and claimed_by = ${claimedBy}`,
  );
}

export async function releaseExpiredClaims(database: Queryable, issueId: string, now: Date): Promise<number> {
  return database.execute(
    'deliveries.release-expired',
    sql`update deliveries set status = 'queued', claimed_by = null, lease_until = null, changed_at = ${now}
        where issue_id = ${issueId}::uuid and ${isUnderWay} and status = 'claimed' and lease_until < ${now}`,
  );
}

export type InterruptedDelivery = { readonly subscriberId: string; readonly attempts: number; readonly handedOverAt: Date };

/** Takes over deliveries whose worker ended while they were under way. `changed_at` stays: it says when they were handed over. */
export function claimInterrupted(database: Queryable, claim: Claim, limit: number): Promise<InterruptedDelivery[]> {
  const { issueId, claimedBy, leaseUntil, now } = claim;
  return database.query(
    'deliveries.claim-interrupted',
    sql<InterruptedDelivery>`with interrupted as materialized (
          select subscriber_id from deliveries
          where issue_id = ${issueId}::uuid and ${isUnderWay} and status = 'sending' and lease_until < ${now}
          order by lease_until limit ${limit} for update skip locked
        )
        update deliveries d set claimed_by = ${claimedBy}, lease_until = ${leaseUntil}
        where d.issue_id = ${issueId}::uuid and d.subscriber_id = any(array(select subscriber_id from interrupted))
        returning d.subscriber_id as "subscriberId", d.attempts, d.changed_at as "handedOverAt"`,
  );
}

/** Skips a part of what a cancelled issue still has; returns how many. */
export async function skipCancelled(database: Queryable, issueId: string, now: Date, limit: number): Promise<number> {
  return database.execute(
    'deliveries.skip-cancelled',
    sql`with queued as materialized (
          select subscriber_id from deliveries where issue_id = ${issueId}::uuid and ${isQueued}
          order by next_attempt_at nulls first, subscriber_id limit ${limit} for update skip locked
        ), claimed as materialized (
          select subscriber_id from deliveries where issue_id = ${issueId}::uuid and ${isUnderWay} and status = 'claimed'
          limit ${limit} for update skip locked
        )
        update deliveries d
        set status = 'skipped', reason = 'cancelled', claimed_by = null, lease_until = null, next_attempt_at = null, changed_at = ${now}
        where d.issue_id = ${issueId}::uuid
          and d.subscriber_id = any(array(select subscriber_id from queued union all select subscriber_id from claimed))`,
  );
}

/** When the next of the open deliveries can be gone on with; undefined when none is open. `now` for what can be taken at once. */
export async function nextDueAt(database: Queryable, issueId: string, now: Date): Promise<Date | undefined> {
  const row = await database.one(
    'deliveries.next-due',
    sql<{ due: Date | null }>`select least(
          (select coalesce(next_attempt_at, ${now}) from deliveries where issue_id = ${issueId}::uuid and ${isQueued}
           order by next_attempt_at nulls first limit 1),
          (select min(lease_until) from deliveries where issue_id = ${issueId}::uuid and ${isUnderWay})) as due`,
  );
  return row.due ?? undefined;
}

export async function countDeliveries(database: Queryable, issueId: string): Promise<DeliveryCounts> {
  const rows = await database.query(
    'deliveries.count',
    sql<{ status: DeliveryStatus; count: number }>`select status, count(*) as count from deliveries
        where issue_id = ${issueId}::uuid group by status`,
  );
  const counts = { queued: 0, claimed: 0, sending: 0, sent: 0, failed: 0, skipped: 0, uncertain: 0 };
  for (const { status, count } of rows) counts[status] = count;
  return { total: rows.reduce((total, { count }) => total + count, 0), ...counts };
}

export async function countSent(database: Queryable): Promise<number> {
  const row = await database.one(
    'deliveries.count-sent',
    sql<{ count: number }>`select count(*) as count from deliveries where status = 'sent'`,
  );
  return row.count;
}

export type DeliveryRow = {
  readonly subscriberId: string;
  readonly status: DeliveryStatus;
  readonly attempts: number;
  readonly reason: string | null;
  readonly changedAt: Date;
  readonly nextAttemptAt: Date | null;
};

/** By subscriber id; one row more than `limit`, by which a further page is known. */
export function listDeliveries(
  database: Queryable,
  filter: {
    readonly issueId: string;
    readonly status?: DeliveryStatus | undefined;
    readonly after?: string | undefined;
    readonly limit: number;
  },
): Promise<DeliveryRow[]> {
  const { issueId, status, after, limit } = filter;
  return database.query(
    'deliveries.list',
    sql<DeliveryRow>`select subscriber_id as "subscriberId", status, attempts, reason, changed_at as "changedAt", next_attempt_at as "nextAttemptAt"
        from deliveries
        where issue_id = ${issueId}::uuid and (${status ?? null}::text is null or status = ${status ?? null})
          and (${after ?? null}::uuid is null or subscriber_id > ${after ?? null}::uuid)
        order by subscriber_id limit ${limit + 1}`,
  );
}
