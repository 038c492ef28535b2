import { type Queryable, sql } from '#platform/database';
import type { Position } from '#platform/http-server';
import { notFound } from '#shared/errors';
import type { Sequence, SequenceDefinition } from './sequence-types.ts';

const columns = sql`
  id, name, status, definition, active_version as "activeVersion", version, created_by as "createdBy", created_at as "createdAt",
  updated_at as "updatedAt"`;

const json = (value: unknown) => JSON.stringify(value);

/** Undefined when the name is taken. */
export function insertSequence(
  tx: Queryable,
  sequence: Pick<Sequence, 'id' | 'name' | 'definition' | 'createdBy' | 'createdAt'>,
): Promise<Sequence | undefined> {
  const { id, name, definition, createdBy, createdAt } = sequence;
  return tx.maybeOne(
    'sequences.insert',
    sql<Sequence>`insert into sequences (id, name, definition, created_by, created_at, updated_at)
        values (${id}, ${name}, ${json(definition)}::jsonb, ${createdBy}, ${createdAt}, ${createdAt})
        on conflict (name) do nothing returning ${columns}`,
  );
}

/** @throws AppError `not_found` */
export async function getSequence(database: Queryable, id: string): Promise<Sequence> {
  const found = await database.maybeOne('sequences.find', sql<Sequence>`select ${columns} from sequences where id = ${id}::uuid`);
  if (found === undefined) throw notFound('sequence', id);
  return found;
}

export async function lockSequence(tx: Queryable, id: string): Promise<Sequence> {
  const found = await tx.maybeOne('sequences.lock', sql<Sequence>`select ${columns} from sequences where id = ${id}::uuid for update`);
  if (found === undefined) throw notFound('sequence', id);
  return found;
}

/** Newest first; one row more than `limit`. Times are the clock's, in whole milliseconds, so that a cursor names them exactly. */
export function listSequences(
  database: Queryable,
  {
    status,
    before,
    limit,
  }: { readonly status?: Sequence['status'] | undefined; readonly before?: Position | undefined; readonly limit: number },
): Promise<Sequence[]> {
  const conditions = [sql<boolean>`true`];
  if (status !== undefined) conditions.push(sql`status = ${status}`);
  if (before !== undefined) conditions.push(sql`(created_at, id) < (${before.at}::timestamptz, ${before.id}::uuid)`);
  return database.query(
    'sequences.list',
    sql<Sequence>`select ${columns} from sequences where ${sql.join(conditions, sql` and `)} order by created_at desc, id desc limit ${limit + 1}`,
  );
}

/** Undefined when another sequence has the name. */
export async function isNameTaken(tx: Queryable, name: string, exceptId: string): Promise<boolean> {
  const row = await tx.maybeOne(
    'sequences.find-name',
    sql<object>`select 1 from sequences where name = ${name} and id <> ${exceptId}::uuid`,
  );
  return row !== undefined;
}

export function updateSequence(tx: Queryable, id: string, change: Pick<Sequence, 'name' | 'definition'>, at: Date): Promise<Sequence> {
  return tx.one(
    'sequences.update',
    sql<Sequence>`update sequences set name = ${change.name}, definition = ${json(change.definition)}::jsonb, version = version + 1, updated_at = ${at}
        where id = ${id}::uuid returning ${columns}`,
  );
}

export function setSequenceStatus(tx: Queryable, id: string, status: Sequence['status'], at: Date): Promise<Sequence> {
  return tx.one(
    'sequences.set-status',
    sql<Sequence>`update sequences set status = ${status}, updated_at = ${at} where id = ${id}::uuid returning ${columns}`,
  );
}

/** From here on new readers begin with the sequence as it is written now; that version never changes again. */
export async function activateVersion(tx: Queryable, { id, version, definition }: Sequence, at: Date): Promise<Sequence> {
  await tx.execute(
    'sequences.keep-version',
    sql`insert into sequence_versions (sequence_id, version, definition, created_at)
        values (${id}, ${version}, ${json(definition)}::jsonb, ${at}) on conflict do nothing`,
  );
  return tx.one(
    'sequences.activate',
    sql<Sequence>`update sequences set status = 'active', active_version = ${version}, updated_at = ${at} where id = ${id}::uuid returning ${columns}`,
  );
}

export async function deleteSequence(tx: Queryable, id: string): Promise<void> {
  await tx.execute('sequences.delete', sql`delete from sequences where id = ${id}::uuid`);
}

export async function findVersion(database: Queryable, sequenceId: string, version: number): Promise<SequenceDefinition> {
  const row = await database.maybeOne(
    'sequences.find-version',
    sql<{
      definition: SequenceDefinition;
    }>`select definition from sequence_versions where sequence_id = ${sequenceId}::uuid and version = ${version}`,
  );
  if (row === undefined) throw notFound('version of the sequence', String(version));
  return row.definition;
}

export type ActiveSequence = { readonly id: string; readonly version: number; readonly definition: SequenceDefinition };

/** Those that readers may begin and go on with; with a kind of trigger, those that begin by it. */
export function listActiveSequences(database: Queryable, triggers?: readonly string[]): Promise<ActiveSequence[]> {
  return database.query(
    'sequences.list-active',
    sql<ActiveSequence>`select s.id, v.version, v.definition
        from sequences s join sequence_versions v on v.sequence_id = s.id and v.version = s.active_version
        where s.status = 'active' and (${triggers ?? null}::text[] is null or v.definition #>> '{trigger,type}' = any(${triggers ?? null}::text[]))
        order by s.id`,
  );
}

export type StepPlace = { readonly sequenceId: string; readonly version: number; readonly stepId: string; readonly run: number };

/** Null: it goes out by no issue yet. */
export async function findStepIssue(database: Queryable, step: StepPlace): Promise<string | null> {
  const row = await database.maybeOne(
    'sequences.find-step-issue',
    sql<{ issueId: string }>`select issue_id as "issueId" from sequence_step_issues
        where sequence_id = ${step.sequenceId}::uuid and version = ${step.version} and step_id = ${step.stepId} and run = ${step.run}`,
  );
  return row?.issueId ?? null;
}

export type StepIssue = { readonly stepId: string; readonly run: number; readonly issueId: string };

export function listStepIssues(database: Queryable, sequenceId: string, version: number): Promise<StepIssue[]> {
  return database.query(
    'sequences.list-step-issues',
    sql<StepIssue>`select step_id as "stepId", run, issue_id as "issueId" from sequence_step_issues
        where sequence_id = ${sequenceId}::uuid and version = ${version} order by step_id, run`,
  );
}

export async function keepStepIssue(tx: Queryable, step: StepPlace & { readonly issueId: string }): Promise<void> {
  await tx.execute(
    'sequences.keep-step-issue',
    sql`insert into sequence_step_issues (sequence_id, version, step_id, run, issue_id)
        values (${step.sequenceId}, ${step.version}, ${step.stepId}, ${step.run}, ${step.issueId}) on conflict do nothing`,
  );
}
