import { type Database, type Queryable, type RawBuilder, sql } from '#platform/database';
import type { AudienceRow, DeliveryCounts } from '../distributor-types.ts';
import type { BounceClass } from './reply-class.ts';

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
 * `next_attempt_at` says when an open row is looked at next; what is done with has none.
 */
export type DeliveryStatus = 'queued' | 'claimed' | 'sending' | 'sent' | 'failed' | 'skipped' | 'uncertain';

/** Whether anything of the issue is still to be done. */
export const hasOpenDeliveries = (issueId: string) =>
  sql<boolean>`exists (select 1 from deliveries where issue_id = ${issueId}::uuid and next_attempt_at is not null)`;

/** A row is at most 300 bytes. Longer names of hosts are rare, and reports are about those that many have. */
const maxHostLength = 50;

const partitionOf = (issueId: string) => `deliveries_${issueId.replaceAll('-', '')}`;

/** Creates the issue's partition. Empty, it says nothing; so it need not be in the transaction that fills it. */
export async function createPartition(database: Database, issueId: string): Promise<void> {
  const name = partitionOf(issueId);
  await database.transaction(async (tx) => {
    await tx.execute('deliveries.lock-partition', sql`select pg_advisory_xact_lock(hashtextextended(${name}, 0))`);
    const existing = await tx.one('deliveries.find-partition', sql<{ oid: string | null }>`select to_regclass(${name})::text as oid`);
    if (existing.oid !== null) return;
    // `create … partition of` would stop every other issue's deliveries for a moment; attaching does not. A row is written four
    // times within seconds: with room for it on its page, the table hardly grows. Vacuum comes by often enough that the queue's
    // end is not searched for among what has left it, and no more often.
    await tx.execute(
      'deliveries.create-partition',
      sql`create table ${sql.id(name)} (like deliveries including defaults including constraints including indexes)
          with (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.2, autovacuum_vacuum_threshold = 20000,
                autovacuum_vacuum_insert_scale_factor = 1, autovacuum_analyze_scale_factor = 0.5)`,
    );
    await tx.execute(
      'deliveries.attach-partition',
      sql`alter table deliveries attach partition ${sql.id(name)} for values in (${sql.lit(issueId)})`,
    );
  });
}

export type EnqueueOptions = {
  /** When each may go out: an expression over the columns of AudienceRow as `audience`; `'infinity'` for not yet. At once, unless given. */
  readonly sendAt?: RawBuilder<Date>;
  /** Which variant each gets, by the same columns; null for not known yet. 0 unless given. */
  readonly variant?: RawBuilder<number | null>;
  /** Whether readers who want mail weekly or monthly are spared when another issue reached them lately. True unless told. */
  readonly isCapped?: boolean;
};

/**
 * For `Audience.enqueueAudience`: a row for each of the audience, once. Whom a campaign reached within 6 (weekly) or 27 days
 * (monthly), or is about to reach, is skipped for the sake of the frequency that they chose; the ledger says so.
 */
export function enqueueStatement(
  issueId: string,
  at: Date,
  { sendAt, variant, isCapped = true }: EnqueueOptions = {},
): (audience: RawBuilder<AudienceRow>) => RawBuilder<unknown> {
  const wasReached = sql<boolean>`audience.frequency <> 'all' and exists (
    select 1 from newsletter_issues other join deliveries d on d.issue_id = other.id and d.subscriber_id = audience.id
    where other.id <> ${issueId}::uuid and other.kind <> 'sequence_step' and other.started_at is not null
      and (other.finished_at is null or other.finished_at > ${at}::timestamptz - interval '27 days')
      and d.status not in ('failed', 'skipped')
      and d.changed_at > ${at}::timestamptz - case audience.frequency when 'weekly' then interval '6 days' else interval '27 days' end)`;
  const isSpared = isCapped ? wasReached : sql<boolean>`false`;
  return (audience) => sql`insert into deliveries (issue_id, subscriber_id, mail_host, status, reason, variant, next_attempt_at, changed_at)
    select ${issueId}::uuid, id, host, case when is_spared then 'skipped' else 'queued' end, case when is_spared then 'frequency' end, variant,
           case when not is_spared then send_at end, ${at}::timestamptz
    from (select audience.id, left(audience.host, ${maxHostLength}) as host, ${isSpared} as is_spared, ${variant ?? sql`0`} as variant,
                 ${sendAt ?? sql`${at}`}::timestamptz as send_at from (${audience}) audience
          -- Keeps what is planned from being worked out once for every use of it.
          offset 0) planned
    on conflict (issue_id, subscriber_id) do nothing`;
}

/** Without it the planner takes a partition of a million rows for one of a thousand until autovacuum comes by. */
export async function analysePartition(database: Queryable, issueId: string): Promise<void> {
  await database.execute('deliveries.analyse', sql`analyze ${sql.id(partitionOf(issueId))}`);
}

/**
 * Moves up to `limit` of those who wait for a winner (enqueued with no variant, for `'infinity'`) into the queue.
 * @returns how many; 0 when none waits any more
 */
export function releaseToWinner(database: Queryable, issueId: string, variant: number, limit: number): Promise<number> {
  return database.execute(
    'deliveries.release-to-winner',
    sql`with waiting as materialized (
          select subscriber_id from deliveries
          where issue_id = ${issueId}::uuid and claimed_by is null and next_attempt_at = 'infinity' and variant is null
          order by claimed_by, next_attempt_at, subscriber_id limit ${limit} for update skip locked
        )
        update deliveries d set variant = ${variant}, next_attempt_at = d.changed_at
        where d.issue_id = ${issueId}::uuid and d.subscriber_id = any(array(select subscriber_id from waiting))`,
  );
}

const sumOf = (status: DeliveryStatus) => sql`coalesce(sum(${sql.ref(status)}), 0)::int as ${sql.ref(status)}`;
const sums = sql.join((['queued', 'claimed', 'sending', 'sent', 'failed', 'skipped', 'uncertain'] as const).map(sumOf));

/** Exact, and as fast for a million as for one: a trigger counts with every change. */
export async function countDeliveries(database: Queryable, issueId: string): Promise<DeliveryCounts> {
  const counts = await database.one(
    'deliveries.count',
    sql<Omit<DeliveryCounts, 'total'>>`select ${sums} from delivery_counts where issue_id = ${issueId}::uuid`,
  );
  return { total: Object.values(counts).reduce((total, count) => total + count, 0), ...counts };
}

export async function countSent(database: Queryable): Promise<number> {
  const row = await database.one(
    'deliveries.count-sent',
    sql<{ count: number }>`select coalesce(sum(sent), 0) as count from delivery_counts`,
  );
  return row.count;
}

export type DeliveryRow = {
  readonly subscriberId: string;
  readonly status: DeliveryStatus;
  readonly attempts: number;
  readonly reason: string | null;
  readonly failureClass: BounceClass | null;
  readonly variant: number | null;
  readonly changedAt: Date;
  readonly nextAttemptAt: Date | null;
};

/** Whether the subscriber is among the recipients of the issue. */
export async function hasDelivery(database: Queryable, issueId: string, subscriberId: string): Promise<boolean> {
  const { found } = await database.one<{ found: boolean }>(
    'deliveries.has',
    sql`select exists (select 1 from deliveries where issue_id = ${issueId}::uuid and subscriber_id = ${subscriberId}::uuid) as found`,
  );
  return found;
}

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
    sql<DeliveryRow>`select subscriber_id as "subscriberId", status, attempts, reason, failure_class as "failureClass", variant,
               changed_at as "changedAt", case when status = 'queued' then nullif(next_attempt_at, 'infinity') end as "nextAttemptAt"
        from deliveries
        where issue_id = ${issueId}::uuid and (${status ?? null}::text is null or status = ${status ?? null})
          and (${after ?? null}::uuid is null or subscriber_id > ${after ?? null}::uuid)
        order by subscriber_id limit ${limit + 1}`,
  );
}
