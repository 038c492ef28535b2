import { type Queryable, sql } from '#platform/database';

export type Turn = { readonly issueId: string; readonly chain: number; readonly turn: number };

const columns = sql`issue_id as "issueId", chain, turn`;

/** Begins the first `count` chains of the issue, or takes them over from whatever job they had. */
export function takeChains(tx: Queryable, issueId: string, count: number, at: Date): Promise<Turn[]> {
  return tx.query(
    'chains.take',
    sql<Turn>`insert into delivery_chains (issue_id, chain, turn, alive_at)
        select ${issueId}::uuid, chain, 1, ${at} from generate_series(0, ${count - 1}::int) chain
        on conflict (issue_id, chain) do update set turn = delivery_chains.turn + 1, alive_at = excluded.alive_at
        returning ${columns}`,
  );
}

export async function isCurrentTurn(database: Queryable, { issueId, chain, turn }: Turn): Promise<boolean> {
  const row = await database.maybeOne(
    'chains.check',
    sql<object>`select 1 from delivery_chains where issue_id = ${issueId}::uuid and chain = ${chain} and turn = ${turn}`,
  );
  return row !== undefined;
}

/** Takes over the first chain where it rests until later than `at`: something came that need not wait. */
export function wakeChain(tx: Queryable, issueId: string, at: Date): Promise<Turn[]> {
  return tx.query(
    'chains.wake',
    sql<Turn>`update delivery_chains set turn = turn + 1, alive_at = ${at}
        where issue_id = ${issueId}::uuid and chain = 0 and alive_at > ${at}::timestamptz + interval '1 second' returning ${columns}`,
  );
}

/** Undefined when the turn is over already: another run of the same job, or a newer one, went on. */
export function nextTurn(tx: Queryable, { issueId, chain, turn }: Turn, startsAt: Date): Promise<Turn | undefined> {
  return tx.maybeOne(
    'chains.next',
    sql<Turn>`update delivery_chains set turn = turn + 1, alive_at = ${startsAt}
        where issue_id = ${issueId}::uuid and chain = ${chain} and turn = ${turn} returning ${columns}`,
  );
}

export async function markAlive(database: Queryable, { issueId, chain, turn }: Turn, at: Date): Promise<void> {
  await database.execute(
    'chains.mark-alive',
    sql`update delivery_chains set alive_at = ${at} where issue_id = ${issueId}::uuid and chain = ${chain} and turn = ${turn}`,
  );
}

/** Takes over the chains of unfinished issues that have been silent since `cutoff`. */
export function takeSilentChains(tx: Queryable, cutoff: Date, at: Date): Promise<Turn[]> {
  return tx.query(
    'chains.take-silent',
    sql<Turn>`with silent as (
          select c.issue_id, c.chain from delivery_chains c join newsletter_issues i on i.id = c.issue_id
          where c.alive_at < ${cutoff}
            and (i.status = 'sending' or (i.status = 'cancelled' and i.finished_at is null and c.chain = 0))
          limit 1000 for update of c skip locked
        )
        update delivery_chains c set turn = turn + 1, alive_at = ${at}
        from silent where c.issue_id = silent.issue_id and c.chain = silent.chain
        returning c.issue_id as "issueId", c.chain, c.turn`,
  );
}

export async function endChains(tx: Queryable, issueId: string): Promise<void> {
  await tx.execute('chains.end', sql`delete from delivery_chains where issue_id = ${issueId}::uuid`);
}
