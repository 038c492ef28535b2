import { type Queryable, sql } from '#platform/database';
import type { AbResult, Issue } from '../../distributor-types.ts';
import { issueColumns } from '../issue-store.ts';

const isUndecided = sql`status = 'sending' and ab_test is not null and winner is null`;

/** Tests that are under way, those that are decided next last. */
export function listUndecidedTests(database: Queryable): Promise<Issue[]> {
  return database.query(
    'ab-tests.undecided',
    sql<Issue>`select ${issueColumns} from newsletter_issues where ${isUndecided} order by ab_decide_at nulls first limit 1000`,
  );
}

/**
 * Whether every mail of the test was tried at least once. One that is refused for the time being may be tried for days, and the
 * test does not wait for it. Read in the order of the queue, in which those who wait for the winner come last.
 */
export async function isTestHandedOut(database: Queryable, issueId: string): Promise<boolean> {
  const { untried } = await database.one(
    'ab-tests.is-handed-out',
    sql<{ untried: boolean }>`select exists (
          select 1 from deliveries where issue_id = ${issueId}::uuid and claimed_by is null and attempts = 0
            and next_attempt_at is not null and next_attempt_at < 'infinity')
        or exists (select 1 from deliveries where issue_id = ${issueId}::uuid and claimed_by is not null
                     and next_attempt_at is not null) as untried`,
  );
  return !untried;
}

/** By variant: how many mails of it were accepted, and when the last. */
export async function countSentByVariant(
  database: Queryable,
  issueId: string,
): Promise<ReadonlyMap<number, { readonly sent: number; readonly lastAt: Date }>> {
  const rows = await database.query(
    'ab-tests.count-sent',
    sql<{ variant: number; sent: number; lastAt: Date }>`select variant, count(*) as sent, max(changed_at) as "lastAt" from deliveries
        where issue_id = ${issueId}::uuid and status = 'sent' and variant is not null group by variant`,
  );
  return new Map(rows.map(({ variant, ...figures }) => [variant, figures]));
}

export async function setDecisionTime(tx: Queryable, id: string, at: Date): Promise<void> {
  await tx.execute(
    'ab-tests.set-decision-time',
    sql`update newsletter_issues set ab_decide_at = ${at} where id = ${id}::uuid and ab_decide_at is null`,
  );
}

export function keepResult(tx: Queryable, id: string, result: AbResult): Promise<Issue> {
  return tx.one(
    'ab-tests.keep-result',
    sql<Issue>`update newsletter_issues set winner = ${result.winner}, ab_result = ${JSON.stringify(result)}::jsonb
        where id = ${id}::uuid returning ${issueColumns}`,
  );
}

/** Issues with a winner and readers who wait for it. */
export function listUnreleased(database: Queryable): Promise<{ readonly id: string; readonly winner: number }[]> {
  return database.query(
    'ab-tests.unreleased',
    sql<{ id: string; winner: number }>`select id, winner from newsletter_issues i
        where status in ('sending', 'paused') and winner is not null
          and exists (select 1 from deliveries where issue_id = i.id and claimed_by is null and next_attempt_at = 'infinity' and variant is null)`,
  );
}
