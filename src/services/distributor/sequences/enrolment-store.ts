import { type Queryable, type RawBuilder, sql } from '#platform/database';
import type { Position } from '#platform/http-server';
import type { ActiveSequence } from './sequence-store.ts';
import type { Enrolment } from './sequence-types.ts';

const columns = sql`
  id, sequence_id as "sequenceId", version, subscriber_id as "subscriberId", run, status, step_id as "stepId", due_at as "dueAt", reason,
  enrolled_at as "enrolledAt", ended_at as "endedAt"`;

/** Each run has issues of its own; more than this and something is wrong with the sequence. */
export const maxRuns = 100;

/**
 * A statement that enrols those whose ids `readers` selects (a column `id`): who is in the sequence already is left alone, and
 * who has been through it begins again only where the sequence lets them.
 */
export function enrolStatement(
  { id, version, definition }: ActiveSequence,
  readers: RawBuilder<{ id: string }>,
  now: Date,
): RawBuilder<{ subscriberId: string }> {
  const afterDays = definition.reentry?.afterDays ?? null;
  const firstStep = definition.steps[0]?.id ?? null;
  return sql<{ subscriberId: string }>`
    insert into sequence_enrolments (id, sequence_id, version, subscriber_id, run, step_id, due_at, enrolled_at)
    select gen_random_uuid(), ${id}::uuid, ${version}::int, reader.id, coalesce(last.run, 0) + 1, ${firstStep}::text, ${now}::timestamptz, ${now}::timestamptz
    from (${readers}) reader
    left join lateral (select run, status, ended_at from sequence_enrolments
                       where sequence_id = ${id}::uuid and subscriber_id = reader.id order by run desc limit 1) last on true
    where last.run is null
       or (last.status <> 'active' and last.run < ${maxRuns}
           and last.ended_at <= ${now}::timestamptz - ${afterDays}::int * interval '1 day')
    on conflict do nothing returning subscriber_id as "subscriberId"`;
}

export async function enrol(tx: Queryable, sequence: ActiveSequence, subscriberIds: readonly string[], now: Date): Promise<string[]> {
  const readers = sql<{ id: string }>`select unnest(${subscriberIds}::uuid[]) as id`;
  const rows = await tx.query('sequence-enrolments.insert', enrolStatement(sequence, readers, now));
  return rows.map(({ subscriberId }) => subscriberId);
}

/** Locks a part of those who are due; whoever else looks meanwhile passes over them. */
export function takeDueEnrolments(tx: Queryable, sequenceId: string, now: Date, limit: number): Promise<Enrolment[]> {
  return tx.query(
    'sequence-enrolments.take-due',
    sql<Enrolment>`select ${columns} from sequence_enrolments
        where sequence_id = ${sequenceId}::uuid and status = 'active' and due_at <= ${now}
        order by due_at, id limit ${limit} for update skip locked`,
  );
}

/** Of those who are due: which versions and runs they are on, by which their issues are known. */
export function listDueRuns(
  database: Queryable,
  sequenceId: string,
  now: Date,
): Promise<{ readonly version: number; readonly run: number }[]> {
  return database.query(
    'sequence-enrolments.due-runs',
    sql<{ version: number; run: number }>`select distinct version, run from (
          select version, run from sequence_enrolments
          where sequence_id = ${sequenceId}::uuid and status = 'active' and due_at <= ${now} order by due_at, id limit 10000) due`,
  );
}

export type StepDone = { readonly enrolmentId: string; readonly stepId: string; readonly outcome: string };

/** @returns those that were not done before: each step is done once an enrolment, whatever happens */
export function recordSteps(
  tx: Queryable,
  steps: readonly StepDone[],
  at: Date,
): Promise<{ readonly enrolmentId: string; readonly stepId: string }[]> {
  return tx.query(
    'sequence-steps.record',
    sql<{ enrolmentId: string; stepId: string }>`insert into sequence_steps_done (enrolment_id, step_id, outcome, done_at)
        select enrolment_id, step_id, outcome, ${at}::timestamptz
        from unnest(${steps.map(({ enrolmentId }) => enrolmentId)}::uuid[], ${steps.map(({ stepId }) => stepId)}::text[],
                    ${steps.map(({ outcome }) => outcome)}::text[]) as s (enrolment_id, step_id, outcome)
        on conflict do nothing returning enrolment_id as "enrolmentId", step_id as "stepId"`,
  );
}

export type Move = Pick<Enrolment, 'id' | 'status' | 'stepId' | 'dueAt' | 'reason'>;

export async function moveEnrolments(tx: Queryable, moves: readonly Move[], at: Date): Promise<void> {
  await tx.execute(
    'sequence-enrolments.move',
    sql`update sequence_enrolments e
        set status = m.status, step_id = m.step_id, due_at = m.due_at, reason = m.reason,
            ended_at = case when m.status <> 'active' then ${at}::timestamptz end
        from unnest(${moves.map(({ id }) => id)}::uuid[], ${moves.map(({ status }) => status)}::text[], ${moves.map(({ stepId }) => stepId)}::text[],
                    ${moves.map(({ dueAt }) => dueAt)}::timestamptz[], ${moves.map(({ reason }) => reason)}::text[])
          as m (id, status, step_id, due_at, reason)
        where e.id = m.id`,
  );
}

/** Everybody who is still in it leaves. */
export function endEnrolments(tx: Queryable, sequenceId: string, reason: string, at: Date): Promise<number> {
  return tx.execute(
    'sequence-enrolments.end',
    sql`update sequence_enrolments set status = 'exited', reason = ${reason}, step_id = null, due_at = null, ended_at = ${at}
        where sequence_id = ${sequenceId}::uuid and status = 'active'`,
  );
}

export function listEnrolments(
  database: Queryable,
  filter: {
    readonly sequenceId: string;
    readonly status?: Enrolment['status'] | undefined;
    readonly before?: Position | undefined;
    readonly limit: number;
  },
): Promise<Enrolment[]> {
  const { sequenceId, status, before, limit } = filter;
  const conditions = [sql<boolean>`sequence_id = ${sequenceId}::uuid`];
  if (status !== undefined) conditions.push(sql`status = ${status}`);
  if (before !== undefined) conditions.push(sql`(enrolled_at, id) < (${before.at}::timestamptz, ${before.id}::uuid)`);
  return database.query(
    'sequence-enrolments.list',
    sql<Enrolment>`select ${columns} from sequence_enrolments where ${sql.join(conditions, sql` and `)}
        order by enrolled_at desc, id desc limit ${limit + 1}`,
  );
}

export type StepFigures = { readonly stepId: string; readonly outcome: string; readonly count: number };

export function countSteps(database: Queryable, sequenceId: string, version: number): Promise<StepFigures[]> {
  return database.query(
    'sequence-steps.count',
    sql<StepFigures>`select d.step_id as "stepId", d.outcome, count(*) as count
        from sequence_enrolments e join sequence_steps_done d on d.enrolment_id = e.id
        where e.sequence_id = ${sequenceId}::uuid and e.version = ${version} group by d.step_id, d.outcome`,
  );
}

/** Before which step how many stand; of those who are through or have left, `stepId` is null. */
export function countEnrolments(
  database: Queryable,
  sequenceId: string,
  version: number,
): Promise<{ readonly status: Enrolment['status']; readonly stepId: string | null; readonly count: number }[]> {
  return database.query(
    'sequence-enrolments.count',
    sql<{ status: Enrolment['status']; stepId: string | null; count: number }>`select status, step_id as "stepId", count(*) as count
        from sequence_enrolments where sequence_id = ${sequenceId}::uuid and version = ${version} group by status, step_id`,
  );
}
