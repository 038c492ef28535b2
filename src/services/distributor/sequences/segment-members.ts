import { type RawBuilder, sql, type Transaction } from '#platform/database';
import type { AudienceRow } from '../distributor-types.ts';
import { enrolStatement } from './enrolment-store.ts';
import type { ActiveSequence } from './sequence-store.ts';

/*
 * Segments are rules: nobody says when a reader comes to belong to one. So those who were in it at the last look are kept, and
 * whoever is there and was not has joined. Whoever leaves and comes back has joined again.
 */

/** A statement that takes the audience for members without enrolling them. */
export function seedMembers(sequenceId: string, audience: RawBuilder<unknown>): RawBuilder<unknown> {
  return sql`insert into sequence_segment_members (sequence_id, subscriber_id)
    select ${sequenceId}::uuid, audience.id from (${audience}) audience on conflict do nothing`;
}

/** A statement that enrols those of the audience who were not members, and makes them members. */
export function enrolNewMembers(sequence: ActiveSequence, audience: RawBuilder<AudienceRow>, now: Date): RawBuilder<unknown> {
  return sql`with joined as (${seedMembers(sequence.id, audience)} returning subscriber_id)
    ${enrolStatement(sequence, sql<{ id: string }>`select subscriber_id as id from joined`, now)}`;
}

/** A statement that forgets the members who are not among the audience any more. */
export function forgetLeavers(sequenceId: string, audience: RawBuilder<AudienceRow>): RawBuilder<unknown> {
  return sql`with audience as materialized (select id from (${audience}) row)
    delete from sequence_segment_members member
    where member.sequence_id = ${sequenceId}::uuid and not exists (select 1 from audience where audience.id = member.subscriber_id)`;
}

export async function forgetMembers(tx: Transaction, sequenceId: string): Promise<void> {
  await tx.execute('sequence-members.forget', sql`delete from sequence_segment_members where sequence_id = ${sequenceId}::uuid`);
}
