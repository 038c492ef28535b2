import { type Database, type Queryable, type RawBuilder, sql } from '#platform/database';

type PlanNode = {
  readonly 'Node Type': string;
  readonly 'Relation Name'?: string;
  readonly 'Index Name'?: string;
  readonly Plans?: readonly PlanNode[];
};

export type PlanStep = {
  readonly statement: string;
  readonly type: string;
  readonly table: string | undefined;
  readonly index: string | undefined;
};

function listSteps(statement: string, node: PlanNode): PlanStep[] {
  const step = { statement, type: node['Node Type'], table: node['Relation Name'], index: node['Index Name'] };
  return [step, ...(node.Plans ?? []).flatMap((part) => listSteps(statement, part))];
}

/**
 * The steps of the plans of all statements that `run` sends. Nothing is run: every statement gives no rows. The tables must hold
 * enough rows, and be analysed, for the plans to be those of a long list.
 */
export async function readPlans(database: Database, run: (planner: Queryable) => Promise<unknown>): Promise<PlanStep[]> {
  const steps: PlanStep[] = [];
  async function explain(name: string, statement: RawBuilder<unknown>): Promise<void> {
    const row = await database.one(
      'test.explain',
      sql<{ 'QUERY PLAN': readonly [{ readonly Plan: PlanNode }] }>`explain (format json) ${statement}`,
    );
    steps.push(...listSteps(name, row['QUERY PLAN'][0].Plan));
  }
  await run({
    query: (name, statement) => explain(name, statement).then(() => []),
    maybeOne: (name, statement) => explain(name, statement).then(() => undefined),
    one: () => Promise.reject(new Error('A statement that must give a row cannot be planned only.')),
    execute: (name, statement) => explain(name, statement).then(() => 0),
  });
  return steps;
}

/** Whether the step goes through a whole table, or sorts all that was found before the first row is known. */
export const takesAll = ({ type }: PlanStep): boolean => type === 'Seq Scan' || type === 'Sort';
