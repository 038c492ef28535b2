import type pg from 'pg';
import { type ErrorSummary, summariseError } from './error-summary.ts';

/** A statement's text with `$1`, `$2` … where its parameters stood. The parameters themselves are never given to the monitor. */
export type StatementText = { readonly text: string; readonly parameterCount: number };

export type PlanReading = { readonly plan: string } | { readonly failure: ErrorSummary };

type WithClient = <T>(name: string, work: (client: pg.PoolClient) => Promise<T>) => Promise<T>;

const planTimeoutMs = 2000;
const lockTimeoutMs = 500;
const maxPlanLength = 8000;
const leadingNoise = /^(\s+|--[^\n]*(\n|$)|\/\*[\s\S]*?\*\/)*/;
const plannable = /^(select|insert|update|delete|merge|with|values)\b/i;

/** Whether EXPLAIN takes the statement. */
export function isPlannable({ text }: StatementText): boolean {
  return plannable.test(text.replace(leadingNoise, ''));
}

/**
 * The plan of the statement, which is not run. The generic one: EXPLAIN shows the constants that a plan compares with, and a plan
 * made for the parameters would carry them into the log; here `$1` stands in their place. It is what the server itself uses for
 * a prepared statement after five runs; where values are spread unevenly, the slow run may have had another one.
 *
 * Read in a transaction of its own that can write nothing, on a connection of its own: the one that was slow may be in a failed
 * transaction. Planning takes a table's weakest lock, for which it does not wait long.
 */
export function readGenericPlan(withClient: WithClient, { text, parameterCount }: StatementText): Promise<PlanReading> {
  return withClient<PlanReading>('monitor.explain', async (client) => {
    await client.query(`begin read only; set local statement_timeout = ${planTimeoutMs}; set local lock_timeout = ${lockTimeoutMs}`);
    try {
      const explain = `explain (generic_plan) ${text}`;
      // With parameters the text has been run by the extended protocol, so it is one statement; but there EXPLAIN would ask for
      // their values, so it goes by the simple one. Without, it may be several, of which the simple protocol would run the others.
      const query = parameterCount > 0 ? { text: explain } : { text: explain, queryMode: 'extended' as const };
      const { rows } = await client.query<{ 'QUERY PLAN': string }>(query);
      const plan = rows.map((row) => row['QUERY PLAN']).join('\n');
      return { plan: plan.length > maxPlanLength ? `${plan.slice(0, maxPlanLength)}…` : plan };
    } catch (error) {
      return { failure: summariseError(error) };
    } finally {
      await client.query('rollback');
    }
  });
}
